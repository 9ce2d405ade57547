"""Compiling without a connection: a private database wrapper per alias that knows facts and refuses I/O.

While compiling, Django reads the server's version, features and autocommit state, and would open a synchronous
connection for them. The wrapper here gets these facts once, from an engine. Its operations create compilers that know
marked nodes and limits that are inserted at run time.

Private Django API used here: `ConnectionHandler.create_connection`, `DatabaseOperations.compiler`,
`DatabaseFeatures.__dict__`, `DatabaseWrapper.__dict__`.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NoReturn, cast

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import MULTI

from adj.abc import ServerFacts
from adj.compiler.django.backend_code import backend_objection
from adj.compiler.django.limits import Limits
from adj.compiler.slots.slotted_query import MarkingCompiler
from adj.djangos import is_djangos
from adj.errors import EngineNotOpen
from adj.settings import check_alias
from adj.statement.structure import Uncacheable

_RUN_BY_PLANS = ("SQLCompiler", "SQLUpdateCompiler", "SQLDeleteCompiler", "SQLAggregateCompiler")


class Captured(Exception):
    """Raised instead of executing: holds what a terminal method of Django was about to execute."""

    def __init__(self, compiler: SQLCompiler, sql: str, parameters: Sequence[object]) -> None:
        super().__init__(sql)
        self.compiler, self.sql, self.parameters = compiler, sql, parameters


class QueriesDatabase(Uncacheable):
    """Compiling needs another query first, for example for the key of a content type."""

    def __init__(self) -> None:
        super().__init__("its SQL depends on what another query finds")


class _Capturing(threading.local):
    """Whether to capture this thread's next query; queries run while it compiles are not it."""

    is_awaited = False


_capturing = _Capturing()


@contextmanager
def capturing() -> Generator[None]:
    """Capture the first query of the block; any other raises `QueriesDatabase`."""
    _capturing.is_awaited = True
    try:
        yield
    finally:
        _capturing.is_awaited = False


class CapturingCompiler(MarkingCompiler):
    """Mixed into a backend's compiler: raises `Captured` instead of running the query."""

    def execute_sql(self, result_type: object = MULTI, chunked_fetch: bool = False, chunk_size: int = 0) -> Any:
        """Raise `Captured`; return no rows for a query that cannot have any, as Django does.

        Raises `QueriesDatabase` for a query that runs while another one is compiled.
        """
        if not _capturing.is_awaited:
            raise QueriesDatabase
        _capturing.is_awaited = False
        try:
            sql, parameters = self.as_sql()
            if not sql:
                # An UPDATE that sets nothing.
                raise EmptyResultSet
        except EmptyResultSet:
            _capturing.is_awaited = True
            return iter(()) if result_type == MULTI else None
        raise Captured(self, sql, parameters)


@lru_cache(maxsize=1_024)
def capturing_class(compiler_class: type[SQLCompiler]) -> type[SQLCompiler]:
    """The capturing variant of a backend's compiler."""
    return type(f"Capturing{compiler_class.__name__}", (CapturingCompiler, compiler_class), {})


class Dialect:
    """The SQL dialect of one alias: an offline wrapper, and the limits that adj inserts itself."""

    def __init__(self, alias: str, facts: ServerFacts | None) -> None:
        self.alias = alias
        self.has_facts = facts is not None
        # Its attributes are replaced on the instance, which type checkers do not allow.
        self.wrapper: Any = connections.create_connection(alias)
        self._compiling = threading.local()
        # The backend's classes; a package may replace their `execute_sql` later.
        self.compilers: tuple[type[SQLCompiler], ...] = tuple(map(self.wrapper.ops.compiler, _RUN_BY_PLANS))
        self.plain_execution: tuple[object, ...] = ()
        self._go_offline()
        if facts is not None:
            self.wrapper.__dict__.update(facts.attributes)
            _replace_features(self.wrapper.features, facts.features)

    def execution_reason(self) -> str | None:
        """Why Django has to execute every statement: a package replaces how compilers execute, or read rows."""
        read, update, delete, aggregate = self.compilers
        now = (read.execute_sql, update.execute_sql, delete.execute_sql, aggregate.execute_sql)
        names = ("execute_sql",) * len(now) + ("results_iter", "apply_converters")
        # Those that read rows are replaced at a program's start, if at all, and not asked for at every query.
        for name, function in zip(names, (*now, read.results_iter, read.apply_converters), strict=True):
            if not is_djangos(function):
                where = getattr(function, "__globals__", {}).get("__name__", "other code")
                return f"{where} replaces {name}() of Django's compilers"
        self.plain_execution = now
        return None

    def plan_objection(self) -> str | None:
        """Why no statement can have a plan: code outside of Django generates SQL; None if none does."""
        operations: type = type(self.wrapper.ops)
        return backend_objection((operations, *self.compilers))

    def _go_offline(self) -> None:
        wrapper, make_compiler = self.wrapper, self.wrapper.ops.compiler
        wrapper.connect = wrapper.ensure_connection = self._refuse
        # Django's own guard against event loops would raise first.
        wrapper.cursor = wrapper.temporary_connection = self._refuse
        wrapper.get_autocommit = self._note_row_lock
        wrapper.ops.compiler = lambda name: capturing_class(make_compiler(name))
        self.limits = Limits(wrapper.ops)

    def _note_row_lock(self) -> bool:
        """Django checks for a transaction when it writes FOR UPDATE; adj checks when the query runs."""
        self._compiling.locks_rows = True
        return False

    @property
    def locks_rows(self) -> bool:
        """Whether the statement that this thread compiled last, in `installed()`, locks rows."""
        return bool(self._compiling.locks_rows)

    @property
    def most_parameters(self) -> int | None:
        """The maximum number of parameters of a statement; None if the backend has no limit."""
        most: int | None = self.wrapper.features.max_query_params
        if most is not None and self.wrapper.vendor == "sqlite":
            # Django before 6.0 names the limit of SQLite before 3.32, https://www.sqlite.org/limits.html
            most = max(most, 32_766)
        if most is None and self.wrapper.settings_dict["OPTIONS"].get("server_side_binding") is True:
            # The protocol counts them in 16 bits; Django before 6.1 does not know.
            most = 65_535
        return most

    def _refuse(self) -> NoReturn:
        if self.has_facts:
            raise QueriesDatabase
        raise EngineNotOpen(
            alias=self.alias,
            reason="this SQL depends on the server's version or features, which are not known before the first query.",
            advice="Run a query on this alias first, then call sql().",
        )

    @contextmanager
    def installed(self) -> Generator[None]:
        """Make the offline wrapper this thread's `connections[alias]` while Django builds SQL."""
        self._compiling.locks_rows = False
        open_before = {wrapper.alias: wrapper for wrapper in connections.all(initialized_only=True)}
        connections[self.alias] = cast("BaseDatabaseWrapper", self.wrapper)
        try:
            yield
        finally:
            if (before := open_before.get(self.alias)) is not None:
                connections[self.alias] = before
            else:
                del connections[self.alias]


def _replace_features(features: object, facts: Mapping[str, object]) -> None:
    """Replace computed features with known values, on a subclass: instances cannot override a property."""
    features_class = type(features)
    features.__class__ = type(f"Offline{features_class.__name__}", (features_class,), dict(facts))


_dialects: dict[str, Dialect] = {}
_lock = threading.Lock()


def dialect_for(alias: str, facts: ServerFacts | None = None) -> Dialect:
    """The dialect of an alias, shared by all threads and event loops; the first facts replace it."""
    dialect = _dialects.get(alias)
    if dialect is not None and (dialect.has_facts or facts is None):
        return dialect
    check_alias(alias)
    with _lock:
        dialect = _dialects[alias] = Dialect(alias, facts)
    return dialect


def refresh_time_zones() -> None:
    """Make every dialect read its time zone from the settings again, as Django does for its connections."""
    for dialect in _dialects.values():
        for name in ("timezone", "timezone_name"):
            dialect.wrapper.__dict__.pop(name, None)


def forget_dialects() -> None:
    """Drop all dialects, for a process whose databases change, such as a test run."""
    with _lock:
        _dialects.clear()
