"""`aaggregate()`: the types of values as the database gives them."""

from __future__ import annotations

from typing import Any, reveal_type

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Avg, Count, F, Max, Min, Q, StdDev, Sum, Value, Variance
from django.db.models.functions import Coalesce

from adj import q
from tests.shop.models import Book, Review


async def a_count_is_a_number() -> None:
    reveal_type(await q(Book).aaggregate(books=Count("id"), tagged=Count("tags", distinct=True)))
    # R: TypedDict({'books': int, 'tagged': int})


async def a_sum_over_no_rows_is_none() -> None:
    reveal_type(await q(Book).aaggregate(total=Sum("pages"), paid=Sum("price"), rated=Sum("rating")))
    # R: TypedDict({'total': int | None, 'paid': Decimal | None, 'rated': float | None})


async def an_average_of_whole_numbers_is_a_float() -> None:
    reveal_type(await q(Book).aaggregate(pages=Avg("pages"), rating=Avg("rating")))
    # R: TypedDict({'pages': float | None, 'rating': float | None})


async def an_average_of_decimals_is_a_decimal() -> None:
    reveal_type(await q(Book).aaggregate(price=Avg("price")))  # R: TypedDict({'price': Decimal | None})


async def an_average_of_durations_is_a_duration() -> None:
    reveal_type(await q(Book).aaggregate(time=Avg("reading_time")))  # R: TypedDict({'time': datetime.timedelta | None})


async def the_least_and_the_greatest_have_the_type_of_their_column() -> None:
    reveal_type(await q(Book).aaggregate(first=Min("published"), last=Max("title"), cost=Max("cost")))
    # R: TypedDict({'first': datetime.date | None, 'last': str | None, 'cost': Money | None})


async def deviation_and_variance() -> None:
    reveal_type(await q(Book).aaggregate(spread=StdDev("pages"), variance=Variance("rating")))
    # R: TypedDict({'spread': float | None, 'variance': float | None})


async def a_default_leaves_no_none() -> None:
    reveal_type(await q(Book).aaggregate(total=Sum("pages", default=0), top=Coalesce(Max("pages"), 0)))
    # R: TypedDict({'total': int, 'top': int})


async def a_filter_does_not_change_a_count() -> None:
    reveal_type(await q(Book).aaggregate(long=Count("id", filter=Q(pages__gt=300))))  # R: TypedDict({'long': int})


async def an_expression_over_aggregates() -> None:
    reveal_type(await q(Book).aaggregate(mean=Sum("price") / Count("id"), more=Count("id") + 1))
    # R: TypedDict({'mean': Decimal | None, 'more': int})


async def an_aggregate_of_an_aggregate_in_the_same_call() -> None:
    reveal_type(await q(Book).aaggregate(n=Count("id"), more=F("n") + 1))  # R: TypedDict({'n': int, 'more': int})


async def an_aggregate_without_a_name_has_that_of_django() -> None:
    reveal_type(await q(Book).aaggregate(Count("id"), Sum("author__books__pages")))
    # R: TypedDict({'id__count': int, 'author__books__pages__sum': int | None})


async def an_aggregate_that_django_cannot_name() -> None:
    await q(Book).aaggregate(Count("*"))
    # E: aaggregate() requires a name for this expression, as in name=...  [adj-shape]
    await q(Book).aaggregate(Sum(F("pages") + 1))
    # E: aaggregate() requires a name for this expression, as in name=...  [adj-shape]


async def an_aggregate_of_an_annotation() -> None:
    reveal_type(await q(Book).annotate(n=Count("tags")).aaggregate(most=Max("n"), mean=Avg("n")))
    # R: TypedDict({'most': int | None, 'mean': float | None})


async def a_list_of_all_values() -> None:
    reveal_type(await q(Book).aaggregate(titles=ArrayAgg("title"), years=ArrayAgg("published__year")))
    # R: TypedDict({'titles': list[str] | None, 'years': list[int | None] | None})


async def the_values_are_read_by_their_names() -> None:
    values = await q(Review).aaggregate(stars=Avg("stars"))
    values["star"]  # E: "star" is not a valid TypedDict key; expected one of ("stars")  [misc]


async def a_sum_that_may_be_none_is_not_added() -> None:
    values = await q(Book).aaggregate(total=Sum("pages"))
    values["total"] + 1
    # E: Unsupported operand types for + ("None" and "int")  [operator]
    # N: Left operand is of type "int | None"


async def a_column_that_is_not_there() -> None:
    await q(Book).aaggregate(total=Sum("pgaes"))  # E: Book has no field "pgaes"; did you mean "pages"?  [adj-lookup]


async def an_expression_that_computes_nothing_over_rows() -> None:
    await q(Book).aaggregate(pages=F("pages"))
    # E: "pages" is not an aggregate expression  [adj-shape]
    await q(Book).aaggregate(one=Value(1))  # E: "one" is not an aggregate expression  [adj-shape]


async def names_that_are_unpacked(aggregates: dict[str, Any]) -> None:
    reveal_type(await q(Book).aaggregate(**aggregates))  # R: dict[str, Any]
    reveal_type(await q(Book).aaggregate(n=Count("id"), **aggregates))  # R: dict[str, Any]


async def a_column_that_is_computed(name: str) -> None:
    reveal_type(await q(Book).aaggregate(total=Sum(name)))  # R: TypedDict({'total': Any})
