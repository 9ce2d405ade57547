"""Values in conditions: for each kind of field what is right, and what is not."""

from __future__ import annotations

import datetime
import enum
import ipaddress
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NewType

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy

from adj import q
from tests.shop.models import (
    Author,
    AuthorProfile,
    Bestseller,
    Book,
    Depot,
    Format,
    Gadget,
    Item,
    Order,
    OrderLine,
    Publisher,
    Reader,
    Shelf,
    Tag,
)

Pages = NewType("Pages", int)


class Size(enum.IntEnum):
    SMALL = 1


class Colour(enum.Enum):
    RED = "red"


def a_number() -> None:
    q(Book).filter(pages=3, pages__in=[3], pages__range=(1, 3), weight__lt=3)
    q(Book).filter(pages="3")  # E: Book: "pages" expects "int", got "str"  [adj-value]


def a_number_by_its_subclasses() -> None:
    q(Book).filter(pages=True, pages__gt=Size.SMALL, pages__lt=Pages(3))
    q(Book).filter(pages=Colour.RED)  # E: Book: "pages" expects "int", got "Colour"  [adj-value]


def a_number_beside_a_fraction() -> None:
    q(Book).filter(pages__gt=3.5, pages__lte=3.5)
    q(Book).filter(pages=3.5)  # E: Book: "pages" expects "int", got "float"  [adj-value]
    q(Book).filter(pages__gt=Decimal("3.5"))  # E: Book: "pages__gt" expects "int | float", got "Decimal"  [adj-value]


def a_text() -> None:
    q(Book).filter(title="Emma", title__in={"Emma"}, title__gt="A")
    q(Book).filter(title=3)  # E: Book: "title" expects "str", got "int"  [adj-value]
    q(Book).filter(title=b"Emma")  # E: Book: "title" expects "str", got "bytes"  [adj-value]


def a_text_of_choices() -> None:
    q(Book).filter(format=Format.EBOOK, format__in=[Format.EBOOK, Format.HARDBACK], format__exact="eb")
    q(Book).filter(format=Colour.RED)  # E: Book: "format" expects "str", got "Colour"  [adj-value]


def a_lazy_text() -> None:
    q(Book).filter(title=gettext_lazy("Emma"), title__contains=gettext_lazy("m"))


def patterns() -> None:
    q(Book).filter(title__startswith="E", title__regex="^E", title__iexact="emma")
    q(Book).filter(title__startswith=3)  # E: Book: "title__startswith" expects "str", got "int"  [adj-value]
    q(Book).filter(title__contains=None)  # E: Book: "title__contains" expects "str", got "None"  [adj-value]


def patterns_in_numbers() -> None:
    q(Book).filter(pages__startswith=3, published__contains="2020", pages__icontains="3")


def yes_or_no() -> None:
    q(Book).filter(is_available=True, is_translated=None)
    q(Book).filter(is_available="yes")  # E: Book: "is_available" expects "bool", got "str"  [adj-value]
    q(Book).filter(is_available=1)  # E: Book: "is_available" expects "bool", got "int"  [adj-value]


def a_fraction() -> None:
    q(Book).filter(rating=3, rating__gt=3.5, rating__lt=Decimal("3.5"))
    q(Book).filter(rating="3.5")  # E: Book: "rating" expects "float | int | Decimal | None", got "str"  [adj-value]


def a_decimal() -> None:
    q(Book).filter(price=Decimal("3.5"), price__gt=3, price__lt=3.5, price__in=["3.50"])
    q(Book).filter(price=True)
    q(Book).filter(price=datetime.date(2020, 1, 1))
    # E: Book: "price" expects "Decimal | int | float | str", got "date"  [adj-value]


def a_date() -> None:
    q(Book).filter(published=datetime.date(2020, 1, 1), published__gt="2020-01-01")
    q(Book).filter(published__lt=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    q(Book).filter(published=2020)  # E: Book: "published" expects "date | str | None", got "int"  [adj-value]


def a_moment() -> None:
    q(Book).filter(released__gt=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), released__lt="2020-01-01T10:00Z")
    q(Book).filter(released__gt=datetime.date(2020, 1, 1))
    q(Book).filter(released=datetime.timedelta(1))
    # E: Book: "released" expects "date | str | None", got "timedelta"  [adj-value]


def a_time_of_day() -> None:
    q(Book).filter(reading_hour__gt=datetime.time(10), reading_hour="10:00")
    q(Book).filter(reading_hour=10)  # E: Book: "reading_hour" expects "time | str | None", got "int"  [adj-value]
    q(Book).filter(reading_hour=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    # E: Book: "reading_hour" expects "time | str | None", got "datetime"  [adj-value]


def a_duration() -> None:
    q(Book).filter(reading_time__gt=datetime.timedelta(hours=1))
    q(Book).filter(reading_time__gt=3600)  # E: Book: "reading_time__gt" expects "timedelta", got "int"  [adj-value]
    q(Book).filter(reading_time="01:00:00")
    # E: Book: "reading_time" expects "timedelta | None", got "str"  [adj-value]


def a_uuid() -> None:
    q(Book).filter(reference=uuid.uuid4(), reference__in=["0" * 32])
    q(Book).filter(reference=3)  # E: Book: "reference" expects "UUID | str", got "int"  [adj-value]


def some_bytes() -> None:
    q(Book).filter(cover=b"x", cover__in=[bytearray(b"x"), memoryview(b"x")])
    q(Book).filter(cover="x")
    # E: Book: "cover" expects "bytes | memoryview[int] | bytearray | None", got "str"  [adj-value]


def an_address() -> None:
    q(AuthorProfile).filter(address="127.0.0.1")
    q(AuthorProfile).filter(address=ipaddress.ip_address("127.0.0.1"))
    # E: AuthorProfile: "address" expects "str | None", got "IPv4Address | IPv6Address"  [adj-value]


def json_takes_anything() -> None:
    q(Book).filter(metadata={"a": [1]}, metadata__a=None, metadata__contains=[1])
    q(Book).filter(metadata__has_key=3)  # E: Book: "metadata__has_key" expects "str", got "int"  [adj-value]
    q(Book).filter(metadata__has_keys="colour")
    # E: Book: "metadata__has_keys" expects "Iterable[str]", got "str"  [adj-value]


def a_field_of_the_projects_takes_what_it_likes() -> None:
    q(Book).filter(cost=3, cost__gt="3", cost__in=[Decimal(3)])


def an_array() -> None:
    q(Shelf).filter(numbers=[1, 2], numbers__contains=(1,), numbers__overlap=[1], numbers__0=3, labels__contains=["a"])
    q(Shelf).filter(numbers=3)  # E: Shelf: "numbers" expects "Sequence[int]", got "int"  [adj-value]
    q(Shelf).filter(labels="a")  # E: Shelf: "labels" expects "Sequence[str]", got "str"  [adj-value]
    q(Shelf).filter(numbers__contains=["a"])
    # E: Shelf: "numbers__contains" expects items of "int", got "str"  [adj-value]


def transforms() -> None:
    q(Book).filter(published__year=2020, released__date=datetime.date(2020, 1, 1), released__time="10:00")
    q(Book).filter(published__year="2020")  # E: Book: "published__year" expects "int | None", got "str"  [adj-value]
    q(Book).filter(title__length__gt="3")  # E: Book: "title__length__gt" expects "int | float", got "str"  [adj-value]
    q(Book).filter(numbers_of_pages=3)
    # E: Book has no field "numbers_of_pages" (choices are: pages, notes, order_lines, publisher_id, publisher,...


def is_null() -> None:
    q(Book).filter(subtitle__isnull=True, author__profile__isnull=False)
    q(Book).filter(subtitle__isnull=1)  # E: Book: "subtitle__isnull" expects "bool", got "int"  [adj-value]
    q(Book).filter(subtitle__isnull="yes")  # E: Book: "subtitle__isnull" expects "bool", got "str"  [adj-value]


def none_is_null() -> None:
    q(Book).filter(subtitle=None, title=None, editor=None, subtitle__iexact=None)
    q(Book).filter(pages__gt=None)  # E: Book: "pages__gt" expects "int | float", got "None"  [adj-value]
    q(Book).filter(pages__range=(1, None))  # E: Book: "pages__range" expects items of "int", got "None"  [adj-value]


def one_of_many() -> None:
    q(Book).filter(pages__in=[1, 2], title__in=("a", "b"))
    q(Book).filter(pages__in=3)  # E: Book: "pages__in" expects "Iterable[int]", got "int"  [adj-value]
    q(Book).filter(pages__in=["1"])  # E: Book: "pages__in" expects items of "int", got "str"  [adj-value]


def a_text_is_no_list_of_texts() -> None:
    q(Book).filter(title__in="Emma")  # E: Book: "title__in" expects "Iterable[str]", got "str"  [adj-value]
    q(Book).filter(format__in=Format.EBOOK)  # E: Book: "format__in" expects "Iterable[str]", got "Format"  [adj-value]


def many_by_any_iterable(numbers: Iterator[int], mapping: dict[int, str], optional: list[int | None]) -> None:
    q(Book).filter(pages__in=numbers)
    q(Book).filter(pages__in=mapping)
    q(Book).filter(pages__in=(number + 1 for number in numbers))
    q(Book).filter(pages__in=optional)


def a_range() -> None:
    q(Book).filter(published__range=("2020-01-01", datetime.date(2021, 1, 1)), pages__range=[1, 2])
    q(Book).filter(pages__range=("1", "2"))  # E: Book: "pages__range" expects items of "int", got "str"  [adj-value]
    q(Book).filter(pages__range=3)  # E: Book: "pages__range" expects "Sequence[int]", got "int"  [adj-value]
    q(Book).filter(pages__range=(1, 2, 3))  # E: Book: "pages__range" expects 2 values, got 3  [adj-value]


def a_pair_in_a_variable(two: tuple[int, int], three: tuple[int, int, int], many: tuple[int, ...]) -> None:
    q(Book).filter(pages__range=two)
    q(Book).filter(pages__range=many)
    q(Book).filter(pages__range=three)  # E: Book: "pages__range" expects 2 values, got 3  [adj-value]


def each_value_of_a_list_by_itself(author: Author, rest: list[int]) -> None:
    q(Book).filter(author__in=[author, 3], author_id__in=[1, *rest], price__in=[3, "3.5"])
    q(Book).filter(author__in=[author, 3, "Jane"])
    # E: Book: "author__in" expects items of "Author | int", got "str"  [adj-value]
    q(Book).filter(pages__in=(1, "2"))  # E: Book: "pages__in" expects items of "int", got "str"  [adj-value]


def a_relation_by_a_row_or_its_key(author: Author) -> None:
    q(Book).filter(author=author, author__in=[author, 3], author_id=3, author__isnull=False)
    q(Book).filter(author="Jane")  # E: Book: "author" expects "Author | int", got "str"  [adj-value]


def a_relation_by_a_row_of_another_model(publisher: Publisher) -> None:
    q(Book).filter(author=publisher)  # E: Book: "author" expects "Author | int", got "Publisher"  [adj-value]
    q(Book).filter(author__in=[publisher])
    # E: Book: "author__in" expects items of "Author | int", got "Publisher"  [adj-value]


def a_relation_to_many_by_a_row(tag: Tag, book: Book) -> None:
    q(Book).filter(tags=tag, tags__in=[tag])
    q(Tag).filter(books=book, books__in=[3])
    q(Book).filter(tags=book)  # E: Book: "tags" expects "Tag | int | None", got "Book"  [adj-value]


def a_relation_by_a_proxy(bestseller: Bestseller) -> None:
    q(Tag).filter(books=bestseller)


def a_relation_by_a_child_or_a_parent(item: Item, reader: Reader, gadget: Gadget) -> None:
    q(Reader).filter(gadget_ptr=gadget)
    q(Publisher).filter(items=reader)
    q(Reader).filter(gadget_ptr=item)


def a_relation_by_a_key_that_is_no_number(order: Order) -> None:
    q(OrderLine).filter(order=uuid.uuid4(), order_id="0" * 32)
    q(OrderLine).filter(order=order)
    q(OrderLine).filter(order=3)  # E: OrderLine: "order" expects "Order | UUID | str", got "int"  [adj-value]


def a_relation_to_another_field(publisher: Publisher) -> None:
    q(Depot).filter(publisher=publisher, publisher__in=["planeta"])
    q(Depot).filter(publisher=3)  # E: Depot: "publisher" expects "Publisher | str", got "int"  [adj-value]


def a_composite_key(order: Order) -> None:
    q(OrderLine).filter(pk=(uuid.uuid4(), 1), pk__in=[(uuid.uuid4(), 1)])
    q(OrderLine).filter(pk=(F("order_id"), 1), pk__in=[(F("order_id"), F("number"))])
    q(OrderLine).filter(pk=(1, 1))
    # E: OrderLine: "pk" expects "tuple[UUID | str, int]", got "tuple[int, int]"  [adj-value]
    q(OrderLine).filter(pk=1)  # E: OrderLine: "pk" expects "tuple[UUID | str, int]", got "int"  [adj-value]


def a_literal(kind: Literal["hb", "pb"], number: Literal[1, 2]) -> None:
    q(Book).filter(format=kind, pages=number, format__in=[kind])
    q(Book).filter(pages=kind)  # E: Book: "pages" expects "int", got "Literal['hb', 'pb']"  [adj-value]


def one_of_several_types(number: int | str, text: str | None, rows: QuerySet[Author] | Author) -> None:
    q(Book).filter(subtitle=text, author=rows)
    q(Book).filter(pages=number)  # E: Book: "pages" expects "int", got "int | str"  [adj-value]


def what_is_not_known_is_silent(value: Any, values: list[Any]) -> None:
    q(Book).filter(pages=value, pages__in=values, title__contains=value, author=value, published__range=value)


def an_object_may_be_anything(value: object) -> None:
    q(Book).filter(pages=value)  # E: Book: "pages" expects "int", got "object"  [adj-value]


class _Computed:
    """Django takes whatever has the method."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


def an_expression_of_the_projects_own_making(computed: _Computed) -> None:
    q(Book).filter(title=computed, pages__gt=computed)


def a_path_for_a_text() -> None:
    q(Book).filter(title=Path("x"))  # E: Book: "title" expects "str", got "Path"  [adj-value]


def messages_show_none_where_a_column_may_be_null() -> None:
    q(Book).filter(subtitle=3)  # E: Book: "subtitle" expects "str | None", got "int"  [adj-value]
    q(Book).filter(title=3)  # E: Book: "title" expects "str", got "int"  [adj-value]
