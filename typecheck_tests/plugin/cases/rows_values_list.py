"""The rows of `values_list()`, `dates()` and `datetimes()`."""

from __future__ import annotations

from typing import reveal_type

from django.db.models import Count, F, Value
from django.db.models.functions import Concat, Lower

from adj import q
from tests.shop.models import Author, Book, BookDetail, OrderLine


async def a_tuple_of_the_columns_in_their_order() -> None:
    reveal_type(await q(Book).values_list("title", "rating", "author__name").run())
    # R: list[tuple[str, float | None, str]]


async def a_tuple_is_unpacked() -> None:
    for title, pages in await q(Book).values_list("title", "pages").run():
        reveal_type(title)  # R: str
        reveal_type(pages)  # R: int


async def a_tuple_has_as_many_places() -> None:
    title, pages, rest = await q(Book).values_list("title", "pages").aget()
    # E: Need more than 2 values to unpack (3 expected)  [misc]


async def the_same_column_twice() -> None:
    reveal_type(await q(Book).values_list("title", "title").aget())  # R: tuple[str, str]


async def one_column_is_a_tuple_of_one() -> None:
    reveal_type(await q(Book).values_list("title").aget())  # R: tuple[str]


async def all_columns_without_names() -> None:
    reveal_type(await q(BookDetail).values_list().aget())  # R: tuple[int, str, int]
    reveal_type(await q(BookDetail).annotate(n=Count("book__tags")).values_list().aget())
    # R: tuple[int, str, int, int]


async def expressions_in_their_places() -> None:
    reveal_type(await q(Book).values_list("title", Lower("subtitle"), F("pages") + 1, "isbn").aget())
    # R: tuple[str, str | None, int, str]


async def a_composite_key() -> None:
    reveal_type(await q(OrderLine).values_list("pk", "quantity").aget())  # R: tuple[tuple[UUID, int], int]


async def an_annotation_is_a_place() -> None:
    reveal_type(await q(Book).annotate(n=Count("tags")).values_list("n", "title").aget())  # R: tuple[int, str]


async def annotate_adds_a_place() -> None:
    reveal_type(await q(Book).values_list("title").annotate(n=Count("id")).aget())  # R: tuple[str, int]


async def an_annotation_before_it_is_not_selected() -> None:
    reveal_type(await q(Book).annotate(n=Count("tags")).values_list("title").aget())  # R: tuple[str]


async def flat_gives_the_value() -> None:
    reveal_type(await q(Book).values_list("title", flat=True).run())  # R: list[str]
    reveal_type(await q(Book).values_list("editor__name", flat=True).run())  # R: list[str | None]
    reveal_type(await q(OrderLine).values_list("pk", flat=True).run())  # R: list[tuple[UUID, int]]


async def flat_of_an_expression() -> None:
    reveal_type(await q(Book).values_list(Lower("title"), flat=True).run())  # R: list[str]


async def flat_stays_flat_with_an_annotation() -> None:
    reveal_type(await q(Book).values_list("title", flat=True).annotate(n=Count("id")).run())  # R: list[str]


async def flat_of_several_columns() -> None:
    q(Book).values_list("title", "pages", flat=True)
    # E: values_list() with flat=True accepts only one field  [adj-shape]


async def flat_and_named_together() -> None:
    q(Book).values_list("title", flat=True, named=True)
    # E: values_list() accepts flat=True or named=True, not both  [adj-shape]


async def flat_that_is_known_only_at_run_time(flat: bool) -> None:
    reveal_type(await q(Book).values_list("title", flat=flat).aget())  # R: Any


async def flat_that_is_switched_off() -> None:
    reveal_type(await q(Book).values_list("title", flat=False, named=False).aget())  # R: tuple[str]


async def named_rows_have_attributes() -> None:
    row = await q(Book).values_list("title", "author__name", named=True).aget()
    reveal_type(row.title)  # R: str
    reveal_type(row.author__name)  # R: str
    reveal_type(row[1])  # R: str


async def named_rows_are_unpacked() -> None:
    title, rating = await q(Book).values_list("title", "rating", named=True).aget()
    reveal_type(rating)  # R: float | None


async def named_rows_have_no_other_attributes() -> None:
    row = await q(Book).values_list("title", named=True).aget()
    row.pages  # E: "Row2" has no attribute "pages"  [attr-defined]


async def named_rows_are_named_tuples() -> None:
    row = await q(Book).values_list("title", "pages", named=True).aget()
    reveal_type(row._asdict())  # R: dict[str, Any]
    reveal_type(row._fields)  # R: tuple[str, ...]


async def expressions_of_named_rows_have_the_names_that_django_gives() -> None:
    row = await q(Book).values_list("title", Lower("title"), Count("id"), F("pages"), Lower("isbn"), named=True).aget()
    reveal_type(row.lower1)  # R: str
    reveal_type(row.id__count1)  # R: int
    reveal_type(row.f1)  # R: int
    reveal_type(row.lower2)  # R: str


async def expressions_have_the_names_of_their_classes() -> None:
    row = await q(Book).values_list(Value(1), Concat("title", Value("!")), named=True).aget()
    reveal_type(row.value1)  # R: int
    reveal_type(row.concat1)  # R: str


async def named_rows_of_one_shape_are_one_class() -> None:
    rows = await q(Author).values_list("name", named=True).run()
    rows = await q(Author).filter(pen_name="").values_list("name", named=True).run()
    reveal_type(rows[0].name)  # R: str


async def named_rows_with_a_name_twice() -> None:
    row = await q(Book).values_list("title", "title", named=True).aget()
    reveal_type(row.title1)  # R: str


async def a_name_that_is_not_there() -> None:
    q(Book).values_list("titel", flat=True)
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def a_name_that_is_computed(name: str) -> None:
    reveal_type(await q(Book).values_list(name).aget())  # R: tuple[Any]
    reveal_type(await q(Book).values_list(name, "title", named=True).aget())  # R: Any
    reveal_type(await q(Book).values_list(name, flat=True).aget())  # R: Any


async def names_that_are_unpacked(names: list[str]) -> None:
    reveal_type(await q(Book).values_list(*names).aget())  # R: tuple[Any, ...]


async def dates_of_a_column() -> None:
    reveal_type(await q(Book).dates("published", "year").run())  # R: list[datetime.date]
    reveal_type(await q(Book).dates("author__born", "month", order="DESC").afirst())  # R: datetime.date | None


async def datetimes_of_a_column() -> None:
    reveal_type(await q(Book).datetimes("released", "hour").run())  # R: list[datetime.datetime]


async def dates_of_what_is_no_date() -> None:
    q(Book).dates("pages", "year")
    # E: "Book.pages" is a PositiveIntegerField, not a DateField or DateTimeField  [adj-lookup]
    q(Book).datetimes("published", "year")  # E: "Book.published" is a DateField, not a DateTimeField  [adj-lookup]


async def dates_of_a_kind_that_there_is_not() -> None:
    q(Book).dates("published", "hour")  # E: "hour" is not one of year, month, week, day  [adj-lookup]
    q(Book).datetimes("released", "century")
    # E: "century" is not one of year, month, week, day, hour, minute, second  [adj-lookup]


async def dates_of_a_name_that_is_not_there() -> None:
    q(Book).dates("publshed", "year")
    # E: Book has no field "publshed"; did you mean "published" or "publisher"?  [adj-lookup]


async def dates_of_a_name_that_is_computed(name: str, kind: str) -> None:
    reveal_type(await q(Book).dates(name, kind).run())  # R: list[datetime.date]
