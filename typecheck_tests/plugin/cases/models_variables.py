"""Queries of a type variable are checked against its bound, those of a union against each model."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, reveal_type

from django.db import models
from django.db.models import Count

from adj import AsyncQuery, q
from tests.shop.models import Author, Book, Publisher, Stamped
from typecheck_tests.plugin.library.models import Named

B = TypeVar("B", bound=Book)
S = TypeVar("S", bound=Stamped)
N = TypeVar("N", bound=Named)
M = TypeVar("M", bound=models.Model)
C = TypeVar("C", Author, Publisher)


async def a_class(cls: type[B]) -> B | None:
    q(cls).filter(titel="x")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(cls).filter(xyzzy="x")  # E: Book has no field "xyzzy" (choices are: ...
    q(cls).filter(author__nam="x")  # E: Author has no field "nam" (in "author__nam"); did you mean "name"?...
    q(cls).filter(pages="x")  # E: Book: "pages" expects "int", got "str"  [adj-value]
    q(cls).order_by("-titel")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(cls)[:3].filter(pages=1)  # E: filter() cannot follow a slice; write [start:stop] after it  [adj-shape]
    ordered: AsyncQuery[B] = q(cls).filter(title="x").order_by("-pages")
    await ordered.run()
    return await q(cls).filter(title="x", author__name="y").afirst()


async def values_of_a_class(cls: type[B]) -> None:
    reveal_type(await q(cls).values("title", "pages").run())  # R: list[TypedDict({'title': str, 'pages': int})]
    reveal_type(await q(cls).values_list("title", flat=True).run())  # R: list[str]
    reveal_type(await q(cls).aaggregate(n=Count("pk")))  # R: TypedDict({'n': int})
    q(cls).values("titel")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def annotations_of_a_class(cls: type[B], anything: Any) -> AsyncQuery[B]:
    q(cls).annotate(n=Count("tags")).filter(n__gt=1).order_by("n", "title")
    q(cls).annotate(n=Count("tags")).filter(m=1)  # E: Book has no field "m" (choices are: ...
    q(cls).alias(n=Count("tagz"))  # E: Book has no field "tagz"; did you mean "tags"?  [adj-lookup]
    q(cls).annotate(**anything).filter(anything=1)
    q(cls).extra(select={"bonus": "1"}).order_by("bonus")
    counted = q(cls).annotate(n=Count("tags"))
    counted.filter(n=1)
    query = q(cls).filter(pages=1)
    if anything:
        query = query.annotate(more=Count("tags"))
    query.filter(more=1)
    rows = q(cls).values("title")
    rows = rows.annotate(most=Count("tags"))
    rows.order_by("most")
    return q(cls).annotate(n=Count("tags"))


async def a_query(query: AsyncQuery[B]) -> list[B]:
    query.filter(titel="x")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    query.filter(pages="x")  # E: Book: "pages" expects "int", got "str"  [adj-value]
    query.filter(added_elsewhere=1)
    return await query.filter(title="x").run()


class Repository(Generic[B]):
    """A generic class around one model."""

    def __init__(self, model: type[B]) -> None:
        self.model = model
        self.query = q(model)

    async def find(self, title: str) -> B | None:
        """Find a book."""
        return await q(self.model).filter(title=title).afirst()

    def newest(self) -> AsyncQuery[B]:
        """Return the newest first."""
        return self.query.order_by("-published")


def a_generic_class(repository: Repository[B]) -> None:
    q(repository.model).filter(titel="x")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    repository.query.order_by("titel")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    repository.newest().filter(pages=1)


async def an_abstract_bound(cls: type[S]) -> list[S]:
    q(cls).filter(creatd=None)  # E: Author has no field "creatd"; did you mean "created"?  [adj-lookup]
    q(cls).filter(created=1)  # E: Author: "created" expects "date | str", got "int"  [adj-value]
    return await q(cls).filter(created__year=2024).order_by("-updated").run()


def a_field_of_some_children(cls: type[N]) -> None:
    q(cls).filter(name="x", minutes=3)
    q(cls).filter(nam="x")  # E: Shelf has no field "nam"; did you mean "name"?  [adj-lookup]


def any_model(cls: type[M]) -> AsyncQuery[M]:
    return q(cls).filter(anything=1)


async def constrained(cls: type[C]) -> C:
    q(cls).filter(nam="x")
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]
    # E: Publisher has no field "nam"; did you mean "name"?  [adj-lookup]
    return await q(cls).aget(name="x")


async def a_union(cls: type[Author | Publisher]) -> None:
    q(cls).filter(nam="x")
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]
    # E: Publisher has no field "nam"; did you mean "name"?  [adj-lookup]
    q(cls).filter(pen_name="x")  # E: Publisher has no field "pen_name"; did you mean "name"?  [adj-lookup]
    q(cls).filter(name="x")
    reveal_type(await q(cls).values("name").run())  # R: list[TypedDict({'name': str})]


def methods_in_variables() -> None:
    find, order = q(Book).filter, q(Book).order_by
    find(titel="x")
    where = q(Book).filter
    where(titel="x")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    where(title="x")
    order("titel")
    values = q(Book).values_list
    reveal_type(values("title", "pages"))  # R: AsyncQuery[Book, tuple[str, int]]
