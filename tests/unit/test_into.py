"""`into()`: which classes and fields it accepts, what it says of the others, and how the query behaves as a value."""

from __future__ import annotations

import copy
import datetime
import pickle
import subprocess
import sys
import traceback
import uuid
from dataclasses import InitVar, dataclass, field, make_dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from django.db import models
from django.db.models import Avg, BooleanField, Count, ExpressionWrapper, F, Q, Sum
from django.db.models.functions import Lower

from adj import QueryError, RowTypeMismatch, ShapeError, UnknownField, q
from adj.schema.annotations import accepts
from adj.schema.row_types import row_type
from tests.running import run
from tests.shop.cards import CARDS
from tests.shop.models import Author, Book, Category, Format, OrderLine
from tests.shop.row_classes import AuthorLength, AuthorName, Tree

# Any: type checkers report most of these calls.
books: Any = q(Book)


def card(**fields: Any) -> Any:
    """A dataclass with these fields; a tuple is a type with a default."""
    members = [
        (name, *hint[:1], field(default=hint[1])) if isinstance(hint, tuple) else (name, hint)
        for name, hint in fields.items()
    ]
    return make_dataclass("Card", members, kw_only=True)


# -- types -------------------------------------------------------------------------------------------------------------

Pages = NewType("Pages", int)


class Named(Protocol):
    name: str


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        *[("pages", hint) for hint in (int, int | None, float, object, Any, Pages, Annotated[int, "pages"], "int")],
        *[("pages", hint) for hint in (int | str, Literal[96, 220], Named)],
        *[("rating", hint) for hint in (float | None, Any, object, "float | None")],
        *[("price", Decimal), ("published", datetime.date | None), ("reference", uuid.UUID), ("is_available", int)],
        *[("format", Literal["hb", "pb", "eb"]), ("metadata", dict[str, Any] | None), ("cost", Decimal | None)],
        *[("author", int), ("author_id", int), ("editor", int | None), ("pk", int), ("title__length", int)],
        *[("author__publisher__country", str | None), ("published__year", int | None), ("tags", int | None)],
        *[("title", "NotImported"), ("title", "list[NotImported]")],
    ],
)
def test_a_type_that_accepts_the_values_is_accepted(name: str, hint: Any) -> None:
    run(books.into(card(**{name: hint})).run())


@pytest.mark.parametrize(
    ("name", "hint", "got"),
    [
        *[("pages", hint, "int") for hint in (str, bool, str | None, Decimal, list[int], datetime.date, "str")],
        *[("title", hint, "str") for hint in (int, bytes, Format, list[str], Literal[1])],
        *[("price", float, "Decimal"), ("rating", int | None, "float"), ("published", datetime.datetime, "date")],
        *[
            ("subtitle", str, "None"),
            ("editor__name", str, "None"),
            ("editor", int, "None"),
            ("metadata", dict, "None"),
        ],
        *[("author", str, "int"), ("author", Author, "int"), ("title__length", str, "int"), ("tags", str, "int")],
        *[("published__year", int, "None"), ("author__publisher__country", int, "str")],
    ],
)
def test_a_type_that_does_not_accept_them_is_refused(name: str, hint: Any, got: str) -> None:
    with pytest.raises(RowTypeMismatch) as caught:
        books.into(card(**{name: hint}))
    assert (caught.value.row_type, caught.value.field, caught.value.got) == ("Card", name, got)


def test_the_types_of_annotations_are_checked_where_django_knows_them() -> None:
    rows: Any = books.annotate(
        n=Count("tags"),
        low=Lower("title"),
        mean=Avg("pages"),
        is_long=ExpressionWrapper(Q(pages__gt=9), BooleanField()),
    )
    run(rows.into(card(n=int, low=str, mean=float, is_long=bool)).run())
    for name, wrong in {"n": str, "low": int, "mean": int, "is_long": str}.items():
        with pytest.raises(RowTypeMismatch, match=f'the annotation "{name}" has values of type'):
            rows.into(card(**{name: wrong}))


def test_pydantic_may_convert_and_attrs_with_a_converter_does() -> None:
    class Lax(pydantic.BaseModel):
        pages: str = ""

    class Right(pydantic.BaseModel):
        pages: float
        price: float
        format: Format
        reference: uuid.UUID

    class Validating(pydantic.BaseModel):
        pages: str

        @pydantic.field_validator("pages", mode="before")
        @classmethod
        def text(cls, value: object) -> str:
            return str(value)

    class Strict(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(strict=True)
        price: float

    @attrs.define
    class Converting:
        pages: str = attrs.field(converter=str)

    assert all(type(row.format) is Format for row in run(books.into(Right).run()))
    assert type(run(books.into(Validating).afirst()).pages) is str
    assert type(run(books.into(Converting).afirst()).pages) is str
    for wrong in (Lax, Strict):
        with pytest.raises(RowTypeMismatch):
            books.into(wrong)


def test_what_a_class_raises_reaches_the_user() -> None:
    class Short(pydantic.BaseModel):
        title: Annotated[str, pydantic.Field(max_length=3)]

    with pytest.raises(pydantic.ValidationError):
        run(books.into(Short).run())


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: books.into(card(titel=str)), 'Card.titel: Book has no field "titel"; did you mean "title"?'),
        (
            lambda: books.into(card(author__nam=str)),
            'Card.author__nam: Author has no field "nam" (in "author__nam"); did you mean "name"?',
        ),
        (lambda: books.into(card(author=card(nam=str))), 'Card.nam: Author has no field "nam"; did you mean "name"?'),
        (lambda: books.annotate(score=F("pages")).into(card(scor=int)), 'did you mean "score"?'),
        (lambda: books.into(card(title=str), titel="title"), 'Card has no field "titel"; did you mean "title"?'),
        (
            lambda: books.into(card(name=str), name="titel"),
            'Card.name: Book has no field "titel"; did you mean "title"?',
        ),
        (lambda: books.into(card(name=(str, "")), name="titel"), 'Book has no field "titel"'),
    ],
)
def test_a_name_that_does_not_exist_is_refused_with_a_suggestion(make: Any, message: str) -> None:
    with pytest.raises(UnknownField) as caught:
        make()
    assert message in str(caught.value)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "into"


def test_fields_with_a_default_that_are_not_columns_keep_it() -> None:
    other = card(title=str, shelf=(str, "a"), tags=(list[str], None), content_object=(int, 0), pages__gt=(int, 1))
    row = run(books.order_by("pk").into(other).afirst())
    assert (row.shelf, row.tags, row.content_object, row.pages__gt) == ("a", None, 0, 1)


def test_only_arguments_of_the_class_are_fields() -> None:
    @dataclass
    class Card:
        title: str
        kind: ClassVar[str] = "book"
        loud: str = field(init=False)
        pages: InitVar[int]

        def __post_init__(self, pages: int) -> None:
            self.loud = f"{self.title.upper()} {pages}"

    row = run(books.order_by("pk").into(Card).afirst())
    assert row.loud == f"{row.title.upper()} 0"


def test_arguments_after_one_that_is_left_out_are_passed_by_name() -> None:
    @dataclass
    class Card:
        title: str
        shelf: str = "a"
        pages: int = 1

    class Pair(NamedTuple):
        title: str
        shelf: str = "a"
        pages: int = 1

    class Struct(msgspec.Struct):
        title: str
        shelf: str = "a"
        pages: int = 1

    wanted = run(books.order_by("pk").values_list("title", "pages").run())
    for each in (Card, Pair, Struct):
        rows = run(books.order_by("pk").into(each).run())
        assert [(row.title, row.pages) for row in rows] == wanted
        assert {row.shelf for row in rows} == {"a"}


def test_keys_of_a_typed_dict_may_be_left_out() -> None:
    class Card(TypedDict):
        title: str
        shelf: NotRequired[str]
        pages: NotRequired[int]

    assert {frozenset(row) for row in run(books.into(Card).run())} == {frozenset({"title", "pages"})}


def test_aliases_are_used_where_the_class_is_called() -> None:
    class Card(pydantic.BaseModel):
        name: str = pydantic.Field(alias="bookName")
        pages: int = pydantic.Field(validation_alias=pydantic.AliasChoices("n", "m"))

    class ByName(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(populate_by_name=True)
        pages: int = pydantic.Field(alias="pageCount")

    @attrs.define
    class Private:
        _title: str

    wanted = run(books.order_by("pk").values_list("title", "pages").run())
    rows = run(books.order_by("pk").into(Card, name="title").run())
    assert [(row.name, row.pages) for row in rows] == wanted
    assert [row.pages for row in run(books.order_by("pk").into(ByName).run())] == [pages for _, pages in wanted]
    assert [row._title for row in run(books.order_by("pk").into(Private).run())] == [title for title, _ in wanted]


def test_a_composite_key_is_a_tuple() -> None:
    keys = run(q(OrderLine).order_by("pk").values_list("pk", flat=True).run())
    assert [row.pk for row in run(q(OrderLine).order_by("pk").into(card(pk=tuple[int, int])).run())] == keys


# -- classes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [int, str, dict, tuple, object, Enum, Author, Format, 3, "Card", None, [], AuthorName("")]
)
def test_other_classes_are_refused(wrong: Any) -> None:
    with pytest.raises(ShapeError, match=r"into\(\) (expects|got)"):
        books.into(wrong)


def test_a_class_without_columns_is_refused() -> None:
    with pytest.raises(ShapeError, match="Card has no field that is a column"):
        books.into(card(shelf=(str, "")))


def test_a_relation_to_several_rows_is_refused() -> None:
    with pytest.raises(ShapeError, match=r'Card\.tags cannot be a Card: "tags" of Book leads to several rows'):
        books.into(card(tags=card(name=str)))


def test_a_relation_that_may_be_missing_needs_a_column_that_tells() -> None:
    nullable = card(born=datetime.date | None)
    with pytest.raises(
        ShapeError, match="All columns of Card can be NULL, so it cannot tell whether the Author is missing"
    ):
        books.into(card(editor=nullable | None))
    with pytest.raises(RowTypeMismatch, match=r'"editor" of Book can be NULL'):
        books.into(card(editor=card(name=str)))
    assert run(books.into(card(author=nullable)).run())


def test_a_class_that_contains_itself_is_refused() -> None:
    with pytest.raises(ShapeError, match="Tree contains itself"):
        q(Category).into(Tree)


def test_an_annotation_that_only_type_checkers_can_read_is_refused_for_a_relation() -> None:
    with pytest.raises(ShapeError, match=r"annotation of Card\.author cannot be evaluated"):
        books.into(card(author="NotImported"))


def test_columns_cannot_be_added_or_chosen_afterwards() -> None:
    rows = books.into(AuthorName)
    for add, columns in ((rows.annotate, {"n": Count("tags")}), (rows.extra, {"select": {"n": "1"}})):
        with pytest.raises(ShapeError, match=r"cannot add columns to the rows of into\(\)"):
            add(**columns)
    for choose in (rows.only, rows.defer, rows.select_related):
        with pytest.raises(ShapeError, match=r"after \.into\(\)"):
            choose("author")
    assert run(rows.alias(n=Count("tags")).filter(n__gt=0).run())
    assert run(rows.values("title").run())[0].keys() == {"title"}
    assert run(books.values("title").into(AuthorName).acount()) == run(books.acount())


def test_a_number_is_not_a_path() -> None:
    with pytest.raises(ShapeError, match=r"expects a path for AuthorName\.author__name; got F"):
        books.into(AuthorName, author__name=F("title"))


def test_classes_whose_objects_are_created_by_generated_code_only_are_known() -> None:
    @dataclass
    class Counting:
        title: str

        def __post_init__(self) -> None: ...

    @attrs.define
    class Validated:
        title: str = attrs.field(validator=attrs.validators.instance_of(str))

    described = [row_type(each) for each in (*CARDS, Counting, Validated)]
    assert [each.runs_project_code for each in described if each] == [False] * 5 + [True] * 3


# -- queries -----------------------------------------------------------------------------------------------------------


def test_the_query_is_a_value() -> None:
    rows = books.filter(pages__gt=100).into(AuthorLength, length="pages")
    assert rows == books.filter(pages__gt=100).into(AuthorLength, length="pages")
    assert rows != books.filter(pages__gt=100).into(AuthorLength, length="copies_sold")
    assert rows != books.filter(pages__gt=100).into(AuthorName)
    assert len({rows, copy.deepcopy(rows), copy.copy(rows)}) == 1
    assert repr(rows) == "<AsyncQuery: q(Book).filter(pages__gt=100).into(AuthorLength, length='pages')>"
    arrived = pickle.loads(pickle.dumps(rows))  # noqa: S301  # our own bytes
    assert arrived == rows
    assert run(arrived.run()) == run(rows.run())
    around = pickle.loads(pickle.dumps(q(rows.queryset)))  # noqa: S301  # as above
    assert run(around.run()) == run(rows.run())
    assert rows.sql() == books.filter(pages__gt=100).values("author__name", "pages").sql()
    assert "shop_book" in run(rows.aexplain()).lower()


def test_the_query_may_be_an_operand() -> None:
    names = q(Author).filter(name__startswith="U").into(card(pk=int))
    assert run(books.filter(author__in=names).acount()) == run(books.filter(author__name__startswith="U").acount())


def test_rows_of_a_manager_and_of_a_related_manager() -> None:
    author = Author.objects.get(name="Homer")
    wanted = run(q(author.books).order_by("pk").values_list("title", flat=True).run())  # type: ignore[attr-defined]
    rows = run(q(author.books).order_by("pk").into(card(title=str)).run())  # type: ignore[attr-defined]
    assert [row.title for row in rows] == wanted
    assert run(q(Book.objects.published()).into(card(title=str)).acount()) > 0


def test_prefetches_are_ignored_as_by_values() -> None:
    for rows in (books.prefetch_related("tags").into(AuthorName), books.into(AuthorName).prefetch_related("tags")):
        row = run(rows.order_by("pk").afirst())
        assert vars(row) == {"author__name": "Ursula K. Le Guin"}
        assert run(books.prefetch_related("tags").values("pk").afirst())
    assert vars(books.prefetch_related("tags").into(AuthorName).queryset[0]).keys() == {"author__name"}


def test_a_manager_and_a_queryset_that_override_values_list_are_called() -> None:
    class Long(models.QuerySet[Book]):
        def values_list(self, *fields: Any, **options: Any) -> Any:
            return super().values_list(*fields, **options).filter(pages__gt=300)

    class LongManager(models.Manager[Book]):
        def values_list(self, *fields: Any, **options: Any) -> Any:
            return self.get_queryset().filter(pages__gt=300).values_list(*fields, **options)

    manager = LongManager()
    manager.model = Book
    wanted = run(books.filter(pages__gt=300).acount())
    assert 0 < wanted < run(books.acount())
    assert len(run(q(manager).into(AuthorName).run())) == wanted
    assert len(run(q(Long(Book)).filter(pages__gt=0).into(AuthorName).run())) == wanted
    with pytest.raises(UnknownField):
        q(Long(Book)).into(card(titel=str))


def test_names_of_a_class_of_str_with_another_equality_have_plans_of_their_own() -> None:
    class Same(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

    row_class = card(n=Any)
    one, other = (run(books.order_by("pk").into(row_class, n=Same(path)).afirst()) for path in ("title", "pages"))
    assert (one.n, other.n) == ("The Left Hand of Darkness", 0)


def test_a_null_that_an_aggregate_returns_is_not_checked() -> None:
    rows = q(Author).annotate(total=Sum("books__pages", filter=Q(books__pages__lt=0))).into(card(total=int))
    assert None in {row.total for row in run(rows.run())}


@pytest.mark.parametrize(("annotation", "value"), [(int, int), (Any, type(None)), (int | None, type(None))])
def test_annotations_that_accept(annotation: Any, value: type) -> None:
    assert accepts(annotation, value)


def test_adj_imports_none_of_the_packages() -> None:
    program = "import adj, sys, adj.schema.row_types; print({'attr', 'attrs', 'msgspec', 'pydantic'} & {*sys.modules})"
    settings = "import django.conf; django.conf.settings.configure(); import django; django.setup();"
    done = subprocess.run([sys.executable, "-c", settings + program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_error_is_a_query_error() -> None:
    for wrong in (card(titel=str), card(pages=str), int):
        with pytest.raises(QueryError):
            books.into(wrong)
