"""Methods that cannot follow earlier ones, and shapes that Django refuses."""

from __future__ import annotations

from typing import Protocol, TypeVar

from django.db.models import Avg, Count, Exists, F, FilteredRelation, Max, OuterRef, Q, Sum, Window

from adj import AsyncQuery, q
from tests.shop.models import Author, Book, Order

R = TypeVar("R")


class Titled(Protocol):
    """Books, and named tuples with a title."""

    @property
    def title(self) -> str: ...


async def after_a_slice() -> None:
    q(Book)[:3].filter(pages=1)  # E: filter() cannot follow a slice; write [start:stop] after it  [adj-shape]
    q(Book)[:3].order_by("title")  # E: order_by() cannot follow a slice; write [start:stop] after it  [adj-shape]
    q(Book)[:3].values("title").distinct()
    # E: distinct() cannot follow a slice; write [start:stop] after it  [adj-shape]
    await q(Book)[:3].aget(pk=1)  # E: aget() cannot follow a slice; write [start:stop] after it  [adj-shape]
    await q(Book)[:3].aupdate(pages=1)
    # E: aupdate() cannot follow a slice; filter by the primary keys of the slice  [adj-shape]
    await q(Book)[:3].adelete()
    # E: adelete() cannot follow a slice; filter by the primary keys of the slice  [adj-shape]


async def a_slice_at_the_end(query: AsyncQuery[Book], number: int) -> None:
    await q(Book).filter(pages=1).order_by("title")[:3].run()
    await q(Book)[:3].aget()
    await q(Book)[:3].annotate(n=Count("tags")).values("title", "n").run()
    await q(Book)[:3][1:].acount()
    q(Book)[:3].filter()
    q(Book)[:3].union(q(Book)).order_by("title")
    q(Book).filter(pk__in=q(Book)[:3].values("pk"))
    [query, query][:1][0].filter(pages=1)
    {1: [query]}[1][:3][0].order_by("title")
    if number:
        query = query[:number]
    query.filter(pages=1)


async def a_slice_in_a_variable() -> None:
    top = q(Book).order_by("title")[:3]
    top.filter(pages=1)  # E: filter() cannot follow a slice; write [start:stop] after it  [adj-shape]
    await top.run()


async def a_variable_that_may_be_a_slice(number: int | None) -> None:
    books = q(Book)
    if number is not None:
        books = books[:number]
    books.filter(pages=1)


async def after_a_combination() -> None:
    q(Book).union(q(Book)).filter(pages=1)  # E: filter() cannot follow union()  [adj-shape]
    q(Book).filter(pages=1).intersection(q(Book)).order_by("title").annotate(n=Count("tags"))
    # E: annotate() cannot follow intersection()  [adj-shape]
    await q(Book).difference(q(Book)).adelete()  # E: adelete() cannot follow difference()  [adj-shape]
    await q(Book).union(q(Book)).order_by("title").values("title")[:3].run()
    await q(Book).union(q(Book)).acount()
    q(Book).none().union(q(Book)).filter(pages=1)


async def writes_of_values() -> None:
    await q(Book).values("title").adelete()  # E: adelete() cannot follow values() or values_list()  [adj-shape]
    await q(Book).values_list("pk", flat=True).adelete()
    # E: adelete() cannot follow values() or values_list()  [adj-shape]
    await q(Book).values("title").aupdate(pages=1)
    await q(Book).filter(pages=1).adelete()


async def writes_of_any_rows(rows: AsyncQuery[Book, R], titled: AsyncQuery[Book, Titled]) -> None:
    await rows.filter(pages=1).adelete()
    await titled.only("title").adelete()


def negative_indexes() -> None:
    q(Book)[-1]  # E: a query has no negative index; reverse its order, and count from the start  [adj-shape]
    q(Book)[-3:]  # E: a query has no negative index; reverse its order, and count from the start  [adj-shape]
    q(Book)[3]
    q(Book)[1:3]


async def the_latest() -> None:
    await q(Author).alatest()  # E: alatest() requires fields, because Author has no "get_latest_by" in its...
    await q(Author).aearliest("born")
    await q(Order).alatest()


async def distinct_fields() -> None:
    q(Book).distinct("title").order_by("pages")
    # E: order_by() must begin with the fields of distinct(): "title"  [adj-shape]
    q(Book).order_by("-pages").distinct("title", "price")
    # E: order_by() must begin with the fields of distinct(): "title", "price"  [adj-shape]
    q(Book).distinct("title").order_by("-title", "pages")
    q(Book).distinct("title", "pages").order_by("pages", "title", "price")
    q(Book).order_by("pages").order_by("title").distinct("title")
    q(Book).distinct("author").order_by("author__name")
    q(Book).annotate(n=F("pages")).distinct("pages").order_by("n")
    q(Book).distinct().order_by("pages")
    await q(Book).distinct("title").aupdate(pages=1)  # E: aupdate() cannot follow distinct() with fields  [adj-shape]
    await q(Book).distinct().aupdate(pages=1)


async def aggregates_of_aggregates() -> None:
    q(Book).values("title").annotate(pages=Sum("pages"), mean=Avg("pages"))
    # E: Django rejects this expression: Cannot compute Avg("pages"), because "pages" is an aggregate  [adj-shape]
    q(Book).annotate(total=Sum("pages")).filter(total__gt=1).annotate(mean=Avg("total"))
    # E: Django rejects this expression: Cannot compute Avg("total"), because "total" is an aggregate  [adj-shape]
    q(Book).annotate(total=Sum("pages")).alias(twice=F("total") * 2, most=Window(Max("twice")))
    # E: Django rejects this expression: Cannot compute Max("twice"), because "twice" is an aggregate  [adj-shape]
    q(Book).values("title").annotate(total=Sum("pages"), mean=Avg("pages"))
    q(Book).annotate(total=F("pages")).annotate(mean=Avg("total"))
    q(Book).annotate(total=Sum("pages")).annotate(n=F("total") / 2)
    await q(Book).annotate(total=Sum("pages")).aaggregate(mean=Avg("total"))


def a_query_as_a_condition() -> None:
    q(Book).filter(q(Author))  # E: a query is not a condition; write Exists(...) around it  [adj-shape]
    q(Book).exclude(Author.objects.all())  # E: a query is not a condition; write Exists(...) around it  [adj-shape]
    q(Book).filter(Exists(q(Author).filter(pk=OuterRef("author_id"))))


def conditions_of_filtered_relations() -> None:
    q(Book).annotate(a=FilteredRelation("author", condition=Q(author__publisher__name="Ace")))
    # E: Django rejects this condition: FilteredRelation's condition doesn't support nested relations deeper...
    q(Book).alias(a=FilteredRelation("author", condition=Q(author__born=None) & ~Q(author__publisher__slug="a")))
    # E: Django rejects this condition: FilteredRelation's condition doesn't support nested relations deeper...
    q(Book).annotate(a=FilteredRelation("author", condition=Q(author__name="Ada") | Q(title="Solaris")))
    q(Book).annotate(p=FilteredRelation("author__publisher", condition=Q(author__publisher__name__icontains="a")))
