"""Synchronous code of a project, made awaitable with the same parameters: `asynced`, `queryset_method`, `terminal`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, cast, overload

from django.core.exceptions import SynchronousOnlyOperation
from django.db.models import QuerySet

from adj.blocks.atomic import run_sync
from adj.compiler.django.django_path import statement_of
from adj.compiler.keys.key_visitor import structure_of_statement
from adj.query.async_query import AsyncQuery
from adj.query.query_method import Source
from adj.query.running import answer_in_django
from adj.typevars import Q, T

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")


def asynced(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """An awaitable twin of a synchronous function that uses the ORM, run by `adj.run_sync()`.

    It has the function's parameters and joins the caller's transaction. As a decorator it suits functions, methods,
    class methods and static methods, on either side of `@classmethod`; in the body of a class, `aslug =
    asynced(make_slug)` is a method. Raises `TypeError` for what is asynchronous already, and for generators, whose body
    would run later and elsewhere.
    """
    if isinstance(function, (classmethod, staticmethod)):
        # A checker takes a decorated class method for the function in it.
        wrapped: Any = type(cast("Any", function))(asynced(cast("Any", function).__func__))
        return cast("Callable[P, Coroutine[Any, Any, T]]", wrapped)
    _check("asynced", function)

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await run_sync(function, *args, **kwargs)

    return call


class queryset_method(Generic[P]):  # noqa: N801  # a decorator, named as one
    """A method of a project's QuerySet that gives a QuerySet, as a method of a subclass of `AsyncQuery`.

    `published = queryset_method(BookQuerySet.published)` has the method's parameters and gives a query of the class
    that it is called on, so that chains go on. Such a method builds, and must not ask the database. Raises `TypeError`
    for what is asynchronous, and when it is called for a method that gives something else.
    """

    def __init__(self, method: Callable[Concatenate[Any, P], QuerySet[Any, Any]]) -> None:
        _check("queryset_method", method)
        self.method = method

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: Source[Q], owner: type[Any]) -> Callable[P, Q]: ...
    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        return self if instance is None else _without_self(self.method, functools.partial(self._call, instance))

    def _call(self, query: AsyncQuery[Any, Any], /, *args: P.args, **kwargs: P.kwargs) -> AsyncQuery[Any, Any]:
        try:
            queryset = self.method(query.queryset, *args, **kwargs)
        except SynchronousOnlyOperation as error:
            error.add_note(
                f"{_name(self.method)}() asks the database, which a step of a chain cannot wait for: expose it by "
                "terminal() and await it; AsyncManager.from_queryset() has it under a name with an `a` in front."
            )
            raise
        if not isinstance(queryset, QuerySet):
            raise TypeError(
                f"{_name(self.method)}() gave a {type(queryset).__name__} and not a QuerySet: expose it by terminal(), "
                "and await it."
            )
        statement = statement_of(queryset, query.statement.seconds)
        return query._with_statement(statement, structure_of_statement(statement))  # noqa: SLF001  # adj's own


class terminal(Generic[P, T]):  # noqa: N801  # a decorator, named as one
    """A method of a project's QuerySet that asks the database, as an awaitable method of a subclass of `AsyncQuery`.

    `total_pages = terminal(BookQuerySet.total_pages)` has the method's parameters; awaiting it gives what the method
    returns. It runs where Django's own code runs, in the transaction if there is one. Raises `TypeError` for what is
    asynchronous, and when it is awaited for a method that gives a QuerySet, which has not asked anything yet.
    """

    def __init__(self, method: Callable[Concatenate[Any, P], T]) -> None:
        _check("terminal", method)
        self.method = method

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: AsyncQuery[Any, Any], owner: type[Any]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if instance is None:
            return self

        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self._call(instance, *args, **kwargs)

        return _without_self(self.method, call)

    async def _call(self, query: AsyncQuery[Any, Any], /, *args: P.args, **kwargs: P.kwargs) -> T:
        answer: T = await answer_in_django(query, lambda found: self.method(found, *args, **kwargs))
        if isinstance(answer, QuerySet):
            raise TypeError(
                f"{_name(self.method)}() gave a QuerySet, which has asked nothing yet: expose it by queryset_method(), "
                "and end the chain with .run()."
            )
        return answer


def _without_self(method: Callable[..., Any], bound: Callable[..., T]) -> Callable[..., T]:
    """A bound method that looks like the one it stands for."""
    functools.update_wrapper(bound, method)
    signature = inspect.signature(method)
    cast("Any", bound).__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
    return bound


def _check(wrapper: str, function: object) -> None:
    """Raise `TypeError` for what is no synchronous function."""
    if not callable(function):
        raise TypeError(f"{wrapper}() takes a function, not a {type(function).__name__}.")
    is_asynchronous = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    if is_asynchronous or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004  # its kind
        raise TypeError(f"{wrapper}() takes a synchronous function; {_name(function)}() can be awaited as it is.")
    if inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{wrapper}() takes a function that returns; {_name(function)}() is a generator, whose body would run "
            "later, and elsewhere. Let it return a list."
        )


def _name(function: object) -> str:
    return str(getattr(function, "__qualname__", repr(function)))
