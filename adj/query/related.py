"""`adj.related()`: the query of a related manager, with what Django's related managers do to their relation.

The methods that write are Django's own, run in a bridge on adj's engine: their order of signals, their transactions
and their rules are Django's.
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
from adj.errors import hides_frame
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.query.async_query import AsyncQuery, query_of
from adj.statement.clauses import Clause
from adj.statement.statement import ROWS, Statement
from adj.statement.structure import Structure, Unkeyed
from adj.statement.text import NotedCall, related_query_text, related_text
from adj.typevars import M

if TYPE_CHECKING:
    from typing import Self

Values = Mapping[str, Any]

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class RelatedQuery(AsyncQuery[M, M], Generic[M]):
    """The rows of a relation of one instance, and what changes which rows these are. Made by `related()`.

    Builders such as `filter()` give an `AsyncQuery`, which only reads. Objects are instances or, for a many-to-many
    relation, primary keys. `through_defaults` are values for new rows of a many-to-many relation's through model.
    Prefetched rows of the relation are forgotten by every change, as in Django.
    """

    __slots__ = ("_instance", "_make_manager", "_relation")

    def __init__(
        self, query: AsyncQuery[M, M], instance: Model, relation: str | None, make_manager: Callable[[], Any]
    ) -> None:
        super().__init__(query.statement, query.structure)
        self._instance, self._relation, self._make_manager = instance, relation, make_manager

    def all(self) -> Self:
        """The same rows, as a manager's `all()` gives them."""
        statement = copied(self.statement)
        if statement is self.statement:
            return self
        return type(self)(query_of(statement), self._instance, self._relation, self._make_manager)

    # What is built on it is a query of rows, and no relation any more.
    def _with(self, clause: Clause) -> AsyncQuery[M, M]:  # type: ignore[override]
        return self._asking(self.statement, self.structure)._with(clause)  # noqa: SLF001  # a query's own

    def _asking(  # type: ignore[override]
        self, statement: Statement, structure: Structure | Unkeyed
    ) -> AsyncQuery[M, M]:
        return AsyncQuery(statement, structure)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {related_query_text(self._instance, self._relation)}>"

    async def aadd(self, *objs: M | Any, bulk: bool = True, through_defaults: Values | None = None) -> None:
        """Let objects belong to the instance: one UPDATE for a foreign key, or new rows of the through table.

        Without `bulk` each object is saved by itself, which sends its signals; only for foreign keys, where with `bulk`
        an object that is not saved raises `ValueError`.
        """
        await self._call("add", *objs, **_given(bulk, through_defaults))

    async def aremove(self, *objs: M | Any, bulk: bool = True) -> None:
        """Let objects no longer belong to the instance.

        Raises `UnsupportedRelation` for a foreign key that cannot be NULL, and the model's `DoesNotExist` for an object
        that a foreign key does not relate to the instance.
        """
        await self._call("remove", *objs, **_given(bulk))

    async def aclear(self, *, bulk: bool = True) -> None:
        """Let no row belong to the instance. Raises `UnsupportedRelation` for a foreign key that cannot be NULL."""
        await self._call("clear", **_given(bulk))

    async def aset(
        self,
        objs: AsyncQuery[M, M] | Iterable[M | Any],
        *,
        bulk: bool = True,
        clear: bool = False,
        through_defaults: Values | None = None,
    ) -> None:
        """Let exactly these objects belong to the instance, as far as the relation allows; `clear` starts from none."""
        wanted = objs.queryset if isinstance(objs, AsyncQuery) else objs
        options = {"clear": True} if clear else {}
        await self._call("set", wanted, **options, **_given(bulk, through_defaults))

    async def acreate(self, *, through_defaults: Values | None = None, **kwargs: Any) -> M:
        """Create a row that belongs to the instance."""
        created: M = await self._call("create", **_given(True, through_defaults), **kwargs)
        return created

    async def aget_or_create(
        self, defaults: Values | None = None, *, through_defaults: Values | None = None, **kwargs: Any
    ) -> tuple[M, bool]:
        """The row that fulfils the conditions, and whether it was created because there was none."""
        found: tuple[M, bool] = await self._call(
            "get_or_create", defaults=defaults, **_given(True, through_defaults), **kwargs
        )
        return found

    async def aupdate_or_create(
        self,
        defaults: Values | None = None,
        create_defaults: Values | None = None,
        *,
        through_defaults: Values | None = None,
        **kwargs: Any,
    ) -> tuple[M, bool]:
        """The row that fulfils the conditions, with new values, and whether it was created because there was none."""
        found: tuple[M, bool] = await self._call(
            "update_or_create",
            defaults=defaults,
            create_defaults=create_defaults,
            **_given(True, through_defaults),
            **kwargs,
        )
        return found

    async def _call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        async with within_time(self.statement, ROWS):
            executor = await executor_for(write_alias(self.statement.model, self._instance))
            with NotedCall(related_text, self._instance, self._relation, name, args, kwargs):
                return await executor.run(call_manager, self._make_manager, name, args, kwargs)


def _given(bulk: bool, through_defaults: Values | None = None) -> dict[str, Any]:
    """The options that were chosen: each is known to some of Django's managers only, which say so themselves."""
    given: dict[str, Any] = {} if bulk else {"bulk": False}
    if isinstance(through_defaults, Mapping):
        # A copy, since the call waits. Of a foreign key's manager it may be the value of a field that is called so.
        through_defaults = dict(through_defaults)
    return given if through_defaults is None else {**given, "through_defaults": through_defaults}


@overload
def related(source: Manager[M], name: None = None) -> RelatedQuery[M]: ...
@overload
def related(source: Model, name: str) -> RelatedQuery[Any]: ...
def related(source: Any, name: str | None = None) -> RelatedQuery[Any]:
    """The rows of an instance's relation to many: `related(author, "books")`, or `related(author.books)`.

    The second form is typed by the manager, where a checker knows it: `RelatedQuery[Book]`. Rows know the instance that
    they are asked from, so that `book.author is author`. Raises `UnknownField` for a name that is no relation,
    `TypeError` for a relation to one row and for a manager that belongs to no instance, `NotLoaded` for an instance
    whose key is deferred, and what Django raises for an instance that is not saved.
    """
    source = unwrapped(source)
    if isinstance(source, Model) and name is not None:
        instance, relation = source, name

        def make_manager() -> Any:
            return manager_of(instance, relation)

        statement = relation_statement(source, name)
    else:
        instance, manager = checked_manager(source, name)

        def make_manager() -> Any:
            return manager

        statement = manager_statement(manager)
    return RelatedQuery(query_of(statement), instance, name, make_manager)
