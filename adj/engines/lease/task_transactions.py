"""The transactions that the current task may use: its own, or those of the task that it acts for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import TypeVar

from adj.engines.lease.access import TransactionHandle, Users, access
from adj.engines.lease.nested_call import NestedCall, is_nested_call_for

T = TypeVar("T")


def has_transactions() -> bool:
    """Whether the current code is in a transaction, or was started in one."""
    return bool(access().transactions)


def transaction_handles() -> Iterator[tuple[str, TransactionHandle]]:
    """The transactions that the current task may use, by alias, outermost first."""
    if transactions := access().transactions:
        task = asyncio.current_task()
        for alias, transaction in transactions.items():
            handle = transaction.handle
            if task in handle.users or is_nested_call_for(handle.connection):
                yield alias, handle


def on_behalf_of_current_task(call: Coroutine[object, None, T]) -> Coroutine[object, None, T]:
    """Let another task, which runs this coroutine, use the transactions of the current task, which waits for it."""
    return _on_behalf_of([handle.users for _, handle in transaction_handles()], call)


async def _on_behalf_of(users: list[Users], call: Coroutine[object, None, T]) -> T:
    task = asyncio.current_task()
    for each in users:
        each.add(task)
    try:
        return await call
    finally:
        for each in users:
            each.discard(task)


def new_nested_call() -> NestedCall:
    """A nested call with the transactions that the current task may use."""
    return NestedCall(tuple(handle.connection for _, handle in transaction_handles()))
