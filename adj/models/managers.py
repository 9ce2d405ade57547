"""AsyncManager: `aobjects = AsyncManager()` gives a model `Book.aobjects.filter(...).run()`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, cast, overload

from django.db.models import Model, QuerySet
from django.db.models.manager import BaseManager

from adj.compiler.django.django_path import statement_of
from adj.compiler.keys.key_visitor import structure_of_statement
from adj.compiler.keys.overrides import begins_with_every_row, overridden, queryset_class_of, starts_plain
from adj.django_types import AnyManager
from adj.models.wrappers import queryset_method, terminal
from adj.query.async_query import AsyncQuery
from adj.query.returns_query import ReturnsQuery
from adj.statement import clauses
from adj.statement.clauses import DjangoQuerySet
from adj.statement.statement import Statement
from adj.statement.structure import Partial, Structure, Unkeyed
from adj.typevars import M, Owner, Q_co, R, R_co, T

if TYPE_CHECKING:
    from typing import Self

    from django.db.models.options import Options
    from typing_extensions import TypeVar


class AsyncManager(  # type: ignore[misc]  # as `ReturnsQuery` says
    ReturnsQuery[AsyncQuery[Owner, Owner], Owner], AsyncQuery[Owner, Owner], BaseManager[Owner]
):
    """A manager that is a query of all its rows: it has every method of `AsyncQuery`.

    ```python
    class Book(models.Model):
        aobjects = AsyncManager()
    ```

    As with Django's managers, a subclass may define methods and override `get_queryset()`, and models inherit managers
    from abstract models. It never becomes a model's default manager: `objects`, the admin, related managers and
    migrations do not change.
    """

    _queryset_class: ClassVar[type[QuerySet[Any, Any]]] = QuerySet
    _query_class: ClassVar[type[AsyncQuery[Any, Any]]] = AsyncQuery

    # BaseManager assigns it, which the property of AsyncQuery would not allow.
    model: type[Owner] = cast("type[Owner]", None)

    def __init__(self) -> None:
        BaseManager.__init__(self)
        self._bound: dict[type[Model], Self] = {}

    # -- shorthands ----------------------------------------------------------------------------------------------------

    async def aall(self) -> list[Owner]:
        """Return all rows; the same as `run()`."""
        return await self.run()

    async def afilter(self, *args: object, **kwargs: object) -> list[Owner]:
        """Return all rows that match the conditions; the same as `filter(...).run()`."""
        return await self.filter(*args, **kwargs).run()

    # -- as a query ----------------------------------------------------------------------------------------------------

    def all(self) -> AsyncQuery[Owner, Owner]:  # type: ignore[override]  # a query of the rows, not a manager
        """Return a query of all rows."""
        if begins_with_every_row(self) and _begin_as_default(self, self.model._default_manager):
            statement = Statement(self.model)
        else:
            statement = statement_of(self.get_queryset())
        return self._query_class(statement, structure_of_statement(statement))

    @property
    def statement(self) -> Statement:  # type: ignore[override]  # computed, since `get_queryset()` may depend on time
        """The statement of all rows."""
        return self.all().statement

    @property
    def structure(self) -> Structure | Unkeyed:  # type: ignore[override]  # as `statement` is
        """Its structure."""
        return self.all().structure

    @property
    def _partial(self) -> Partial | None:  # `get_queryset()` may return another QuerySet the next time
        """Always None: nothing is cached on a manager."""
        return None

    @_partial.setter
    def _partial(self, partial: Partial | None) -> None:
        pass

    def _with(self, clause: clauses.Clause) -> AsyncQuery[Owner, Owner]:  # type: ignore[override]  # not a manager
        return self.all()._with(clause)  # noqa: SLF001  # a query's own

    def _with_statement(  # type: ignore[override]  # not a manager
        self, statement: Statement, structure: Structure | Unkeyed
    ) -> AsyncQuery[Owner, Owner]:
        return self._query_class(statement, structure)

    # -- as a manager --------------------------------------------------------------------------------------------------

    @classmethod
    def from_queryset(
        cls, queryset_class: type[QuerySet[M, Any]], class_name: str | None = None
    ) -> type[ManagerFromQuerySet[M]]:
        """Return a manager class with the public methods of a project's QuerySet class, as Django's method does.

        Each method exists twice: `published()` returns a query, which has these methods too, and `await atotal_pages()`
        runs `total_pages()` on adj's engine and returns its result. Only mypy with adj's plugin knows these methods;
        for other type checkers see `from_query()`.
        """
        methods = dict(_exposed(queryset_class))
        query_class = type(f"{queryset_class.__name__}Query", (cls._query_class,), {"__slots__": (), **methods})
        name = class_name or f"{cls.__name__}From{queryset_class.__name__}"
        return cast("type[ManagerFromQuerySet[M]]", cls._subclass(query_class, queryset_class, name))

    @classmethod
    def from_query(
        cls, query_class: type[Q_co], queryset_class: type[QuerySet[Any, Any]] = QuerySet
    ) -> Callable[[], ManagerFromQuery[Q_co]]:
        """Return a manager class with the methods of a subclass of `AsyncQuery`, which every type checker knows.

        ```python
        aobjects = AsyncManager.from_query(BookQuery, BookQuerySet)()
        ```

        The manager's rows start from `queryset_class`.
        """
        name = f"{cls.__name__}From{query_class.__name__}"
        return cast("Callable[[], ManagerFromQuery[Q_co]]", cls._subclass(query_class, queryset_class, name))

    @classmethod
    def _subclass(cls, query_class: type, queryset_class: type, name: str) -> type:
        attributes = {"_query_class": query_class, "_queryset_class": queryset_class, "__module__": cls.__module__}
        return type(name, (cls, query_class), attributes)

    def contribute_to_class(self, cls: type[Model], name: str) -> None:
        """Called by Django for each attribute of a model class."""
        self.name = self.name or name
        self.model = cast("type[Owner]", cls)  # pyright: ignore[reportIncompatibleMethodOverride]
        # Not added to Django's list of managers, from which it chooses the default manager.
        setattr(cls, name, self)

    @overload
    def __get__(self: AsyncManager[Model], instance: None, cls: type[M]) -> AsyncManager[M]: ...
    @overload
    def __get__(self, instance: Options[Any] | None, cls: type[Any] | None = None) -> Self: ...
    def __get__(self, instance: Any, cls: Any = None) -> Any:
        # The messages are those of Django's ManagerDescriptor.
        if instance is not None:
            raise AttributeError(f"Manager isn't accessible via {cls.__name__} instances")
        if cls._meta.abstract:
            raise AttributeError(f"Manager isn't available; {cls._meta.object_name} is abstract")
        if cls._meta.swapped:
            raise AttributeError(
                f"Manager isn't available; '{cls._meta.label}' has been swapped for '{cls._meta.swapped}'"
            )
        return self._of(cls)

    def _of(self, model: type[Any]) -> Self:
        """The manager, bound to a model that inherits it."""
        if model is self.model:
            return self
        if model not in self._bound:
            bound = self.__copy__()
            bound.model = model
            self._bound[model] = bound
        return self._bound[model]

    def __copy__(self) -> Self:
        manager = type(self)()
        manager.__dict__.update(self.__dict__)
        return manager

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {BaseManager.__str__(self)}>"

    def __eq__(self, other: object) -> bool:
        return BaseManager.__eq__(self, other)

    def __hash__(self) -> int:
        return BaseManager.__hash__(self)


class ManagerFromQuery(Protocol[Q_co]):
    """The type of a manager from `from_query()`: an attribute of a model class that is a query of all rows."""

    def __get__(self, instance: None, owner: type[Model], /) -> Q_co: ...


if TYPE_CHECKING:
    QS = TypeVar("QS", default=Any)

    class QueryFromQuerySet(AsyncQuery[M, R], Generic[M, R, QS]):
        """A query with the methods of a QuerySet class, `QS`; only the mypy plugin knows them."""

        def __getattr__(self, name: str) -> Any: ...

    class _ReturnsOwnQuery(ReturnsQuery[Q_co, R_co]):
        """Comes before the `ReturnsQuery` of AsyncManager, and so wins over it."""

    class ManagerFromQuerySet(  # type: ignore[misc]  # as in AsyncManager
        _ReturnsOwnQuery[QueryFromQuerySet[Owner, Owner, QS], Owner], AsyncManager[Owner], Generic[Owner, QS]
    ):
        """A manager with these methods, of the model that it is accessed on."""

        def __getattr__(self, name: str) -> Any: ...

        def __get__(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
            self, instance: None, cls: type[M]
        ) -> ManagerFromQuerySet[M, QS]: ...

        # As in AsyncManager: a query, not a manager.
        def _with(  # type: ignore[override]
            self, clause: clauses.Clause
        ) -> QueryFromQuerySet[Owner, Owner, QS]: ...

        def _with_statement(  # type: ignore[override]
            self, statement: Statement, structure: Structure | Unkeyed
        ) -> QueryFromQuerySet[Owner, Owner, QS]: ...


def _begin_as_default(manager: AnyManager, default: AnyManager) -> bool:
    """Whether a manager starts like the model's default manager, and neither QuerySet class overrides anything."""
    return starts_plain(default) and not overridden(queryset_class_of(manager)) | overridden(queryset_class_of(default))


def _exposed(queryset_class: type[DjangoQuerySet]) -> Iterator[tuple[str, object]]:
    """The public methods of a project's QuerySet class, each as a query method and as a terminal method."""
    functions = inspect.getmembers(queryset_class, inspect.isfunction)
    methods = {name: method for name, method in functions if not hasattr(QuerySet, name) and _is_public(name, method)}
    for name, method in methods.items():
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            yield name, _passed_on(method)
            continue
        yield name, queryset_method(method)
        if f"a{name}" not in methods:
            yield f"a{name}", terminal(method)


def _is_public(name: str, method: object) -> bool:
    """Django's rule for which methods of a QuerySet class its managers have."""
    queryset_only = getattr(method, "queryset_only", None)
    return not queryset_only if queryset_only is not None else not name.startswith("_")


def _passed_on(method: Callable[..., T]) -> Callable[..., T]:
    """An async method of a QuerySet class, called on a query's QuerySet."""

    @functools.wraps(method)
    def call(self: AsyncQuery[Any, Any], *args: object, **kwargs: object) -> T:
        return method(self.queryset.using(self.db), *args, **kwargs)

    return call
