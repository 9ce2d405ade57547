"""Wrappers that make a project's synchronous code awaitable: `asynced`, `queryset_method` and `terminal`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, cast, overload

from django.core.exceptions import SynchronousOnlyOperation
from django.db.models import QuerySet

from adj.blocks.inside import run_sync
from adj.compiler.django.django_path import statement_of
from adj.compiler.keys.key_visitor import structure_of_statement
from adj.query.async_query import AsyncQuery
from adj.query.query_method import Source
from adj.query.running import answer_in_django
from adj.statement.structure import StatementHolder
from adj.typevars import M, Q, R, T

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")


def asynced(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return a coroutine function that calls a synchronous function through `adj.run_sync()`.

    It has the function's parameters, and runs in the caller's transaction. It can decorate functions, methods, class
    methods and static methods, above or below `@classmethod`; `aslug = asynced(make_slug)` in a class body is a method.
    Raises `TypeError` for an async function, and for a generator function, whose body would run later.
    """
    if isinstance(function, (classmethod, staticmethod)):
        # For type checkers, a decorated class method is the function in it.
        wrapped: Any = type(function)(asynced(function.__func__))
        return cast("Callable[P, Coroutine[Any, Any, T]]", wrapped)
    _check("asynced", function)

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await run_sync(function, *args, **kwargs)

    return call


class queryset_method(Generic[P]):  # noqa: N801  # a decorator, named as one
    """A query method, for a subclass of `AsyncQuery`, that calls a method of a project's QuerySet class.

    ```python
    class BookQuery(AsyncQuery[Book, Book]):
        published = queryset_method(BookQuerySet.published)
    ```

    It has the method's parameters, and returns a query of the class that it is called on. The method must not run
    queries. Raises `TypeError` for an async method, and, when it is called, for a method that returns another value
    than a QuerySet.
    """

    def __init__(self, method: Callable[Concatenate[Any, P], QuerySet[Any, Any]]) -> None:
        _check("queryset_method", method)
        self.method = method

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, instance: Source[Q], owner: type[object]) -> Callable[P, Q]: ...
    def __get__(self, instance: Any, owner: type[object]) -> object:
        return self if instance is None else _without_self(self.method, functools.partial(self._call, instance))

    def _call(self, query: AsyncQuery[M, R], /, *args: P.args, **kwargs: P.kwargs) -> AsyncQuery[M, R]:
        try:
            queryset = self.method(query.queryset, *args, **kwargs)
        except SynchronousOnlyOperation as error:
            error.add_note(
                f"{_name(self.method)}() runs a query, which a query method cannot wait for. Expose it with terminal() "
                "and await it; AsyncManager.from_queryset() provides it under its name with the prefix `a`."
            )
            raise
        if not isinstance(queryset, QuerySet):
            raise TypeError(
                f"queryset_method() expects a method that returns a QuerySet; {_name(self.method)}() returned "
                f"{type(queryset).__name__}. Expose it with terminal() and await it."
            )
        statement = statement_of(queryset, query.statement.seconds)
        return query._with_statement(statement, structure_of_statement(statement))  # noqa: SLF001  # adj's own


class terminal(Generic[P, T]):  # noqa: N801  # a decorator, named as one
    """A terminal method, for a subclass of `AsyncQuery`, that calls a method of a project's QuerySet class.

    ```python
    class BookQuery(AsyncQuery[Book, Book]):
        total_pages = terminal(BookQuerySet.total_pages)
    ```

    It has the method's parameters; awaiting it returns the method's result. It runs like Django's own code, in the
    current transaction. Raises `TypeError` for an async method, and, when it is awaited, for a method that returns a
    QuerySet, which has not run yet.
    """

    def __init__(self, method: Callable[Concatenate[Any, P], T]) -> None:
        _check("terminal", method)
        self.method = method

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, instance: AsyncQuery[Any, Any], owner: type[object]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, instance: Any, owner: type[object]) -> object:
        if instance is None:
            return self

        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self._call(instance, *args, **kwargs)

        return _without_self(self.method, call)

    async def _call(self, query: StatementHolder, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await answer_in_django(query, lambda queryset: self.method(queryset, *args, **kwargs))
        if isinstance(result, QuerySet):
            raise TypeError(
                f"terminal() expects a method that runs a query; {_name(self.method)}() returned a QuerySet. Expose it "
                "with queryset_method(), and run it with .run()."
            )
        return result


def _without_self(method: Callable[..., Any], bound: Callable[..., T]) -> Callable[..., T]:
    """A bound method with the name, documentation and signature of the wrapped method, without `self`."""
    functools.update_wrapper(bound, method)
    signature = inspect.signature(method)
    cast("Any", bound).__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
    return bound


def _check(wrapper: str, function: object) -> None:
    """Raise `TypeError` unless a value is a synchronous function."""
    if not callable(function):
        raise TypeError(f"{wrapper}() expects a function; got {type(function).__name__}.")
    is_asynchronous = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    if is_asynchronous or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004  # its type
        raise TypeError(f"{wrapper}() expects a synchronous function; {_name(function)}() is async. Await it directly.")
    if inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{wrapper}() expects a function that returns a value; {_name(function)}() is a generator. Return a list "
            "instead."
        )


def _name(function: object) -> str:
    return str(getattr(function, "__qualname__", repr(function)))
