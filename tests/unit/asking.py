"""Asks the compiler without a server: the plan, SQL and parameters of a query, and Django's for the same."""

from __future__ import annotations

from typing import Any, TypeAlias

from django.core.exceptions import EmptyResultSet
from django.db import connections

from adj import AsyncQuery, plan_cache
from adj.compiler.django.build import build
from adj.compiler.django.dialect import Dialect, dialect_for
from adj.compiler.plans.cache import CacheStats
from adj.compiler.plans.plan import Plan
from adj.compiler.plans.prepare import prepare
from adj.compiler.plans.prepared import Execution, KnownResult, Ready
from adj.engines.threads.server_facts import read_facts
from adj.statement.statement import ROWS, TerminalCall
from adj.statement.structure import Key, Structure

AnyQuery: TypeAlias = AsyncQuery[Any, Any]
SQLAndParameters: TypeAlias = tuple[str, tuple[object, ...]]

NOTHING: SQLAndParameters = ("", ())
"""The SQL of a query that Django does not send, since it can have no rows."""


def dialect() -> Dialect:
    """The dialect of SQLite, which knows its server's facts."""
    known = dialect_for("default")
    return known if known.has_facts else dialect_for("default", read_facts("default"))


def prepared(query: AnyQuery, finish: TerminalCall = ROWS) -> Any:
    """What the compiler makes of a query: Ready, KnownResult or DjangoPath."""
    return prepare(Execution(query.statement, query.structure, finish), dialect())


def ready(query: AnyQuery, finish: TerminalCall = ROWS) -> Ready:
    """The same, for a query that has a plan."""
    found = prepared(query, finish)
    assert isinstance(found, Ready), f"{query!r} has no plan but {found!r}"
    return found


def plan_of(query: AnyQuery, finish: TerminalCall = ROWS) -> Plan:
    """The plan of a query."""
    return ready(query, finish).plan


def sql_of(query: AnyQuery) -> SQLAndParameters:
    """The SQL and the parameters that adj would send."""
    found = prepared(query)
    return NOTHING if isinstance(found, KnownResult) else (found.sql, tuple(found.parameters))


def django_sql_of(query: AnyQuery) -> SQLAndParameters:
    """The SQL and the parameters that Django sends for the same question."""
    try:
        sql, parameters = build(query.statement).query.get_compiler(connection=connections["default"]).as_sql()
    except EmptyResultSet:
        return NOTHING
    return sql, tuple(parameters)


def structure_of(query: AnyQuery) -> Structure:
    """The structure of a query that has one."""
    assert isinstance(query.structure, Structure), f"{query!r} is unkeyed: {query.structure.reason}"
    return query.structure


def key_of(query: AnyQuery) -> Key:
    """What decides the SQL of a query."""
    structure = structure_of(query)
    return (query.statement.model, query.statement.alias, structure.key)


def counted(before: CacheStats) -> dict[str, int]:
    """How many of each the cache has counted since."""
    after = plan_cache.stats()
    names = ("hits", "misses", "refusals", "uncacheable")
    return {name: count for name in names if (count := getattr(after, name) - getattr(before, name))}
