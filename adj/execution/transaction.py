"""A transaction: a state on one connection, and the tasks that may use it. What begins and ends it is Django's code.

`django_atomic.py` has that code. Private API used here: of asgiref, `SyncToAsync.thread_sensitive_context`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary, ref

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.db import Error
from django.db.transaction import Atomic

from adj.abc import Connection, Engine
from adj.completion import result_and_cancellation, to_its_end
from adj.engines.lease.access import TransactionHandle, access, change_access
from adj.engines.lease.contexts import shares_context
from adj.engines.lease.nested_call import NestedCall, nested_call_for
from adj.engines.outcome import OUTCOME_UNKNOWN, has_outcome_note
from adj.errors import CrossTaskTransaction, NestingError
from adj.execution import django_atomic as blocks
from adj.execution.django_atomic import Hook, Mode

T = TypeVar("T")

logger = logging.getLogger("adj.transaction")


class Transaction:
    """What one task has begun on one connection, and has not ended."""

    handle: TransactionHandle
    """What code on the task's other connections needs of it, once it is published."""

    def __init__(self, alias: str, engine: Engine, connection: Connection) -> None:
        self.alias, self._connection = alias, connection
        self._engine, self._loop = engine, asyncio.get_running_loop()
        self._wrapper: Any = None
        self.blocks: list[Atomic] = []
        self._nested_calls: dict[Atomic, NestedCall] = {}
        self.has_ended = False
        task = asyncio.current_task()
        # asgiref finds the transaction by the task's context, which the task would keep alive with itself.
        self._owner_name = _name(task)
        self._owner_if_alive = (lambda: None) if task is None else ref(task)
        # While Django's code runs for the owner in another task, that task is an owner as well.
        self.users = {task}

    @property
    def _owner(self) -> asyncio.Task[Any] | None:
        return self._owner_if_alive()

    @property
    def connection(self) -> Connection:
        """The connection, as the running event loop reaches it."""
        is_here = asyncio.get_running_loop() is self._loop
        return self._connection if is_here else self._connection.for_other_loop()

    def is_own(self) -> bool:
        """Whether the current task has begun it."""
        return asyncio.current_task() is self._owner

    def is_beside(self) -> bool:
        """Whether another task, which only shares the context of the current one, has begun it."""
        return shares_context(self._owner)

    def check_task(self) -> None:
        """Raise `CrossTaskTransaction` unless the current task may use the transaction."""
        task = asyncio.current_task()
        if not self.has_ended and self._may_use(task):
            return
        raise CrossTaskTransaction(alias=self.alias, owner=self._owner_name, task=_name(task), has_ended=self.has_ended)

    def _may_use(self, task: asyncio.Task[Any] | None) -> bool:
        nested_call = nested_call_for(self._connection)
        return task in self.users if nested_call is None else not nested_call.excludes_current_task()

    # -- blocks --------------------------------------------------------------------------------------------------------

    async def enter(self, *, savepoint: bool, durable: bool, mode: Mode) -> Atomic:
        """Begin the transaction, or a block within it. Raises what Django raises, and `UnsupportedFeature`."""
        block = Atomic(self.alias, savepoint, durable)
        nested_call = nested_call_for(self._connection)
        if nested_call is not None:
            await nested_call.begin_block()
            self._nested_calls[block] = nested_call
        try:
            begun = self._in_same_block(self.connection.run(blocks.enter, block, mode))
            self._wrapper = await to_its_end(begun, self.connection.patience)
        except BaseException as error:
            try:
                if isinstance(error, asyncio.CancelledError):
                    # It has begun all the same.
                    await to_its_end(self._in_same_block(self.connection.run(blocks.abandon, block, error)))
            except Exception as failure:
                # Who cancels waits for a cancellation, and not for the trouble of undoing.
                raise error from failure
            finally:
                self._end_nested_block(block)
            raise
        self.blocks.append(block)
        return block

    async def leave(
        self, block: Atomic, error: BaseException | None
    ) -> tuple[list[Hook], asyncio.CancelledError | None]:
        """End a block as Django does: commit, or undo what was done in it.

        Returns what is to be called after a commit. Runs to its end also when the task is cancelled meanwhile, and
        returns the cancellation; only a server that does not answer for long is not waited for.
        """
        if block not in self.blocks:
            # Left late, as by a generator that is collected: it has ended with the block around it.
            return self._left_late(error)
        if not self._may_use(task := asyncio.current_task()):
            reason = f"is left by the task {_name(task)}, and was entered by another one, {self._owner_name}"
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
                # Whoever cancels a task seldom looks at its error.
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
        """Nothing is sent: the connection may be another task's. An error of the block propagates as it is."""
        if error is None:
            raise NestingError(alias=self.alias, reason="ended before this block of it was left")
        return [], None

    def _in_same_block(self, call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """What another task does for the current one."""
        nested_call = nested_call_for(self._connection)
        return call if nested_call is None else nested_call.in_same_block(call)

    def _end_nested_block(self, block: Atomic) -> None:
        if (nested_call := self._nested_calls.pop(block, None)) is not None:
            nested_call.end_block()

    async def _leave(self, block: Atomic, error: BaseException | None) -> list[Hook]:
        task = asyncio.current_task()
        self.users.add(task)
        try:
            # Nobody else gets between the outermost block's end and the connection's way back.
            run = self.connection.run if self.blocks else self.connection.leave
            return await run(blocks.leave, self.alias, block, error)
        finally:
            self.users.discard(task)

    # -- the context ---------------------------------------------------------------------------------------------------

    async def publish(self) -> None:
        """Let the queries of this task, and Django's own asynchronous methods, find the transaction."""
        self.handle = TransactionHandle(self._connection, self._wrapper, self.users, self._loop)
        change_access(transactions={**access().transactions, self.alias: self})
        _of_tasks.setdefault(self._owner, {})[self.alias] = self
        if (executor := self._engine.thread_executor(self._run_for_django)) is not None:
            self._connection.share()
            # asgiref has no types for it.
            joining: Any = _Joining(executor, self)
            await joining.__aenter__()

    async def withdraw(self) -> None:
        """The transaction has ended; tasks that still have it are refused."""
        self.has_ended = True
        self.users.clear()
        if (owner := self._owner) is not None:
            begun = _of_tasks.pop(owner, {})
            begun.pop(self.alias, None)
            if begun:
                _of_tasks[owner] = begun
        _forget(self)
        while (joining := _ended_joining()) is not None:
            await joining.__aexit__(None, None, None)

    def ends_here(self) -> bool:
        """Whether it has ended, and this is the context in which it began: in another one it cannot be taken back."""
        return self.has_ended and (self.is_own() or self.is_beside())

    def _run_for_django(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Run what Django's own asynchronous method sends; it is called in the task that has called the method."""
        if (own := _own().get(self.alias)) is not None:
            return own.join(function, *args, **kwargs)
        if self.is_own() or self.is_beside() or self not in _in_context().values():
            # What asgiref finds here was left behind, or is another task's.
            return self._run_afterwards(function, *args, **kwargs)
        return self.join(function, *args, **kwargs)

    async def _run_afterwards(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        async with self._engine.connection() as connection:
            return await connection.run(function, *args, **kwargs)

    def join(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Run a function on the connection for the current task, in another one."""
        return self._in_same_block(self._run_inside(function, *args, **kwargs))

    async def _run_inside(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a function in the task that asgiref's executor has made for it."""
        task = asyncio.current_task()
        # Code that runs for one of the transactions may use them all.
        users = [transaction.users for transaction in _in_context().values()]
        for each in users:
            each.add(task)
        try:
            return await self.connection.run(function, *args, **kwargs)
        finally:
            for each in users:
                each.discard(task)


class _Joining(ThreadSensitiveContext):
    """Sends what Django's own asynchronous methods run to a transaction, or to another one of the task."""

    def __init__(self, executor: Executor, transaction: Transaction) -> None:
        super().__init__(executor=executor)
        self.transaction = transaction


def _in_context() -> Mapping[str, Transaction]:
    """The transactions that the current context has, also those that have ended or are another task's."""
    return cast("Mapping[str, Transaction]", access().transactions)


# What a task has begun itself, however the context changes: tasks may share one, and asgiref sets old values again.
_of_tasks: WeakKeyDictionary[Any, dict[str, Transaction]] = WeakKeyDictionary()


def _own() -> Mapping[str, Transaction]:
    """The transactions that the current task has begun, by their aliases."""
    if not _of_tasks or (task := asyncio.current_task()) is None:
        return {}
    return _of_tasks.get(task, {})


def _forget(transaction: Transaction) -> None:
    """Take a transaction out of the current context."""
    change_access(transactions={alias: found for alias, found in _in_context().items() if found is not transaction})


def _ended_joining() -> Any:
    """What still sends Django's own methods to a transaction that has ended in this context; asgiref has no types."""
    found = SyncToAsync.thread_sensitive_context.get(None)
    return found if isinstance(found, _Joining) and found.transaction.ends_here() else None


def current(alias: str) -> Transaction | None:
    """The transaction on an alias that the current task is in.

    Raises `CrossTaskTransaction` in a task that was started within one of another task's.
    """
    if (own := _own().get(alias)) is not None:
        return own
    transaction = _in_context().get(alias)
    if transaction is None or transaction.is_beside():
        return None
    if transaction.has_ended and transaction.is_own():
        # It was left in another context, as an asynchronous generator is that was not run to its end.
        _forget(transaction)
        return None
    transaction.check_task()
    return transaction


def current_aliases() -> tuple[str, ...]:
    """The aliases on which the current context has a transaction, also one that has ended; the outermost first."""
    return tuple({**_in_context(), **_own()})


def _name(task: asyncio.Task[Any] | None) -> str:
    return repr(task.get_name()) if task is not None else "(none)"
