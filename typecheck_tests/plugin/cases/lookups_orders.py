"""Names to sort by, to be distinct by, and in methods that take nothing but names."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, OrderBy, Value
from django.db.models.functions import Coalesce, Lower, Random

from adj import q
from tests.shop.models import Author, Book, Country, Order, OrderLine, Publisher, Reader, Review, Shelf, Tag
from typecheck_tests.plugin.library.models import Person


def names() -> None:
    q(Book).order_by("title", "-pages", "+rating", "pk", "-pk")
    q(Book).order_by("titel")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).order_by("-pags")  # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]


def names_of_relations() -> None:
    q(Book).order_by("author", "author_id", "-author__publisher__name", "tags__name", "detail")
    q(Book).order_by("author__nam")
    # E: Author has no field "nam" (in "author__nam"); did you mean "name"?  [adj-lookup]


def chance() -> None:
    q(Book).order_by("?")
    q(Book).order_by(Random())


def transforms() -> None:
    q(Book).order_by("published__year", "-released__date", "title__lower", "title__length", "metadata__colour")
    q(Book).order_by("published__yaer")
    # E: DateField "Book.published" has no lookup or transform "yaer" (in "published__yaer"); did you...
    q(Book).order_by("title__icontains")
    # E: Book: "title__icontains" ends in the lookup "icontains" and is not a column  [adj-lookup]


def columns() -> None:
    q(Book).order_by(F("title"), F("pages").desc(), F("rating").asc(nulls_last=True), -F("pages"))
    q(Book).order_by(F("titel"))  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).order_by(F("pags").desc(nulls_last=True))
    # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]


def expressions() -> None:
    q(Book).order_by(Lower("title"), Coalesce("rating", 0).desc(), OrderBy(F("pages"), descending=True), Value(1))
    q(Book).order_by(Lower("titel").desc())
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).order_by(OrderBy(F("pags")))  # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]


def nothing() -> None:
    q(Book).order_by()


def keys_of_rows() -> None:
    q(Book).values("author").annotate(n=Count("pk")).order_by("n", "-author")
    q(Book).values("author__name", long=F("pages")).order_by("long", "author__name", "title")
    q(Book).values("author").order_by("m")
    # E: Book has no field "m" (choices are: format, metadata, reading_time, author, author_id, ...)  [adj-lookup]


def names_that_are_known_when_the_program_runs(name: str, several: list[str], anything: Any) -> None:
    q(Book).order_by(name, *several, anything, f"-{name}")
    q(Book).order_by(name, "titel")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def an_order_that_a_variable_holds() -> None:
    newest = F("published").desc()
    q(Book).order_by(newest)


def a_manager_of_adj() -> None:
    q(Person).order_by("name", "born")
    q(Person).order_by("nam")  # E: Person has no field "nam"; did you mean "name"?  [adj-lookup]


def distinct() -> None:
    q(Book).distinct()
    q(Book).distinct("author", "author__name", "published__year", "pk")
    q(Book).distinct("titel")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def distinct_by_what_is_not_known(several: list[str]) -> None:
    q(Book).distinct(*several)


async def the_first_and_the_last() -> None:
    await q(Book).aearliest("published", "-pages")
    await q(Book).alatest("publishd")
    # E: Book has no field "publishd"; did you mean "published" or "publisher"?  [adj-lookup]
    await q(Book).aearliest("pages", "-titel")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def the_first_by_what_is_not_known(name: str) -> None:
    await q(Book).aearliest(name)
    await q(Order).alatest()


def locks() -> None:
    q(Book).select_for_update(of=("self", "author", "author__publisher", "detail"), nowait=True)
    q(Book).select_for_update(of=("athor",))
    # E: Book has no lockable relation "athor"; did you mean "author" or "category"?  [adj-lookup]
    q(Book).select_for_update(of=["self", "author__publishr"])
    # E: Author has no lockable relation "publishr"; did you mean "publisher"?  [adj-lookup]


def locks_of_relations_to_many() -> None:
    q(Book).select_for_update(of=("tags",))
    # E: Book has no lockable relation "tags" (choices are: detail, category, self, author, editor, ...)  [adj-lookup]


def locks_of_parents() -> None:
    q(Reader).select_for_update(of=("self", "gadget_ptr", "gadget_ptr__item_ptr", "favourite"))
    q(Reader).select_for_update(of=("item_pt",))
    # E: Reader has no lockable relation "item_pt"; did you mean "item_ptr"?  [adj-lookup]


def locks_of_what_is_not_known(names: list[str]) -> None:
    q(Book).select_for_update(of=names)


def dates() -> None:
    q(Book).dates("published", "year").dates("released", "month", "DESC")
    q(Book).dates("publishd", "year")
    # E: Book has no field "publishd"; did you mean "published" or "publisher"?  [adj-lookup]
    q(Book).dates("title", "year")  # E: "Book.title" is a CharField, not a DateField or DateTimeField  [adj-lookup]


def kinds_of_dates() -> None:
    q(Book).dates("published", "hour")  # E: "hour" is not one of year, month, week, day  [adj-lookup]
    q(Book).dates("published", kind="day", order="UP")  # E: "order" must be "ASC" or "DESC"; got "UP"  [adj-value]


def dates_of_a_relation() -> None:
    q(Book).dates("author__born", "year")
    q(Book).dates("author__name", "year")
    # E: "Book.author__name" is a CharField, not a DateField or DateTimeField  [adj-lookup]


def moments() -> None:
    q(Book).datetimes("released", "hour", order="DESC")
    q(Book).datetimes("published", "hour")  # E: "Book.published" is a DateField, not a DateTimeField  [adj-lookup]
    q(Book).datetimes("released", "century")
    # E: "century" is not one of year, month, week, day, hour, minute, second  [adj-lookup]


def dates_that_are_not_known(name: str, kind: str) -> None:
    q(Book).dates(name, kind)
    q(Book).datetimes(name, kind)


async def keys() -> None:
    await q(Book).ain_bulk([1, 2])
    await q(Book).ain_bulk(["x"])  # E: "Book.pk" expects items of "int", got "str"  [adj-value]
    await q(Book).ain_bulk({1, 2}, field_name="id")


async def other_keys() -> None:
    await q(Book).ain_bulk(["978"], field_name="isbn")
    await q(Book).ain_bulk([978], field_name="isbn")  # E: "Book.isbn" expects items of "str", got "int"  [adj-value]
    await q(Book).ain_bulk(["Emma"], field_name="title")
    # E: "Book.title" is not unique and cannot be the key of ain_bulk()  [adj-shape]
    await q(Book).ain_bulk(["Emma"], field_name="titel")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def keys_of_other_kinds() -> None:
    await q(Country).ain_bulk(["CL"])
    await q(Tag).ain_bulk(["sea"], field_name="name")
    await q(Country).ain_bulk([1])  # E: "Country.pk" expects items of "str", got "int"  [adj-value]


async def keys_that_are_not_known(name: str, ids: list[Any], many: Any) -> None:
    await q(Book).ain_bulk()
    await q(Book).ain_bulk(ids, field_name=name)
    await q(Book).ain_bulk(many)


def loaded_columns() -> None:
    q(Book).only("title", "author", "pk").defer("pages")
    q(Book).only("titel")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).defer("pags")  # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]


def arrays() -> None:
    q(Shelf).order_by("numbers__0", "numbers__len", "label")
    q(Shelf).order_by("numbers__first")
    # E: ArrayField "Shelf.numbers" has no lookup or transform "first" (in "numbers__first") (choices...


def a_composite_key() -> None:
    q(OrderLine).order_by("pk", "order", "-total")
    q(OrderLine).order_by("totl")  # E: OrderLine has no field "totl"; did you mean "total"?  [adj-lookup]


def a_reverse_relation_that_orders() -> None:
    q(Publisher).order_by("books__title", "authors__books__pages")
    q(Publisher).order_by("book__title")
    # E: Publisher has no field "book" (in "book__title"); did you mean "books"?  [adj-lookup]
    q(Review).reverse().order_by("book__author__name")
    q(Author).order_by("profile__bio")
