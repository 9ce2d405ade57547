"""Calls what psycopg's asynchronous classes return, for code in a bridge that does not await."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Generator, Iterator
from contextlib import AbstractAsyncContextManager
from functools import wraps
from inspect import isasyncgen, isawaitable, ismethod
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from adj.engines.bridge.greenlets import await_, check_in_use, dispose

if TYPE_CHECKING:
    from adj.engines.postgres.connection import PgConnection

T = TypeVar("T")


def wait_on(raw: PgConnection, awaitable: Awaitable[T]) -> T:
    """Wait for an operation on a connection, if the running code still has that connection.

    Raises `CrossTaskTransaction` otherwise.
    """
    wrapper = raw.wrapper
    try:
        if wrapper.is_managed_by_adj:
            check_in_use(wrapper)
    except BaseException:
        dispose(awaitable)
        raise
    return await_(awaitable)


def synchronous(raw: PgConnection, attribute: Any) -> Any:
    """An attribute of a connection or cursor; if it is a method, one that waits.

    The method returns what psycopg's synchronous method returns: a value, an iterator or a context manager.
    """
    if not ismethod(attribute):
        return attribute

    @wraps(attribute)
    def call(*args: Any, **kwargs: Any) -> Any:
        returned = attribute(*args, **kwargs)
        if isawaitable(returned):
            return wait_on(raw, returned)
        if isasyncgen(returned):
            return items(raw, cast("AsyncGenerator[object]", returned))
        if isinstance(returned, AbstractAsyncContextManager):
            return _Block(raw, returned)
        return returned

    return call


def items(raw: PgConnection, generator: AsyncGenerator[T]) -> Generator[T]:
    """The items of an asynchronous generator, which is closed with this one."""
    try:
        while True:
            try:
                item = wait_on(raw, anext(generator))
            except StopAsyncIteration:
                return
            yield item
    finally:
        wait_on(raw, generator.aclose())


class _Block:
    """A context manager of psycopg whose block is entered and left without `await`.

    Not a generator: one that is not run to its end would leave the block when it is collected, in the turn of others.
    """

    def __init__(self, raw: PgConnection, manager: AbstractAsyncContextManager[object]) -> None:
        self._raw, self._manager = raw, manager

    def __enter__(self) -> _Waiting:
        return _Waiting(self._raw, wait_on(self._raw, self._manager.__aenter__()))

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return wait_on(self._raw, self._manager.__aexit__(exc_type, exc_value, traceback))


class _Waiting:
    """An object of psycopg, such as a transaction, a pipeline or a COPY, whose methods wait."""

    def __init__(self, raw: PgConnection, waited_for: Any) -> None:
        self._raw, self._waited_for = raw, waited_for

    def __iter__(self) -> Iterator[Any]:
        return items(self._raw, self._waited_for.__aiter__())

    def __getattr__(self, name: str) -> Any:
        return synchronous(self._raw, getattr(self._waited_for, name))
