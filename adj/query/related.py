"""`adj.related()`: the query of a related manager, with the methods that change the relation.

The methods that write run Django's own code on adj's engine: signals, transactions and rules are Django's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, overload

from django.db.models import Manager, Model

from adj.compiler.django.django_path import copied
from adj.compiler.keys.lazy import unwrapped
from adj.compiler.relations.related_managers import (
    call_manager,
    checked_manager,
    manager_of,
    manager_statement,
    relation_statement,
    write_alias,
)
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.query.async_query import AsyncQuery, query_of
from adj.query.hidden_frames import hides_frame
from adj.query.returns_query import ReturnsQuery
from adj.statement.clauses import Clause
from adj.statement.statement import ROWS, Statement
from adj.statement.structure import Structure, Unkeyed
from adj.statement.text import NotedCall, related_query_text, related_text
from adj.typevars import M

if TYPE_CHECKING:
    from typing import Self

Values = Mapping[str, object]

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class RelatedQuery(  # type: ignore[misc]  # as `ReturnsQuery` says
    ReturnsQuery[AsyncQuery[M, M], M], AsyncQuery[M, M], Generic[M]
):
    """The rows of an instance's relation, with methods that change the relation. Created by `related()`.

    Query methods such as `filter()` return an `AsyncQuery`, which cannot change the relation. `objs` are instances or,
    for a many-to-many relation, primary keys. `through_defaults` are values for new rows of a many-to-many relation's
    through model. As in Django, every change discards the prefetched rows of the relation.
    """

    __slots__ = ("_create_manager", "_instance", "_relation")

    def __init__(
        self, query: AsyncQuery[M, M], instance: Model, relation: str | None, create_manager: Callable[[], Any]
    ) -> None:
        super().__init__(query.statement, query.structure)
        self._instance, self._relation, self._create_manager = instance, relation, create_manager

    def all(self) -> Self:
        """Return the rows, as a manager's `all()` does."""
        statement = copied(self.statement)
        if statement is self.statement:
            return self
        return type(self)(query_of(statement), self._instance, self._relation, self._create_manager)

    # Query methods return a plain query of the rows, which is not a relation.
    def _with(self, clause: Clause) -> AsyncQuery[M, M]:  # type: ignore[override]
        return self._with_statement(self.statement, self.structure)._with(clause)  # noqa: SLF001  # a query's own

    def _with_statement(  # type: ignore[override]
        self, statement: Statement, structure: Structure | Unkeyed
    ) -> AsyncQuery[M, M]:
        return AsyncQuery(statement, structure)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {related_query_text(self._instance, self._relation)}>"

    async def aadd(self, *objs: M | Any, bulk: bool = True, through_defaults: Values | None = None) -> None:
        """Add objects to the relation, by an UPDATE of their foreign keys or new rows of the through table.

        For foreign keys, `bulk=False` saves each object, which sends its signals; with `bulk`, an unsaved object raises
        `ValueError`.
        """
        await self._call("add", *objs, **_options(bulk, through_defaults))

    async def aremove(self, *objs: M | Any, bulk: bool = True) -> None:
        """Remove objects from the relation.

        Raises `UnsupportedRelation` for a foreign key that cannot be NULL, and the model's `DoesNotExist` for an object
        whose foreign key refers to another instance.
        """
        await self._call("remove", *objs, **_options(bulk))

    async def aclear(self, *, bulk: bool = True) -> None:
        """Remove all rows from the relation. Raises `UnsupportedRelation` for a foreign key that cannot be NULL."""
        await self._call("clear", **_options(bulk))

    async def aset(
        self,
        objs: AsyncQuery[M, M] | Iterable[M | Any],
        *,
        bulk: bool = True,
        clear: bool = False,
        through_defaults: Values | None = None,
    ) -> None:
        """Replace the rows of the relation by these objects; `clear` removes all rows first, as in Django."""
        objects = objs.queryset if isinstance(objs, AsyncQuery) else objs
        options = {"clear": True} if clear else {}
        await self._call("set", objects, **options, **_options(bulk, through_defaults))

    async def acreate(self, *, through_defaults: Values | None = None, **kwargs: Any) -> M:
        """Save a new instance, add it to the relation and return it."""
        created: M = await self._call("create", **_options(True, through_defaults), **kwargs)
        return created

    async def aget_or_create(
        self, defaults: Values | None = None, *, through_defaults: Values | None = None, **kwargs: Any
    ) -> tuple[M, bool]:
        """Return the related row that matches the conditions, or create it; and whether it was created."""
        row: tuple[M, bool] = await self._call(
            "get_or_create", defaults=defaults, **_options(True, through_defaults), **kwargs
        )
        return row

    async def aupdate_or_create(
        self,
        defaults: Values | None = None,
        create_defaults: Values | None = None,
        *,
        through_defaults: Values | None = None,
        **kwargs: Any,
    ) -> tuple[M, bool]:
        """Set values on the related row that matches the conditions, or create it; and whether it was created."""
        row: tuple[M, bool] = await self._call(
            "update_or_create",
            defaults=defaults,
            create_defaults=create_defaults,
            **_options(True, through_defaults),
            **kwargs,
        )
        return row

    async def _call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        async with within_time(self.statement, ROWS):
            executor = await executor_for(write_alias(self.statement.model, self._instance))
            with NotedCall(related_text, self._instance, self._relation, name, args, kwargs):
                return await executor.run(call_manager, self._create_manager, name, args, kwargs)


def _options(bulk: bool, through_defaults: Values | None = None) -> dict[str, Any]:
    """The options that differ from their defaults: some of Django's managers do not accept them, and raise an error."""
    options: dict[str, Any] = {} if bulk else {"bulk": False}
    if isinstance(through_defaults, Mapping):
        # A copy, since the call waits. For a foreign key it may also be the value of a field with this name.
        through_defaults = dict(through_defaults)
    return options if through_defaults is None else {**options, "through_defaults": through_defaults}


@overload
def related(source: Manager[M], name: None = None) -> RelatedQuery[M]: ...
@overload
def related(source: Model, name: str) -> RelatedQuery[Any]: ...
def related(source: Any, name: str | None = None) -> RelatedQuery[Any]:
    """Return the query of an instance's related rows.

    ```python
    books = await related(author, "books").filter(pages__gt=200).run()
    await related(author.books).aadd(book)
    ```

    `source` is an instance, with the `name` of a relation to several rows, or a related manager. The second form has
    the manager's type, `RelatedQuery[Book]`. The rows refer to the instance itself: `book.author is author`. Raises
    `UnknownRelation` for a name that is not a relation, `TypeError` for a relation to a single row and for a manager
    without an instance, `NotLoaded` for an instance whose key is deferred, and `ValueError` for an unsaved instance.
    """
    source = unwrapped(source)
    if isinstance(source, Model) and name is not None:
        instance, relation = source, name

        def create_manager() -> Any:
            return manager_of(instance, relation)

        statement = relation_statement(source, name)
    else:
        instance, manager = checked_manager(source, name)

        def create_manager() -> Any:
            return manager

        statement = manager_statement(manager)
    return RelatedQuery(query_of(statement), instance, name, create_manager)
