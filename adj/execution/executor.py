"""Runs queries: prepares a plan, sends its SQL on a connection, and turns the rows into results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from functools import partial
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from asgiref.sync import async_to_sync
from django.db import DatabaseError
from django.db.models import Model
from django.db.models.query import MAX_GET_RESULTS

from adj.abc import Command, Connection, Engine
from adj.compiler.django.dialect import Dialect
from adj.compiler.django.terminal_methods import WRITTEN_BY_DJANGO, assigned_values, call_in_django
from adj.compiler.keys.overrides import ITERATOR, has_own_async
from adj.compiler.plans.plan import Plan
from adj.compiler.plans.prepare import prepare, prepare_iteration
from adj.compiler.plans.prepared import DjangoPath, Execution, KnownResult, Ready
from adj.compiler.relations.known_objects import prefetches, set_known_related_objects
from adj.django_types import AnyPrefetch, PrivateModel
from adj.engines.threads.thread_call import uninterrupted
from adj.engines.threads.unsent_writes import call_keeping_transaction
from adj.events import Stopwatch, is_observed
from adj.execution.prefetch import prefetch
from adj.execution.transaction import current
from adj.statement.shapes import WRITES, Answer
from adj.statement.statement import Statement, TerminalCall
from adj.statement.text import query_text

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")

MOST_ATTEMPTS = 2
"""How often a statement that only reads is sent before a lost session becomes an error."""

_UNWATCHED = nullcontext()

Rows: TypeAlias = list[Any]
"""Rows of every shape, and counts: AsyncQuery[M, R] knows their types."""


class Executor:
    """Runs queries on an engine.

    `executor_for` returns the executors of other aliases. With a `connection`, all queries use that one.
    """

    def __init__(
        self,
        engine: Engine,
        dialect: Dialect,
        executor_for: Callable[[str], Awaitable[Executor]],
        connection: Connection | None = None,
    ) -> None:
        self.engine = engine
        self.dialect = dialect
        self._executor_for = executor_for
        self._connection = connection

    @property
    def is_shared(self) -> bool:
        """Whether only one query can run at a time."""
        return self._connection is not None

    async def sibling(self, alias: str) -> Executor:
        """The executor of an alias, which may be this one."""
        return self if alias == self.dialect.alias else await self._executor_for(alias)

    def on(self, connection: Connection) -> Executor:
        """An executor that uses the caller's connection."""
        return Executor(self.engine, self.dialect, self._executor_for, connection)

    async def prefetch(self, execution: Execution, rows: Rows) -> None:
        """Fetch the prefetches of a query for its rows, unless these are values, whose prefetches Django ignores."""
        if rows and isinstance(rows[0], Model) and (lookups := prefetches(execution.statement)):
            await prefetch(self, rows, lookups)

    async def load(self, instances: Sequence[PrivateModel], lookups: Sequence[str | AnyPrefetch]) -> None:
        """Fetch relations, by the lookups of `prefetch_related()`, and the deferred keys that they need."""
        await prefetch(self, instances, lookups, loads_columns=True)

    async def answer(self, execution: Execution) -> Any:
        """Run a query and return the result of its terminal method: rows, a row, a number, a boolean or a dict."""
        prepared = prepare(execution, self.dialect)
        if isinstance(prepared, KnownResult):
            return prepared.result
        if isinstance(prepared, DjangoPath):
            terminal = execution.terminal
            call: Callable[[], object] = partial(call_in_django, prepared.source, terminal)
            if terminal.answer in WRITES or terminal.answer in WRITTEN_BY_DJANGO:
                values = assigned_values(execution.statement, terminal)
                call = partial(call_keeping_transaction, self.dialect.alias, values, call)
            return await self.answer_in_django(execution.statement, terminal, call)
        command, receive = _command(execution, prepared), _receiver(execution, prepared.plan)
        may_query = prepared.plan.calls_project_code()
        watch = _watch(execution, prepared, self.dialect.alias) if is_observed() else None
        if watch is not None:
            receive = watch.timed(receive)
        rows: Any = None
        attempts = 1 if command.writes else MOST_ATTEMPTS
        # The loop is not in a method: few frames stand between a user's `await` and the driver.
        with watch or _UNWATCHED:
            while True:
                attempts -= 1
                async with self.connection() as connection:
                    if watch is not None:
                        watch.has_connection()
                    try:
                        rows = await connection.fetch(command, receive, may_query=may_query)
                        break
                    except DatabaseError as error:
                        # A read is sent again, on another connection, if the server has certainly not started it.
                        if not attempts or not connection.was_not_started(error):
                            raise
        terminal = execution.terminal
        if terminal.answer in _OF_INSTANCES or terminal.returning == ():
            await self.prefetch(execution, rows)
        return rows if terminal.returning is not None else _CONCLUSIONS[terminal.answer](execution.statement, rows)

    async def answer_in_django(
        self,
        statement: Statement,
        terminal: TerminalCall,
        function: Callable[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a statement by synchronous code that blocks on the database: Django's own, or the project's."""
        if not is_observed():
            return await self.run(function, *args, **kwargs)
        text = query_text(statement, terminal, with_values=False)
        with Stopwatch(self.dialect.alias, "", text, was_cached=False) as watch:
            async with self.connection() as connection:
                watch.has_connection()
                return await connection.run(watch.running, self.dialect.alias, function, *args, **kwargs)

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """The connection of the current task's transaction, or one that is checked out from the engine.

        Raises `CrossTaskTransaction` in a task that was started inside another task's transaction.
        """
        if self._connection is not None:
            return nullcontext(self._connection)
        transaction = current(self.dialect.alias)
        return self.engine.connection() if transaction is None else nullcontext(transaction.connection)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code on the transaction's connection, or on one that is checked out for it."""
        async with self.connection() as connection:
            return await connection.run(function, *args, **kwargs)


class Chunks:
    """The rows of a query in lists of at most `size`, as the server sends them; a context manager."""

    def __init__(self, executor: Executor, execution: Execution, size: int) -> None:
        self._executor, self._question, self._size = executor, execution, size
        self._stack = AsyncExitStack()
        self.fetch: Callable[[], Awaitable[Rows]] = _nothing
        """Fetch the next rows; an empty list at the end."""

    async def __aenter__(self) -> Self:
        prepared = prepare_iteration(self._question, self._executor.dialect, ITERATOR)
        if isinstance(prepared, KnownResult):
            return self
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._executor.connection())
            open_rows = self._open_foreign if isinstance(prepared, DjangoPath) else self._open
            self.fetch = await open_rows(stack, connection, prepared)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(error_type, error, traceback)

    async def _open(
        self, stack: AsyncExitStack, connection: Connection, prepared: Any
    ) -> Callable[[], Awaitable[Rows]]:
        command = _command(self._question, prepared)
        cursor = await stack.enter_async_context(connection.cursor(command, self._size))
        receive = partial(_hydrated, self._question.statement, prepared.plan)
        may_query = prepared.plan.calls_project_code()
        # The relations of a chunk are fetched on the cursor's connection, too.
        executor = self._executor.on(connection)

        async def fetch() -> Rows:
            rows = await cursor.fetch(receive, may_query=may_query)
            await executor.prefetch(self._question, rows)
            return rows

        return fetch

    async def _open_foreign(
        self, stack: AsyncExitStack, connection: Connection, prepared: Any
    ) -> Callable[[], Awaitable[Rows]]:
        """Open the rows of a QuerySet class that overrides iteration."""
        rows = await connection.run(_iterated, prepared.source, self._size)
        stack.push_async_callback(connection.run, _closed, rows)

        async def fetch() -> Rows:
            return await connection.run(_next_rows, rows, self._size)

        return fetch


async def _nothing() -> Rows:
    return []


def _iterated(source: Any, chunk_size: int) -> Iterator[Any]:
    """The rows of a QuerySet or a manager, as its own `iterator()` fetches them; blocks on the database."""
    if has_own_async(source, "iterator"):
        return iter(all_rows(source.aiterator(chunk_size=chunk_size)))
    rows: Iterator[Any] = source.iterator(chunk_size=chunk_size)
    return rows


def all_rows(rows: Any) -> Rows:
    """All rows of the project's async iteration; blocks on the database."""

    async def collect() -> Rows:
        return [row async for row in rows]

    return async_to_sync(collect)()


def _next_rows(rows: Iterator[object], count: int) -> Rows:
    return list(islice(rows, count))


@uninterrupted
def _closed(rows: Any) -> None:
    """Close an iterator, if it is a generator."""
    if hasattr(rows, "close"):
        rows.close()


def _hydrated(statement: Statement, plan: Plan, rows: Sequence[Any]) -> Rows:
    """The rows of the result; runs where the database's rows arrive, which may be a thread."""
    hydrated = plan.hydrate(rows)
    set_known_related_objects(statement, hydrated)
    return hydrated


def _watch(execution: Execution, ready: Ready, alias: str) -> Stopwatch:
    text = query_text(execution.statement, execution.terminal, with_values=False)
    return Stopwatch(alias, ready.sql, text, was_cached=ready.was_cached)


def _receiver(execution: Execution, plan: Plan) -> Callable[[Any], Any]:
    """The function that turns the database's rows into those of the result."""
    if execution.terminal.answer is Answer.EXISTS:
        return bool
    return partial(_hydrated, execution.statement, plan) if _has_relations(execution.terminal) else plan.hydrate


def _has_relations(terminal: TerminalCall) -> bool:
    """Whether the rows may be instances, rather than the number of changed rows or columns of these."""
    return terminal.answer not in WRITES or terminal.returning == ()


def _command(execution: Execution, ready: Ready) -> Command:
    return Command(
        ready.sql,
        ready.parameters,
        locks_rows=ready.plan.locks_rows,
        writes=execution.terminal.answer in WRITES,
        is_typed=ready.plan.is_typed,
        seconds=execution.statement.seconds,
        returns_rows=execution.terminal.answer not in WRITES or execution.terminal.returning is not None,
    )


# -- results of terminal methods ---------------------------------------------------------------------------------------


def _only_row(statement: Statement, rows: Rows) -> Any:
    """The row of `aget()`. Raises Django's two errors, with Django's messages."""
    if len(rows) == 1:
        return rows[0]
    name = statement.model._meta.object_name
    if not rows:
        raise statement.model.DoesNotExist(f"{name} matching query does not exist.")
    count = len(rows) if len(rows) < MAX_GET_RESULTS else f"more than {MAX_GET_RESULTS - 1}"
    raise statement.model.MultipleObjectsReturned(f"get() returned more than one {name} -- it returned {count}!")


def _first_row(statement: Statement, rows: Rows) -> Any:
    return rows[0] if rows else None


def _first_value(statement: Statement, rows: Rows) -> Any:
    return rows[0]


def _changed(statement: Statement, rows: Rows) -> int:
    count: int = rows[0][0]
    return count


def _deleted(statement: Statement, rows: Rows) -> tuple[int, dict[str, int]]:
    """What Django's `delete()` returns."""
    count = _changed(statement, rows)
    return count, {statement.model._meta.label: count} if count else {}


def _unchanged(statement: Statement, rows: object) -> Any:
    return rows


_OF_INSTANCES = frozenset({Answer.ROWS, Answer.GET, Answer.FIRST, Answer.LAST, Answer.EARLIEST, Answer.LATEST})
"""Terminal methods whose rows may have prefetched relations."""

_CONCLUSIONS: Mapping[Answer, Callable[[Statement, Any], Any]] = {
    Answer.ROWS: _unchanged,
    Answer.EXISTS: _unchanged,
    Answer.GET: _only_row,
    Answer.FIRST: _first_row,
    Answer.LAST: _first_row,
    Answer.EARLIEST: _only_row,
    Answer.LATEST: _only_row,
    Answer.COUNT: _first_value,
    Answer.AGGREGATE: _first_value,
    Answer.UPDATE: _changed,
    Answer.DELETE: _deleted,
}
