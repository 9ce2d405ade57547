"""The one place where a plan, a connection and a hydrator meet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from functools import partial
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from asgiref.sync import async_to_sync
from django.db import DatabaseError
from django.db.models.query import MAX_GET_RESULTS

from adj.abc import Command, Connection, Engine
from adj.compiler.django.dialect import Dialect
from adj.compiler.django.terminal_methods import WRITTEN_BY_DJANGO, assigned_values, finish_in_django
from adj.compiler.keys.overrides import ITERATOR, has_own_async
from adj.compiler.plans.plan import Plan
from adj.compiler.plans.prepare import prepare, prepare_iteration
from adj.compiler.plans.prepared import DjangoPath, KnownResult, Question, Ready
from adj.compiler.relations.known_objects import prefetches, set_known_related_objects
from adj.engines.threads.thread_call import uninterrupted
from adj.engines.threads.unsent import call_unbroken
from adj.events import Stopwatch, is_observed
from adj.execution.prefetch import prefetch
from adj.execution.transaction import current
from adj.statement.shapes import WRITES, Answer
from adj.statement.statement import Finish, Statement
from adj.statement.text import query_text

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")

MOST_ATTEMPTS = 2
"""How often a statement that only reads is sent before a lost session is an error."""

# Rows, counts and dicts pass through here without being looked at; AsyncQuery[M, R] gives them their types.
Rows = list[Any]


class Executor:
    """Runs questions on one engine.

    `executor_for` finds the executors of other aliases. A `lent` connection is the only one that is used.
    """

    def __init__(
        self,
        engine: Engine,
        dialect: Dialect,
        executor_for: Callable[[str], Coroutine[Any, Any, Executor]],
        lent: Connection | None = None,
    ) -> None:
        self.engine = engine
        self.dialect = dialect
        self._executor_for = executor_for
        self._lent = lent

    @property
    def is_shared(self) -> bool:
        """Whether only one question can be asked at a time."""
        return self._lent is not None

    async def sibling(self, alias: str) -> Executor:
        """The executor of an alias, which may be this one."""
        return self if alias == self.dialect.alias else await self._executor_for(alias)

    def on(self, connection: Connection) -> Executor:
        """The same on a connection that the caller has."""
        return Executor(self.engine, self.dialect, self._executor_for, connection)

    async def prefetch(self, question: Question, rows: Rows) -> None:
        """Fetch what a question's rows are asked to have with them."""
        if rows and (lookups := prefetches(question.statement)):
            await prefetch(self, rows, lookups)

    async def load(self, instances: Sequence[Any], lookups: Sequence[Any]) -> None:
        """Fetch relations that instances do not carry, as `prefetch_related()` takes them, and their deferred keys."""
        await prefetch(self, instances, lookups, loads_columns=True)

    async def answer(self, question: Question) -> Any:
        """Run a question and give its answer: rows, one row, a number, a truth or a dict, as its ending says."""
        prepared = prepare(question, self.dialect)
        if isinstance(prepared, KnownResult):
            return prepared.result
        if isinstance(prepared, DjangoPath):
            finish = question.finish
            call: Callable[[], Any] = partial(finish_in_django, prepared.source, finish)
            if finish.answer in WRITES or finish.answer in WRITTEN_BY_DJANGO:
                values = assigned_values(question.statement, finish)
                call = partial(call_unbroken, self.dialect.alias, values, call)
            return await self.answer_in_django(question.statement, finish, call)
        receive = _receiver(question, prepared.plan)
        may_query = prepared.plan.calls_project_code()
        if is_observed():
            made = await self._fetch_observed(question, prepared, receive, may_query=may_query)
        else:
            made = await self._fetch(_command(question, prepared), receive, may_query=may_query)
        finish = question.finish
        if finish.answer in _OF_INSTANCES or finish.returning == ():
            await self.prefetch(question, made)
        return made if finish.returning is not None else _CONCLUSIONS[finish.answer](question.statement, made)

    async def answer_in_django(
        self,
        statement: Statement,
        finish: Finish,
        function: Callable[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Answer a statement by synchronous code that blocks on the database: Django's own, or the project's."""
        if not is_observed():
            return await self.run(function, *args, **kwargs)
        watch = Stopwatch(self.dialect.alias, "", query_text(statement, finish, with_values=False), was_cached=False)
        try:
            async with self.connection() as connection:
                watch.lent()
                found = await connection.run(watch.running, self.dialect.alias, function, *args, **kwargs)
        except BaseException as error:
            watch.tell(error)
            raise
        watch.tell()
        return found

    async def _fetch_observed(
        self, question: Question, ready: Ready, receive: Callable[[Any], Any], *, may_query: bool
    ) -> Any:
        """The same as `_fetch()`, for those who want to know how long it takes."""
        text = query_text(question.statement, question.finish, with_values=False)
        watch = Stopwatch(self.dialect.alias, ready.sql, text, was_cached=ready.was_cached)
        try:
            command, timed = _command(question, ready), watch.timed(receive)
            made = await self._fetch(command, timed, may_query=may_query, lent=watch.lent)
        except BaseException as error:
            watch.tell(error)
            raise
        watch.tell()
        return made

    async def _fetch(
        self,
        command: Command,
        receive: Callable[[Any], Any],
        *,
        may_query: bool,
        lent: Callable[[], None] | None = None,
    ) -> Any:
        """Run a statement; a read once more, on another connection, where the server has certainly not started it."""
        attempts = 1 if command.writes else MOST_ATTEMPTS
        while True:
            attempts -= 1
            async with self.connection() as connection:
                if lent is not None:
                    lent()
                try:
                    return await connection.fetch(command, receive, may_query=may_query)
                except DatabaseError as error:
                    if not attempts or not connection.was_not_started(error):
                        raise

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """The connection of the transaction that the current task is in, or one that is lent for this once.

        Raises `CrossTaskTransaction` in a task that was started within a transaction of another one.
        """
        if self._lent is not None:
            return nullcontext(self._lent)
        transaction = current(self.dialect.alias)
        return self.engine.connection() if transaction is None else nullcontext(transaction.connection)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code on the transaction's connection, or on one of its own."""
        async with self.connection() as connection:
            return await connection.run(function, *args, **kwargs)


class Chunks:
    """The rows of a question in lists of at most `size`, as the server sends them; a context manager."""

    def __init__(self, executor: Executor, question: Question, size: int) -> None:
        self._executor, self._question, self._size = executor, question, size
        self._stack = AsyncExitStack()
        self.fetch: Callable[[], Awaitable[Rows]] = _nothing
        """The next rows; none at the end."""

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
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    async def _open(
        self, stack: AsyncExitStack, connection: Connection, prepared: Any
    ) -> Callable[[], Awaitable[Rows]]:
        command = _command(self._question, prepared)
        cursor = await stack.enter_async_context(connection.cursor(command, self._size))
        receive = partial(_made, self._question.statement, prepared.plan)
        may_query = prepared.plan.calls_project_code()
        # The cursor keeps its connection, on which the relations of a chunk are fetched as well.
        executor = self._executor.on(connection)

        async def fetch() -> Rows:
            rows = await cursor.fetch(receive, may_query=may_query)
            await executor.prefetch(self._question, rows)
            return rows

        return fetch

    async def _open_foreign(
        self, stack: AsyncExitStack, connection: Connection, prepared: Any
    ) -> Callable[[], Awaitable[Rows]]:
        """The rows of a QuerySet that iterates in its own way."""
        rows = await connection.run(_iterated, prepared.source, self._size)
        stack.push_async_callback(connection.run, _closed, rows)

        async def fetch() -> Rows:
            return await connection.run(_taken, rows, self._size)

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
    """All rows of an asynchronous iteration of the project's; blocks on the database."""

    async def collect() -> Rows:
        return [row async for row in rows]

    return async_to_sync(collect)()


def _taken(rows: Iterator[Any], count: int) -> Rows:
    return list(islice(rows, count))


@uninterrupted
def _closed(rows: Any) -> None:
    """End an iteration; only a generator has something to end."""
    if hasattr(rows, "close"):
        rows.close()


def _made(statement: Statement, plan: Plan, rows: Sequence[Any]) -> Rows:
    """The rows of the answer; runs where the database's rows arrive."""
    made = plan.hydrate(rows)
    set_known_related_objects(statement, made)
    return made


def _receiver(question: Question, plan: Plan) -> Callable[[Any], Any]:
    """What makes the answer of the database's rows."""
    if question.finish.answer is Answer.EXISTS:
        return bool
    return partial(_made, question.statement, plan) if _has_relations(question.finish) else plan.hydrate


def _has_relations(finish: Finish) -> bool:
    """Whether the rows may be instances: not the numbers of changed rows, nor the columns that are returned of them."""
    return finish.answer not in WRITES or finish.returning == ()


def _command(question: Question, ready: Ready) -> Command:
    return Command(
        ready.sql,
        ready.parameters,
        locks_rows=ready.plan.locks_rows,
        writes=question.finish.answer in WRITES,
        is_typed=ready.plan.is_typed,
        seconds=question.statement.seconds,
        returns_rows=question.finish.answer not in WRITES or question.finish.returning is not None,
    )


# -- endings -----------------------------------------------------------------------------------------------------------


def _only_row(statement: Statement, rows: Rows) -> Any:
    """The row of `aget()`, or Django's two errors in Django's words."""
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


def _as_made(statement: Statement, made: Any) -> Any:
    return made


_OF_INSTANCES = frozenset({Answer.ROWS, Answer.GET, Answer.FIRST, Answer.LAST, Answer.EARLIEST, Answer.LATEST})
"""Endings whose rows may have relations with them."""

_CONCLUSIONS: Mapping[Answer, Callable[[Statement, Any], Any]] = {
    Answer.ROWS: _as_made,
    Answer.EXISTS: _as_made,
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
