"""`async with atomic():`, and what goes with it: `on_commit()`, `gather()`, `run_sync()` and others."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from contextvars import Context, copy_context
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast, overload

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.transaction import Atomic as DjangoAtomic

from adj.completion import deadline_in, to_its_end
from adj.engines.lease.contexts import apply_context
from adj.errors import NestingError, QueryTimeout, TransactionAborted
from adj.execution.databases import executor_for, preferred_alias
from adj.execution.django_atomic import ISOLATIONS, Hook, Isolation, Mode
from adj.execution.transaction import Transaction, current, current_aliases
from adj.time_limit import checked_seconds

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
Options = ParamSpec("Options")
Made_co = TypeVar("Made_co", covariant=True)
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")

logger = logging.getLogger("adj.transaction")

RETRY_DELAY = 0.02
"""Seconds before the first retry; doubled before each further one, and spread at random."""

# serialization_failure and deadlock_detected, https://www.postgresql.org/docs/current/errcodes-appendix.html
_RETRIED_STATES = frozenset({"40001", "40P01"})
# ER_LOCK_DEADLOCK and ER_LOCK_WAIT_TIMEOUT of MySQL and MariaDB.
_RETRIED_CODES = frozenset({1213, 1205})


class Atomic:
    """What `atomic()` returns: a block for `async with`, and a decorator of coroutine functions."""

    def __init__(self, alias: str, new_block: Callable[[], _Block], retry: int) -> None:
        self._alias, self._new_block, self._retry = alias, new_block, retry
        # One object may be entered again inside itself, and by several tasks at a time, as Django's can by threads.
        self._entered: list[tuple[asyncio.Task[Any] | None, _Block]] = []

    async def __aenter__(self) -> None:
        if self._retry:
            raise TypeError("atomic(retry=...) can call a function again, but not a block: use it as a decorator.")
        block = self._new_block()
        await block.__aenter__()
        self._entered.append((asyncio.current_task(), block))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._entered:
            raise RuntimeError("atomic() was left without having been entered, or was left twice.")
        await self._innermost().__aexit__(kind, error, traceback)

    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        """Run each call of a coroutine function in a transaction."""

        @functools.wraps(function)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            retries = 0 if in_transaction(self._alias) else self._retry
            for attempt in range(retries):
                try:
                    async with self._new_block():
                        return await function(*args, **kwargs)
                except DatabaseError as error:
                    if not _may_succeed_later(error):
                        raise
                    await asyncio.sleep(RETRY_DELAY * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
            async with self._new_block():
                return await function(*args, **kwargs)

        return wrapper

    def _innermost(self) -> _Block:
        """The block to leave: the last one of this task, or of any where it has none, which the block refuses."""
        task = asyncio.current_task()
        mine = [index for index, (owner, _) in enumerate(self._entered) if owner is task]
        return self._entered.pop(mine[-1] if mine else -1)[1]


class _Bare(Protocol[Options, Made_co]):
    """A function that makes decorators of coroutine functions, and decorates them itself without parentheses."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(self, *args: Options.args, **kwargs: Options.kwargs) -> Made_co: ...


def or_bare(make: Callable[Options, Made_co]) -> _Bare[Options, Made_co]:
    """Let `@make` do what `@make()` does, as Django's decorators do."""

    @functools.wraps(make)
    def make_or_decorate(*args: Any, **kwargs: Any) -> Any:
        if args and callable(args[0]):
            decorate: Any = make(*args[1:], **kwargs)
            return decorate(args[0])
        return make(*args, **kwargs)

    return cast("_Bare[Options, Made_co]", make_or_decorate)


@or_bare
def atomic(
    using: str | None = None,
    *,
    savepoint: bool = True,
    durable: bool = False,
    isolation: Isolation | None = None,
    read_only: bool = False,
    deferrable: bool = False,
    set_local: Mapping[str, str] | None = None,
    timeout: float | None = None,
    retry: int = 0,
) -> Atomic:
    """Run a block in a transaction, or in a savepoint inside of one: `async with`; as a decorator, each call.

    An exception rolls back what was done in the block, and propagates. Queries of adj, and Django's own asynchronous
    methods, join the transaction; those of another task are refused with `CrossTaskTransaction`.

    - `using`: the alias; `default` if not given.
    - `savepoint=False`: an inner block without a savepoint: an error in it rolls back the outermost block.
    - `durable`: raises `RuntimeError` inside another block.
    - `isolation` ("serializable", ...), `read_only`, `deferrable`, `set_local` (settings of the server, by name): for
      the outermost block, on PostgreSQL. Raises `UnsupportedFeature` elsewhere, and `NestingError` for an inner block;
      the first three also in a transaction that Django's own code has begun, as a `TestCase` does.
    - `timeout`: seconds that the block may take; then it is cancelled, rolled back, and `QueryTimeout` is raised.
    - `retry`: as a decorator only: how often to call the function again after a serialization failure or a deadlock;
      not inside another block.

    Raises `TransactionAborted` when the block ends normally although its work is lost, as after an error that was
    caught in it. The call itself raises `TypeError` and `ValueError` for options that cannot be right.
    """
    if isolation is not None and isolation not in ISOLATIONS:
        raise ValueError(f"atomic(): isolation {isolation!r} is unknown; choose one of {', '.join(ISOLATIONS)}.")
    if timeout is not None:
        checked_seconds(timeout, "atomic(timeout=)")
    _check_retry(retry)
    alias = DEFAULT_DB_ALIAS if using is None else using
    mode = Mode(isolation, read_only, deferrable, set_local)
    return Atomic(alias, partial(_Block, alias, savepoint, durable, mode, timeout), retry)


def _check_retry(retry: object) -> None:
    if isinstance(retry, bool) or not isinstance(retry, int):
        raise TypeError(f"atomic(retry=) expects a number of retries; got {retry!r} ({type(retry).__name__}).")
    if retry < 0:
        raise ValueError(f"atomic(retry=) expects 0 or a positive number of retries; got {retry!r}.")


class _Block:
    """One entering of `atomic`."""

    def __init__(self, alias: str, savepoint: bool, durable: bool, mode: Mode, timeout: float | None) -> None:
        self._alias, self._savepoint, self._durable = alias, savepoint, durable
        self._mode, self._timeout = mode, timeout
        self._deadline: asyncio.Timeout | None = None
        self._stack = AsyncExitStack()
        self._transaction: Transaction | None = None
        self._is_outermost = False
        self._block: DjangoAtomic | None = None

    async def __aenter__(self) -> Self:
        transaction = current(self._alias)
        if transaction is not None and not self._mode.is_default:
            raise NestingError(
                alias=self._alias, reason="has begun already, and its mode cannot change in a block of it"
            )
        try:
            await self._enter(transaction)
        except TimeoutError:
            if self._deadline is not None and self._deadline.expired():
                raise QueryTimeout(query=f"atomic(using={self._alias!r})", seconds=self._timeout or 0.0) from None
            raise
        return self

    async def _enter(self, transaction: Transaction | None) -> None:
        async with AsyncExitStack() as stack:
            if self._timeout is not None:
                self._deadline = await stack.enter_async_context(asyncio.timeout(self._timeout))
                stack.enter_context(deadline_in(self._timeout))
            if transaction is None:
                executor = await executor_for(self._alias)
                connection = await stack.enter_async_context(executor.engine.connection(exclusive=True))
                transaction = Transaction(self._alias, executor.engine, connection)
                self._is_outermost = True
            self._block = await transaction.enter(savepoint=self._savepoint, durable=self._durable, mode=self._mode)
            if self._is_outermost:
                await transaction.publish()
            self._stack = stack.pop_all()
        self._transaction = transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            try:
                hooks, cancelled = await self._leave(error)
            except BaseException as failure:
                await self._stack.__aexit__(type(failure), failure, failure.__traceback__)
                raise
            try:
                await self._stack.__aexit__(kind, error, traceback)
            except asyncio.CancelledError as late:
                if error is not None:
                    raise
                cancelled = cancelled or late
        except TimeoutError:
            if self._deadline is not None and self._deadline.expired():
                raise QueryTimeout(query=f"atomic(using={self._alias!r})", seconds=self._timeout or 0.0) from None
            raise
        if hooks:
            await _call_to_their_end(hooks, self._alias, cancelled)
        # What the block's own deadline has cancelled during the commit is done, and in time enough.
        if cancelled is not None and _is_cancelled():
            raise cancelled

    async def _leave(self, error: BaseException | None) -> tuple[list[Hook], asyncio.CancelledError | None]:
        transaction, block = self._transaction, self._block
        if transaction is None or block is None:
            raise RuntimeError("atomic() was left without having been entered.")
        try:
            return await transaction.leave(block, error)
        finally:
            if self._is_outermost:
                await transaction.withdraw()


def in_transaction(using: str | None = None) -> bool:
    """Whether the current task is in a transaction of adj's on an alias, `default` if not given.

    In synchronous code: whether its connection is in an atomic block, adj's or Django's.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    if not _is_on_a_loop():
        return connections[alias].in_atomic_block
    return current(alias) is not None


async def on_commit(function: Callable[[], object], *, using: str | None = None, robust: bool = False) -> None:
    """Call a function, or await a coroutine function, once the transaction is committed; now, if there is none.

    The functions are called in the order in which they were given, Django's own `transaction.on_commit()` among them,
    after the connection has been given back; those of a savepoint that is undone are forgotten. An error of one keeps
    the later ones from being called, and leaves the block; with `robust` it is logged. A cancellation is raised when
    all of them have ended. Raises `TypeError` for what cannot be called.
    """
    if not callable(function):
        raise TypeError(f"on_commit() takes a function or a coroutine function, not {function!r}.")
    alias = DEFAULT_DB_ALIAS if using is None else using
    transaction = current(alias)
    if transaction is None:
        await call_hook((function, robust), alias)
    else:
        await transaction.connection.run(_register, alias, function, robust)


async def set_rollback(rollback: bool = True, *, using: str | None = None) -> None:
    """Let the current block undo its work at its end without an exception; `False` takes that back.

    Raises `TransactionManagementError` outside of a transaction, as Django does.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    executor = await executor_for(alias)
    await executor.run(_set_rollback, alias, rollback)


async def run_sync(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run synchronous Django code: on the transaction's connection, in `native(using)` on the engine of that alias,
    elsewhere on that of `default`.

    It finds its connection where it always does, in `django.db.connections`. On PostgreSQL's native engine it runs on
    the event loop, in a greenlet, and other tasks go on while it waits for the server; on other engines in a thread
    that owns the connection. Context variables that it sets are seen by the caller on the native engine.

    Raises `TypeError` for a coroutine function.
    """
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"run_sync() runs synchronous code, and {name}() is a coroutine function: await it instead.")
    aliases = current_aliases()
    executor = await executor_for(aliases[-1] if aliases else preferred_alias())
    return await executor.run(function, *args, **kwargs)


@overload
async def gather(one: Awaitable[T1], /) -> tuple[T1]: ...
@overload
async def gather(one: Awaitable[T1], two: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def gather(one: Awaitable[T1], two: Awaitable[T2], three: Awaitable[T3], /) -> tuple[T1, T2, T3]: ...
@overload
async def gather(
    one: Awaitable[T1], two: Awaitable[T2], three: Awaitable[T3], four: Awaitable[T4], /
) -> tuple[T1, T2, T3, T4]: ...
@overload
async def gather(
    one: Awaitable[T1], two: Awaitable[T2], three: Awaitable[T3], four: Awaitable[T4], five: Awaitable[T5], /
) -> tuple[T1, T2, T3, T4, T5]: ...
@overload
async def gather(*awaitables: Awaitable[T]) -> tuple[T, ...]: ...
async def gather(*awaitables: Awaitable[Any]) -> tuple[Any, ...]:
    """The results of several queries: at the same time outside of a transaction, one after another inside.

    The first error is raised; inside a transaction, what comes after it is not sent.
    """
    if not current_aliases():
        return tuple(await asyncio.gather(*awaitables))
    results, waiting = [], list(awaitables)
    try:
        while waiting:
            results.append(await waiting.pop(0))
    finally:
        for awaitable in waiting:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
    return tuple(results)


def _register(alias: str, function: Callable[[], object], robust: bool) -> None:
    connection: Any = connections[alias]
    connection.on_commit(function, robust)


def _set_rollback(alias: str, rollback: bool) -> None:
    connections[alias].set_rollback(rollback)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_cancelled() -> bool:
    """Whether somebody has cancelled the current task, other than a deadline that has noticed."""
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


async def _call_to_their_end(hooks: Iterable[Hook], alias: str, cancelled: asyncio.CancelledError | None) -> None:
    """Call all functions, however often the task is cancelled: what is committed has its consequences.

    They see the context variables of the block, which sees those that they set.
    """
    contexts: list[Context] = []

    async def call() -> None:
        try:
            await _call_hooks(hooks, alias)
        finally:
            contexts.append(copy_context())

    try:
        await to_its_end(call())
    except Exception:
        if cancelled is None or not _is_cancelled():
            raise
        # Whoever cancels waits for a cancellation.
        logger.exception("An error in on_commit() of a task that was cancelled.")
    finally:
        for context in contexts:
            apply_context(context)


async def _call_hooks(hooks: Iterable[Hook], alias: str) -> None:
    for hook in hooks:
        await call_hook(hook, alias)


async def call_hook(hook: Hook, alias: str) -> None:
    """Call a function as after a commit; a coroutine function is awaited."""
    function, robust = hook
    try:
        if inspect.iscoroutinefunction(function):
            await function()
        else:
            executor = await executor_for(alias)
            result = await executor.run(function)
            if asyncio.iscoroutine(result):
                await result
    except Exception:
        if not robust:
            raise
        logger.exception("Error calling %s in on_commit().", getattr(function, "__qualname__", repr(function)))


def _may_succeed_later(error: DatabaseError) -> bool:
    """Whether an error says that another transaction was in the way."""
    cause = error.__cause__
    if isinstance(error, TransactionAborted) and isinstance(cause, DatabaseError):
        # It was caught inside the block.
        return _may_succeed_later(cause)
    code = error.args[0] if error.args else None
    return getattr(cause, "sqlstate", None) in _RETRIED_STATES or code in _RETRIED_CODES
