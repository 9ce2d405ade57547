"""What a statement leaves in its session is told by its first word, its other words, and what is called in it."""

from __future__ import annotations

import pytest

from adj.engines.session.sql_effects import session_effects

NOTHING = [
    "",
    " ; ",
    "SELECT 1",
    "(SELECT 1) UNION (SELECT 2)",
    "-- a comment\nSELECT 1",
    "/* a comment */ SELECT 1",
    "SET LOCAL statement_timeout = 1",
    "set transaction read only",
    "SET CONSTRAINTS ALL DEFERRED",
    "SET LOCAL x = 1; SELECT 1",
    "BEGIN READ ONLY",
    'SAVEPOINT "s1_x2"',
    "SELECT pg_catalog.set_config(%s, %s, true)",
    "SELECT set_config('a', 'b', TRUE)",
    "SELECT set_config('a', (SELECT b FROM c), true)",
    "SELECT set_config('a', set_config('b', 'c', true), true)",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT pg_advisory_lock FROM t",
    'SELECT "temp", t.hold FROM t',
    "SELECT 'SET x = 1; RESET ALL', E'it\\'s; SET x', $a$ ; SET x $b$ ; $a$",
    "SELECT '''; SET x TO y; '''",
    'SELECT 1 AS "; SET x TO y"',
    'INSERT INTO "shop_book" ("title", "pages") VALUES (%s, %s), (%s, %s) RETURNING "shop_book"."id"',
    'INSERT INTO app."odd name" (a) VALUES (1)',
    'SELECT COUNT(*) FROM "b" T3 WHERE (T3."a" IN (1) AND NOT (T3."c" > 2)) FETCH FIRST ROW ONLY',
    "SELECT (1)::numeric(10, 2)",
]
LASTING = [
    "SET search_path TO t",
    "set session characteristics as transaction read only",
    "SET/* a comment */x = 1",
    "SELECT 1; RESET ALL",
    "SELECT 1;\n\n-- a comment\nSET x = 1",
    "LISTEN x",
    "LOAD 'plpgsql'",
    "DISCARD ALL",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "DO $$ BEGIN END $$",
    "CALL x()",
    "CREATE TEMP TABLE t (n int)",
    "CREATE TABLE pg_temp.t (n int)",
    'CREATE TABLE "pg_temp" . "t" (n int)',
    "SELECT 1 AS n INTO TEMPORARY t",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "SELECT set_config('a', 'b', false)",
    "SELECT SET_CONFIG ('a', 'b', $1)",
    "SELECT set_config('a', (SELECT b, true), false)",
    "SELECT set_config('a', set_config('b', 'c', false), true)",
    "SELECT pg_try_advisory_lock(1) FROM t",
    'SELECT "set tenant"(1)',
    "/* /* */ ' */ SET x TO y; --'",
    "SELECT query_to_xml('SET x TO y', true, true, '')",
]
CALLING = [
    ("SELECT set_tenant(7)", {"set_tenant"}),
    ("SELECT app . Set_Tenant (7)", {"set_tenant"}),
    ('SELECT "Set_Tenant"(lower(x))', {"Set_Tenant"}),
    ("SELECT a$b$ , set_tenant(1)", {"set_tenant"}),
    ("SELECT ST_Distance(a, b), similarity(c, d) FROM t", {"st_distance", "similarity"}),
    ("INSERT INTO t (a) SELECT f(1)", {"f"}),
    ("CREATE TABLE t (n int)", {"t"}),
    ("WITH x (a) AS (SELECT 1) SELECT a FROM x", {"x"}),
]


@pytest.mark.parametrize("sql", NOTHING)
def test_what_is_known_to_leave_nothing(sql: str) -> None:
    trace = session_effects(sql)
    assert not trace.is_lasting
    assert not trace.functions


@pytest.mark.parametrize("sql", LASTING)
def test_what_outlives_its_transaction(sql: str) -> None:
    assert session_effects(sql).is_lasting


@pytest.mark.parametrize(("sql", "functions"), CALLING)
def test_functions_that_are_looked_up_on_the_server(sql: str, functions: set[str]) -> None:
    trace = session_effects(sql)
    assert not trace.is_lasting
    assert trace.functions == functions


@pytest.mark.parametrize("part", ["\n", "/*", "'", '"', "$a ", "$a$ $b$", "(", "set_config(", "-", "%s, "])
def test_no_text_is_read_over_and_over(part: str) -> None:
    """As it would be by an expression that goes back: thirty thousand newlines took one 19 seconds."""
    session_effects("SELECT " + part * 30_000)
