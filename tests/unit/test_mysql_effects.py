"""What a statement leaves in its session of MariaDB or MySQL."""

from __future__ import annotations

import pytest

from adj.engines.session.mysql_effects import mysql_effects

NOTHING = [
    "",
    " ; ",
    "(SELECT 1) UNION (SELECT 2)",
    "-- SET @a = 1\nSELECT 1",
    "# SET @a = 1\nSELECT 1",
    "/* SET @a = 1 */ SELECT 1",
    "SELECT '@a', \"it's @a; SET @a = 1\", 'it\\'s; SET @a = 1', `@a`, 1--1",
    "SELECT @@version, @@in_transaction",
    "INSERT INTO `t` (`a`) VALUES (%s) RETURNING `t`.`id`",
    "SELECT `temporary` FROM t",
    "BEGIN",
    "START TRANSACTION",
    "SAVEPOINT `s1`",
]
LASTING = [
    "SET @a = 1",
    "/* first */ SET autocommit = 0",
    "# first\nSET @a = 1",
    "/*!40101 SET NAMES utf8 */",
    "/*M!100100 SET @a = 1 */",
    "SELECT 1; SET @a = 1",
    "SELECT @a := 1",
    "SELECT 1 INTO @`a`",
    "SELECT GET_LOCK('a', 1)",
    "SELECT Release_All_Locks ()",
    "LOCK TABLES t WRITE",
    "FLUSH TABLES WITH READ LOCK",
    "CREATE TEMPORARY TABLE t (n int)",
    "BEGIN NOT ATOMIC SELECT 1; END",
    "USE other",
    "SELECT `set tenant`(1)",
    "CALL x()",
    "PREPARE x FROM 'SELECT 1'",
    "HANDLER t OPEN",
]


@pytest.mark.parametrize("sql", NOTHING)
def test_what_is_known_to_leave_nothing(sql: str) -> None:
    assert not mysql_effects(sql).is_lasting


@pytest.mark.parametrize("sql", LASTING)
def test_what_outlives_its_transaction(sql: str) -> None:
    assert mysql_effects(sql).is_lasting


@pytest.mark.parametrize("sql", ["SELECT set_tenant(7)", "SELECT app.`Set_Tenant` (7)"])
def test_functions_that_have_to_be_asked_about(sql: str) -> None:
    assert mysql_effects(sql).functions == {"set_tenant"}


@pytest.mark.parametrize("part", ["\n", "/*", "'", '"', "`", "#", "(", "-", "@@", "%s, ", "\\"])
def test_no_text_is_read_over_and_over(part: str) -> None:
    """As it would be by an expression that goes back."""
    mysql_effects("SELECT " + part * 30_000)
