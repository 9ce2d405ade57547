"""A transaction on a connection, and the tasks that may use it. `django_atomic.py` begins and ends it.

Private API used here: of asgiref, `SyncToAsync.thread_sensitive_context`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary, ref

from asgiref.sync import SyncToAsync
from django.db import Error
from django.db.transaction import Atomic

from adj.abc import Connection, Engine
from adj.completion import result_and_cancellation, to_its_end
from adj.engines.bridge.async_methods import LastingContext
from adj.engines.lease.access import TransactionHandle, access, set_access
from adj.engines.lease.contexts import shares_context
from adj.engines.lease.nested_call import NestedCall, nested_call_for
from adj.engines.outcome import OUTCOME_UNKNOWN, has_outcome_note
from adj.errors import CrossTaskTransaction, NestingError
from adj.execution import django_atomic as blocks
from adj.execution.django_atomic import Hook, Mode

T = TypeVar("T")

logger = logging.getLogger("adj.transaction")


class Transaction:
    """A transaction that a task has begun on a connection."""

    handle: TransactionHandle
    """What code on the task's other connections needs to know of it; set by `publish()`."""

    def __init__(self, alias: str, engine: Engine, connection: Connection) -> None:
        self.alias, self._connection = alias, connection
        self._engine, self._loop = engine, asyncio.get_running_loop()
        self._wrapper: Any = None
        self.blocks: list[Atomic] = []
        self._nested_calls: dict[Atomic, NestedCall] = {}
        self.has_ended = False
        task = asyncio.current_task()
        # A weak reference: the task's context refers to the transaction, which would keep the task alive.
        self._owner_name = _name(task)
        self._owner_if_alive = (lambda: None) if task is None else ref(task)
        # Django's code may run for the owner in another task, which is a user during that time.
        self.users = {task}

    @property
    def _owner(self) -> asyncio.Task[object] | None:
        return self._owner_if_alive()

    @property
    def connection(self) -> Connection:
        """The connection, for use on the running event loop."""
        is_here = asyncio.get_running_loop() is self._loop
        return self._connection if is_here else self._connection.for_other_loop()

    def is_own(self) -> bool:
        """Whether the current task has begun it."""
        return asyncio.current_task() is self._owner

    def is_beside(self) -> bool:
        """Whether it was begun by another task that shares the current task's context."""
        return shares_context(self._owner)

    def check_task(self) -> None:
        """Raise `CrossTaskTransaction` unless the current task may use the transaction."""
        task = asyncio.current_task()
        if not self.has_ended and self._may_use(task):
            return
        raise CrossTaskTransaction(alias=self.alias, owner=self._owner_name, task=_name(task), has_ended=self.has_ended)

    def _may_use(self, task: asyncio.Task[object] | None) -> bool:
        nested_call = nested_call_for(self._connection)
        return task in self.users if nested_call is None else not nested_call.excludes_current_task()

    # -- blocks --------------------------------------------------------------------------------------------------------

    async def enter(self, *, savepoint: bool, durable: bool, mode: Mode) -> Atomic:
        """Begin the transaction, or a block inside it. Raises Django's own errors, and `UnsupportedFeature`."""
        block = Atomic(self.alias, savepoint, durable)
        nested_call = nested_call_for(self._connection)
        if nested_call is not None:
            await nested_call.begin_block()
            self._nested_calls[block] = nested_call
        try:
            entering = self._in_same_block(self.connection.run(blocks.enter, block, mode))
            self._wrapper = await to_its_end(entering, self.connection.patience)
        except BaseException as error:
            try:
                if isinstance(error, asyncio.CancelledError):
                    # The block has begun nevertheless.
                    await to_its_end(self._in_same_block(self.connection.run(blocks.abandon, block, error)))
            except Exception as failure:
                # The code that cancelled the task expects a CancelledError, not the failure of the rollback.
                raise error from failure
            finally:
                self._end_nested_block(block)
            raise
        self.blocks.append(block)
        return block

    async def leave(
        self, block: Atomic, error: BaseException | None
    ) -> tuple[list[Hook], asyncio.CancelledError | None]:
        """End a block as Django does: commit it, or roll it back.

        Returns the on_commit callbacks, and a cancellation of the task that arrived meanwhile: leaving is not
        interrupted, unless the server does not respond for the connection's `patience`.
        """
        if block not in self.blocks:
            # Left late, as by a generator that is garbage collected: the outer block has already ended it.
            return self._left_late(error)
        if not self._may_use(task := asyncio.current_task()):
            reason = f"was left by task {_name(task)}, but entered by task {self._owner_name}"
            error = error or NestingError(alias=self.alias, reason=reason)
        if self.blocks[-1:] != [block]:
            error = error or blocks.inner_blocks_are_open(self.alias)
            while self.blocks and self.blocks[-1] is not block:
                await to_its_end(self._in_same_block(self._leave(self.blocks.pop(), error)))
        self.blocks.remove(block)
        try:
            left = await result_and_cancellation(
                self._in_same_block(self._leave(block, error)), self.connection.patience
            )
        except Error as failure:
            if task is not None and task.cancelling() and has_outcome_note(failure):
                # The error of a cancelled task is seldom looked at.
                logger.warning("The task %s was cancelled. %s", _name(task), OUTCOME_UNKNOWN, exc_info=failure)
            raise
        except asyncio.CancelledError as unanswered:
            if error is None and not self.blocks:
                raise blocks.unanswered_commit() from unanswered
            raise
        finally:
            self._end_nested_block(block)
        if isinstance(error, NestingError):
            raise error
        return left

    def _left_late(self, error: BaseException | None) -> tuple[list[Hook], None]:
        """Send nothing: the connection may already be another task's. An error of the block propagates."""
        if error is None:
            raise NestingError(alias=self.alias, reason="ended before this inner block was left")
        return [], None

    def _in_same_block(self, call: Coroutine[object, None, T]) -> Coroutine[object, None, T]:
        """A call that another task makes on behalf of the current one."""
        nested_call = nested_call_for(self._connection)
        return call if nested_call is None else nested_call.in_same_block(call)

    def _end_nested_block(self, block: Atomic) -> None:
        if (nested_call := self._nested_calls.pop(block, None)) is not None:
            nested_call.end_block()

    async def _leave(self, block: Atomic, error: BaseException | None) -> list[Hook]:
        task = asyncio.current_task()
        self.users.add(task)
        try:
            # leave() ends the lease too, so that no other call gets in between.
            run = self.connection.run if self.blocks else self.connection.leave
            return await run(blocks.leave, self.alias, block, error)
        finally:
            self.users.discard(task)

    # -- the context ---------------------------------------------------------------------------------------------------

    async def publish(self) -> None:
        """Let the queries of this task, and Django's own async methods, use the transaction."""
        self.handle = TransactionHandle(self._connection, self._wrapper, self.users, self._loop)
        set_access(replace(access(), transactions={**access().transactions, self.alias: self}))
        _of_tasks.setdefault(self._owner, {})[self.alias] = self
        if (executor := self._engine.thread_executor(self._run_for_django)) is not None:
            self._connection.share()
            # asgiref has no types for it.
            joining: Any = _Joining(executor, self)
            await joining.__aenter__()

    async def withdraw(self) -> None:
        """Mark the transaction as ended; queries of tasks that still refer to it raise `CrossTaskTransaction`."""
        self.has_ended = True
        self.users.clear()
        if (owner := self._owner) is not None:
            transactions = _of_tasks.pop(owner, {})
            transactions.pop(self.alias, None)
            if transactions:
                _of_tasks[owner] = transactions
        _forget(self)
        while (joining := _ended_joining()) is not None:
            await joining.__aexit__(None, None, None)

    def ends_here(self) -> bool:
        """Whether it has ended and began in this context; in another context it cannot be removed."""
        return self.has_ended and (self.is_own() or self.is_beside())

    def _run_for_django(
        self, function: Callable[..., Any], /, *args: object, **kwargs: object
    ) -> Coroutine[object, None, Any]:
        """Run the function of one of Django's own async methods; called in the task that called the method."""
        if (own := _own().get(self.alias)) is not None:
            return own.join(function, *args, **kwargs)
        if self.is_own() or self.is_beside() or self not in _in_context().values():
            # The transaction in asgiref's context has ended, or is another task's.
            return self._run_afterwards(function, *args, **kwargs)
        return self.join(function, *args, **kwargs)

    async def _run_afterwards(self, function: Callable[..., Any], /, *args: object, **kwargs: object) -> Any:
        async with self._engine.connection() as connection:
            return await connection.run(function, *args, **kwargs)

    def join(self, function: Callable[..., Any], /, *args: object, **kwargs: object) -> Coroutine[object, None, Any]:
        """Run a function on the connection in another task, on behalf of the current one."""
        return self._in_same_block(self._run_inside(function, *args, **kwargs))

    async def _run_inside(self, function: Callable[..., Any], /, *args: object, **kwargs: object) -> Any:
        """Run a function in the task that asgiref's executor has created for it."""
        task = asyncio.current_task()
        # Code that runs in one of the transactions may use all.
        users = [transaction.users for transaction in _in_context().values()]
        for each in users:
            each.add(task)
        try:
            return await self.connection.run(function, *args, **kwargs)
        finally:
            for each in users:
                each.discard(task)


class _Joining(LastingContext):
    """Lets Django's own async methods run in a transaction of the task. They are refused in tasks that outlive it."""

    def __init__(self, executor: Executor, transaction: Transaction) -> None:
        super().__init__(executor=executor)
        self.transaction = transaction


def _in_context() -> Mapping[str, Transaction]:
    """The transactions in the current context, including those that have ended or belong to another task."""
    return cast("Mapping[str, Transaction]", access().transactions)


# The transactions of each task. The context does not tell: tasks may share one, and asgiref restores old values.
_of_tasks: WeakKeyDictionary[Any, dict[str, Transaction]] = WeakKeyDictionary()


def _own() -> Mapping[str, Transaction]:
    """The transactions that the current task has begun, by their aliases."""
    if not _of_tasks or (task := asyncio.current_task()) is None:
        return {}
    return _of_tasks.get(task, {})


def _forget(transaction: Transaction) -> None:
    """Remove a transaction from the current context."""
    others = {alias: other for alias, other in _in_context().items() if other is not transaction}
    set_access(replace(access(), transactions=others))


def _ended_joining() -> Any:
    """The asgiref context of a transaction that has ended here, if it is still set. Any: asgiref has no types."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    return context if isinstance(context, _Joining) and context.transaction.ends_here() else None


def current(alias: str) -> Transaction | None:
    """The transaction on an alias that the current task is in.

    Raises `CrossTaskTransaction` in a task that was started inside another task's transaction.
    """
    if (own := _own().get(alias)) is not None:
        return own
    transaction = _in_context().get(alias)
    if transaction is None or transaction.is_beside():
        return None
    if transaction.has_ended and transaction.is_own():
        # It was left in another context, as happens to an async generator that is not exhausted.
        _forget(transaction)
        return None
    transaction.check_task()
    return transaction


def current_aliases() -> tuple[str, ...]:
    """The aliases with a transaction in the current context, including one that has ended; the outermost first."""
    return tuple({**_in_context(), **_own()})


def _name(task: asyncio.Task[object] | None) -> str:
    return repr(task.get_name()) if task is not None else "(none)"
