"""The rows of `into()`: objects of a class, whose fields are columns."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Literal, NamedTuple, NewType, NotRequired, TypedDict, reveal_type

import attrs
import msgspec
import pydantic
from django.db.models import Avg, Count, Sum
from django.db.models.functions import Lower

from adj import AsyncQuery, q
from tests.shop.models import Author, Book, BookDetail

BookId = NewType("BookId", int)


@dataclass
class Editor:
    name: str
    born: datetime.date | None


@dataclass
class Card:
    title: str
    subtitle: str | None
    pages: int
    price: Decimal
    reference: uuid.UUID
    author__name: str
    editor: Editor | None
    format: Literal["hb", "pb", "eb"]
    pk: BookId
    metadata: Any
    rating: float | None
    writer: str
    n: int
    shelf: str = ""
    tags: list[str] = field(default_factory=list)
    kind: ClassVar[str] = "book"
    copies_sold: InitVar[int] = 0
    loud: str = field(init=False)


class Dict(TypedDict):
    title: str
    shelf: NotRequired[str]


class Tuple(NamedTuple):
    title: str
    shelf: str = ""


@attrs.define
class Attrs:
    _title: str
    pages: str = attrs.field(converter=str)
    shelf: str = ""


class Struct(msgspec.Struct):
    title: str
    author: StructAuthor
    shelf: str = ""


class StructAuthor(msgspec.Struct):
    name: str


class Model(pydantic.BaseModel):
    title: str
    book_id: uuid.UUID = pydantic.Field(alias="bookId")
    format: Literal["hb", "pb", "eb"]
    shelf: str = ""


async def rows_are_objects_of_the_class() -> None:
    cards = q(Book).annotate(n=Count("tags")).into(Card, writer="author__name")
    reveal_type(await cards.run())  # R: list[Card]
    reveal_type(await cards.afirst())  # R: Card | None
    reveal_type(await cards.aget(pages__gt=3))  # R: Card
    reveal_type(await cards.order_by("n")[2].run())  # R: Card
    reveal_type([card async for card in cards[:3]])  # R: list[Card]
    reveal_type((await cards.page(3)).rows)  # R: Sequence[Card]
    reveal_type((await q(Book).into(Dict).aget())["title"])  # R: str
    reveal_type(await q(Book).into(Tuple).aget())  # R: tuple[str, str, fallback=Tuple]
    reveal_type(await q(Book).into(Attrs).aget())  # R: Attrs
    reveal_type(await q(Book).into(Struct).aget())  # R: Struct
    reveal_type(await q(Book).into(Model, book_id="reference").aget())  # R: Model
    reveal_type(await Book.objects.published().filter(pages=3).aget())  # R: Any


async def later_clauses_know_the_model() -> None:
    cards = q(Book).into(Tuple)
    cards.filter(pagez=3)  # E: Book has no field "pagez"; did you mean "pages"?  [adj-lookup]
    await cards.adelete()  # E: adelete() cannot follow values() or values_list()...
    reveal_type(await cards.values("pages").aget())  # R: TypedDict({'pages': int})
    cards.annotate(n=Count("tags"))  # E: annotate() cannot follow into(), whose class has no place for another...
    cards.values("pages").annotate(n=Count("tags"))
    cards.alias(n=Count("tags")).filter(n=1)


@dataclass
class Misspelt:
    titel: str


class MisspeltDict(TypedDict):
    titel: str


class MisspeltTuple(NamedTuple):
    titel: str


@attrs.define
class MisspeltAttrs:
    titel: str


class MisspeltStruct(msgspec.Struct):
    titel: str


class MisspeltModel(pydantic.BaseModel):
    titel: str


def names_that_are_not_there() -> None:
    q(Book).into(Misspelt)  # E: Misspelt.titel: Book has no field "titel"; did you mean "title"...
    q(Book).into(MisspeltDict)  # E: MisspeltDict.titel: Book has no field "titel"; did you mean "title"...
    q(Book).into(MisspeltTuple)  # E: MisspeltTuple.titel: Book has no field "titel"; did you mean "title"...
    q(Book).into(MisspeltAttrs)  # E: MisspeltAttrs.titel: Book has no field "titel"; did you mean "title"...
    q(Book).into(MisspeltStruct)  # E: MisspeltStruct.titel: Book has no field "titel"; did you mean "title"...
    q(Book).into(MisspeltModel)  # E: MisspeltModel.titel: Book has no field "titel"; did you mean "title"...
    q(Book).into(Misspelt, titel="title")
    q(Book).into(Misspelt, titel="author__nam")
    # E: Misspelt.titel: Author has no field "nam" (in "author__nam"); did you mean "name"?  [adj-lookup]
    q(Book).into(Misspelt, title="title")
    # E: Misspelt has no field "title"; did you mean "titel"?  [adj-lookup]
    # E: Misspelt.titel: Book has no field "titel"; did you mean "title"...
    q(Book).annotate(titel=Lower("title")).into(Misspelt)
    q(Book).into(Misspelt, titel="title__startswith")
    # E: Misspelt.titel: "title__startswith" of Book is not a column  [adj-lookup]


@dataclass
class Wrong:
    pages: str


class WrongDict(TypedDict):
    pages: str


class WrongTuple(NamedTuple):
    pages: str


@attrs.define
class WrongAttrs:
    pages: str


class WrongStruct(msgspec.Struct):
    pages: str


class Converted(pydantic.BaseModel):
    pages: str


@dataclass
class NotOptional:
    subtitle: str


@dataclass
class Total:
    total: int


@dataclass
class ByAuthor:
    author: int
    editor: int | None


@dataclass
class ByInstance:
    author: Author


def types_that_do_not_fit() -> None:
    q(Book).into(Wrong)  # E: Wrong.pages is "str", but "pages" of Book is "int"  [adj-value]
    q(Book).into(WrongDict)  # E: WrongDict.pages is "str", but "pages" of Book is "int"  [adj-value]
    q(Book).into(WrongTuple)  # E: WrongTuple.pages is "str", but "pages" of Book is "int"  [adj-value]
    q(Book).into(WrongAttrs)  # E: WrongAttrs.pages is "str", but "pages" of Book is "int"  [adj-value]
    q(Book).into(WrongStruct)  # E: WrongStruct.pages is "str", but "pages" of Book is "int"  [adj-value]
    q(Book).into(Converted)
    q(Book).into(NotOptional)  # E: NotOptional.subtitle is "str", but "subtitle" of Book may be None  [adj-value]
    q(Book).annotate(total=Count("tags")).into(Total)
    q(Book).annotate(total=Avg("pages")).into(Total)
    # E: Total.total is "int", but the annotation "total" is "float"  [adj-value]
    q(Author).annotate(total=Sum("books__pages")).into(Total)
    # E: Total.total is "int", but the annotation "total" may be None  [adj-value]
    q(Book).into(ByAuthor)
    q(Book).into(ByInstance)  # E: ByInstance.author is "Author", but "author" of Book is "int"  [adj-value]


@dataclass
class Profile:
    nam: str


@dataclass
class Inner:
    author: Profile


@dataclass
class Missing:
    editor: Editor


@dataclass
class Several:
    tags: Editor


@dataclass
class Tree:
    name: str
    mentor: Tree | None


@dataclass
class Reverse:
    title: str
    detail: Detail | None


@dataclass
class Detail:
    printings: int


def relations() -> None:
    q(Book).into(Inner)  # E: Profile.nam: Author has no field "nam"; did you mean "name"?  [adj-lookup]
    q(Book).into(Missing)  # E: Missing.editor is "Editor", but "editor" of Book may be None  [adj-value]
    q(Book).into(Several)  # E: Several.tags: "tags" of Book leads to several rows  [adj-shape]
    q(Author).into(Tree)  # E: Tree contains itself  [adj-shape]
    q(Book).into(Reverse)
    q(BookDetail).into(Detail)


def other_classes(books: AsyncQuery[Book]) -> None:
    q(Book).into(int)  # E: into() expects a dataclass, an attrs class, a TypedDict, a NamedTuple, a msgspec Struct...
    q(Book).into(Book)  # E: into() expects a dataclass, an attrs class, a TypedDict, a NamedTuple, a msgspec Struct...
    books.into(Misspelt)  # E: Misspelt.titel: Book has no field "titel"; did you mean "title"...
    books.into(Total)


def known_at_run_time_only(path: str, paths: dict[str, str], cls: type[Misspelt]) -> None:
    q(Book).into(Misspelt, titel=path)
    q(Book).into(Misspelt, **paths)
    q(Book).into(cls)  # E: Misspelt.titel: Book has no field "titel"; did you mean "title"...
