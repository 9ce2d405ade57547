"""`async with atomic():`, and its on_commit callbacks after the commit."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from django.db import DEFAULT_DB_ALIAS, DatabaseError
from django.db.transaction import Atomic as DjangoAtomic

from adj.blocks.on_commit import call_to_their_end, is_cancelled
from adj.completion import deadline_in
from adj.errors import NestingError, QueryTimeout, TransactionAborted
from adj.execution.databases import executor_for
from adj.execution.django_atomic import ISOLATIONS, Hook, Isolation, Mode
from adj.execution.transaction import Transaction, current
from adj.time_limit import checked_seconds

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")
# Of a coroutine function's result. `Any` in their place would be an error of `--disallow-any-expr` at the decorator.
Y = TypeVar("Y")
S = TypeVar("S")

logger = logging.getLogger("adj.transaction")

RETRY_DELAY = 0.02
"""Seconds before the first retry; doubled before each further one, with random jitter."""

# serialization_failure and deadlock_detected, https://www.postgresql.org/docs/current/errcodes-appendix.html
_RETRIED_STATES = frozenset({"40001", "40P01"})
# ER_LOCK_DEADLOCK and ER_LOCK_WAIT_TIMEOUT of MySQL and MariaDB.
_RETRIED_CODES = frozenset({1213, 1205})


class Atomic:
    """The result of `atomic()`: a context manager for `async with`, and a decorator for coroutine functions."""

    def __init__(self, alias: str, new_block: Callable[[], _Block], retry: int) -> None:
        self._alias, self._new_block, self._retry = alias, new_block, retry
        # One object may be entered again inside itself, and by several tasks at once, like Django's by threads.
        self._entered: list[tuple[asyncio.Task[object] | None, _Block]] = []

    async def __aenter__(self) -> None:
        if self._retry:
            raise TypeError("atomic(retry=...) cannot repeat an `async with` block. Use it as a decorator.")
        block = self._new_block()
        await block.__aenter__()
        self._entered.append((asyncio.current_task(), block))

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._entered:
            raise RuntimeError("atomic() was left without being entered, or left twice.")
        await self._innermost().__aexit__(error_type, error, traceback)

    def __call__(self, function: Callable[P, Coroutine[Y, S, T]]) -> Callable[P, Coroutine[Y, S, T]]:
        """Decorate a coroutine function, so that each call runs in a transaction."""

        @functools.wraps(function)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            retries = 0 if current(self._alias) is not None else self._retry
            for attempt in range(retries):
                try:
                    async with self._new_block():
                        return await function(*args, **kwargs)
                except DatabaseError as error:
                    if not _may_succeed_later(error):
                        raise
                    await asyncio.sleep(RETRY_DELAY * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311  # not for cryptography
            async with self._new_block():
                return await function(*args, **kwargs)

        return wrapper

    def _innermost(self) -> _Block:
        """The last block that this task entered, or else any task's, whose `__aexit__()` then raises the error."""
        task = asyncio.current_task()
        indices = [index for index, (owner, _) in enumerate(self._entered) if owner is task]
        return self._entered.pop(indices[-1] if indices else -1)[1]


@overload
def atomic(using: Callable[P, Coroutine[Y, S, T]], /) -> Callable[P, Coroutine[Y, S, T]]: ...
@overload
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
) -> Atomic: ...
def atomic(
    using: Any = None,
    *,
    savepoint: bool = True,
    durable: bool = False,
    isolation: Isolation | None = None,
    read_only: bool = False,
    deferrable: bool = False,
    set_local: Mapping[str, str] | None = None,
    timeout: float | None = None,
    retry: int = 0,
) -> Any:
    """Run a block in a transaction, or in a savepoint inside another block; as a decorator, each call of a function.

    ```python
    async with atomic():
        await q(Account).filter(pk=1).aupdate(balance=F("balance") - 10)
    ```

    All changes made in the block are committed together. If an exception is raised, they are rolled back and the
    exception propagates. adj's queries and Django's own async methods join the transaction; queries of other tasks
    raise `CrossTaskTransaction`.

    - `using`: the alias, `default` if omitted.
    - `savepoint`: whether an inner block is a savepoint. Without one, an error in it rolls back the outermost block.
    - `durable`: raise `RuntimeError` if this is an inner block.
    - `isolation` ("serializable", ...), `read_only`, `deferrable`, `set_local` (server settings by name): options of
      the outermost block, on PostgreSQL. They raise `UnsupportedFeature` on other databases, and `NestingError` for an
      inner block; the first three also in a transaction begun by Django's own code, such as that of a `TestCase`.
    - `timeout`: the seconds after which the block is cancelled and rolled back, and `QueryTimeout` is raised.
    - `retry`: how often a decorated function is called again after a serialization failure or a deadlock; ignored
      inside another block.

    Raises `TransactionAborted` if the block ends normally but its work is lost, because a database error was caught in
    it. The call itself raises `TypeError` and `ValueError` for invalid options.
    """
    if isolation is not None and isolation not in ISOLATIONS:
        raise ValueError(f"atomic(isolation=) expects one of {', '.join(ISOLATIONS)}; got {isolation!r}.")
    if timeout is not None:
        checked_seconds(timeout, "atomic(timeout=)")
    _check_retry(retry)
    # `@atomic` works without parentheses, like Django's decorator.
    alias = using if isinstance(using, str) else DEFAULT_DB_ALIAS
    mode = Mode(isolation, read_only, deferrable, set_local)
    block = Atomic(alias, partial(_Block, alias, savepoint, durable, mode, timeout), retry)
    return block if using is None or isinstance(using, str) else block(using)


def _check_retry(retry: object) -> None:
    if isinstance(retry, bool) or not isinstance(retry, int):
        raise TypeError(f"atomic(retry=) expects an integer; got {retry!r} ({type(retry).__name__}).")
    if retry < 0:
        raise ValueError(f"atomic(retry=) expects 0 or a positive integer; got {retry!r}.")


class _Block:
    """A block between entering and leaving `atomic()`."""

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
                alias=self._alias,
                reason="has already begun, so its isolation, read_only, deferrable and set_local can no longer be set",
                advice="Pass these options to the outermost atomic().",
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
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            try:
                hooks, cancelled = await self._leave(error)
            except BaseException as failure:
                await self._stack.__aexit__(type(failure), failure, failure.__traceback__)
                raise
            try:
                await self._stack.__aexit__(error_type, error, traceback)
            except asyncio.CancelledError as late:
                if error is not None:
                    raise
                cancelled = cancelled or late
        except TimeoutError:
            if self._deadline is not None and self._deadline.expired():
                raise QueryTimeout(query=f"atomic(using={self._alias!r})", seconds=self._timeout or 0.0) from None
            raise
        if hooks:
            await call_to_their_end(hooks, self._alias, cancelled)
        # A cancellation by the block's own deadline during the commit is dropped: the commit has succeeded.
        if cancelled is not None and is_cancelled():
            raise cancelled

    async def _leave(self, error: BaseException | None) -> tuple[list[Hook], asyncio.CancelledError | None]:
        transaction, block = self._transaction, self._block
        if transaction is None or block is None:
            raise RuntimeError("atomic() was left without being entered.")
        try:
            return await transaction.leave(block, error)
        finally:
            if self._is_outermost:
                await transaction.withdraw()


def _may_succeed_later(error: DatabaseError) -> bool:
    """Whether an error is a conflict with another transaction."""
    cause = error.__cause__
    if isinstance(error, TransactionAborted) and isinstance(cause, DatabaseError):
        # The conflict was caught inside the block.
        return _may_succeed_later(cause)
    code = error.args[0] if error.args else None
    return getattr(cause, "sqlstate", None) in _RETRIED_STATES or code in _RETRIED_CODES
