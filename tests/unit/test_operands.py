"""The table of operand types never vouches for what Django refuses."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db.models import Field, Model, Prefetch
from django.db.models.functions import Length

from adj import AsyncQuery, q
from adj.compiler.checks.validate import _accepted, _are_accepted, _seen
from adj.compiler.keys.key_visitor import structure_of
from adj.errors import InvalidOperand, ShapeError, UnknownField, UnknownRelation
from adj.schema.operands import FIELD_TYPES, expected, operand_types
from adj.schema.paths import field_names, get_field
from adj.statement.statement import Statement
from adj.statement.structure import Structure
from tests.shop.fields import Money
from tests.shop.models import Author, Book, Country, Depot, Order, OrderLine, Publisher, Review
from tests.unit.corpus import CORPUS, Build, Values

MODELS: list[Any] = [model for model in apps.get_app_config("shop").get_models() if model.__name__ != "Shelf"]
SAMPLES: dict[type, list[Any]] = {
    int: [0, 1, -1, 2**40],
    str: ["", "x", "5", "2020-01-01"],
    float: [0.5, -1.0, 1e10],
    decimal.Decimal: [decimal.Decimal("1.5"), decimal.Decimal(0)],
    datetime.date: [datetime.date(2020, 1, 1)],
    datetime.datetime: [datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)],
    datetime.time: [datetime.time(1, 2)],
    datetime.timedelta: [datetime.timedelta(seconds=5)],
    uuid.UUID: [uuid.UUID(int=5)],
    bytes: [b"", b"x"],
    dict: [{}, {"a": 1}],
    list: [[], [1, "x"]],
}


@cache
def vouched() -> list[tuple[Any, str, frozenset[type]]]:
    """Every path of at most two fields with each lookup, where the table names types.

    Computed on first use, because it takes seconds.
    """
    paths = ((model, path) for model in MODELS for path in paths_of(model))
    with pytest.MonkeyPatch.context() as patch:
        # Most paths are unknown, and suggesting what was meant takes most of the time.
        patch.setattr("difflib.get_close_matches", lambda *_args, **_options: [])
        return [(model, path, types) for model, path in paths if (types := operand_types(model, path)) is not None]


def paths_of(model: Any) -> Iterator[str]:
    for first in names_of(model):
        here: Any = get_field(model, first)
        yield first
        yield from (f"{first}__{name}" for name in lookups_of(here))
        if getattr(here, "related_model", None) is not None:
            for second in names_of(here.related_model):
                yield f"{first}__{second}"
                yield from (f"{first}__{second}__{name}" for name in lookups_of(get_field(here.related_model, second)))


def names_of(model: Any) -> list[str]:
    """Names that may begin a path; a generic foreign key has no column to look at."""
    return [name for name in field_names(model) if not isinstance(get_field(model, name), GenericForeignKey)]


def lookups_of(field: Any) -> Iterator[str]:
    for name, lookup in getattr(getattr(field, "field", field), "get_lookups", dict)().items():
        yield name
        if isinstance(lookup, type) and getattr(lookup, "output_field", None) is not None:
            yield from (f"{name}__{comparison}" for comparison in ("exact", "gt", "in", "range"))


def test_the_table_vouches_for_much() -> None:
    assert len(vouched()) > 1_000
    assert {path for model, path, _ in vouched() if model is Book} >= {
        *("title", "title__contains", "pages__gt", "author", "author__in", "price", "published__range", "reference"),
        *("author__name", "author__publisher", "tags", "tags__name__in", "released__date__gt", "metadata"),
    }


@pytest.mark.parametrize("model", MODELS)
def test_django_takes_every_type_that_the_table_vouches_for(model: Any) -> None:
    """Django is the oracle: a filter with each type is built for each path."""
    for path, types in [(path, types) for owner, path, types in vouched() if owner is model]:
        for value in operands(path, types):
            model._base_manager.filter(**{path: value})


def operands(path: str, types: frozenset[type]) -> Iterator[Any]:
    """Values of the types, in the form that the lookup takes."""
    lookup = path.rpartition("__")[2]
    for kind in types:
        # Every sample at a model's own fields, one at those of its relations.
        for sample in SAMPLES[kind][: 1 if path.count("__") > 1 else None]:
            if lookup == "range":
                yield (sample, sample)
            elif lookup == "in":
                yield [sample]
            else:
                yield sample


def test_a_type_that_django_refuses_is_not_in_the_table() -> None:
    """For every field and every type of the table: what a plain filter refuses has to be absent."""
    for model in MODELS:
        for field in model._meta.concrete_fields:
            known = operand_types(model, field.name) or frozenset()
            for kind, samples in SAMPLES.items():
                refused = any(is_refused(model, field.name, sample) for sample in samples)
                assert not (refused and kind in known), (model, field.name, kind)


def is_refused(model: Any, path: str, value: object) -> bool:
    try:
        model._base_manager.filter(**{path: value})
    except Exception:  # noqa: BLE001  # TypeError, ValueError, ValidationError
        return True
    return False


def test_the_table_names_exact_classes_of_fields_and_samples_cover_its_types() -> None:
    assert {kind for types in FIELD_TYPES.values() for kind in types} == set(SAMPLES)
    assert all(issubclass(kind, Field) for kind in FIELD_TYPES)


@pytest.mark.parametrize(
    ("model", "path", "types"),
    [
        (Book, "title", {str}),
        (Book, "pages__gt", {int}),
        (Book, "rating", {float, int}),
        (Book, "price__in", {decimal.Decimal, int}),
        (Book, "pages__icontains", {str}),
        (Book, "author", {int}),
        (Book, "author__in", {int}),
        (Book, "author__publisher__country", {str}),
        (Depot, "publisher", {str}),
        (Publisher, "depots", {int}),
        (Author, "books", {int}),
        (Book, "tags", {int}),
        (Order, "pk", {uuid.UUID}),
        (OrderLine, "order", {uuid.UUID}),
        (Country, "publishers", {int}),
        (Book, "released__date", {datetime.date}),
        (Book, "released__date__exact", {datetime.date}),
        (Book, "published__year__gt", {int}),
        (Book, "published__year", {int}),
        (Book, "cost", None),
        (Book, "is_available", None),
        (Book, "title__isnull", None),
        (Book, "title__matches", None),
        (OrderLine, "pk", None),
        (OrderLine, "total", None),
        (Book, "no_such", None),
        (Book, "title__no_such", None),
    ],
)
def test_the_types_of_a_path(model: Any, path: str, types: set[type] | None) -> None:
    assert operand_types(model, path) == types


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("pages", "int (PositiveIntegerField)"),
        ("price", "Decimal or int (DecimalField)"),
        ("pages__in", "an iterable of int (PositiveIntegerField)"),
        ("published__range", "a pair of date (DateField)"),
        ("author", "a saved Author or its key"),
        ("tags", "a saved Tag or its key"),
        ("cost", "a value (MoneyField)"),
        ("title__icontains", "str (CharField)"),
        ("no_such", "another kind of value"),
    ],
)
def test_what_a_path_takes_is_said_in_words(path: str, words: str) -> None:
    assert expected(Book, path) == words


# -- the table at work -------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, Any, Any]] = [
    ("pages", 3, "x"),
    ("pages__gt", 3, [1]),
    ("pages__in", [1, 2], [1, "x"]),
    ("pages__in", [1, 2], ["x", "y"]),
    ("author", 3, Author()),
    ("author", 3, Publisher(pk=1)),
    ("author__in", [1], [Publisher(pk=1)]),
    ("published", datetime.date(2020, 1, 1), "soon"),
    ("reference", uuid.UUID(int=1), "x"),
    ("price", decimal.Decimal(1), "cheap"),
    ("released__gt", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "later"),
]


@pytest.mark.parametrize(("path", "right", "wrong"), WRONG)
def test_a_wrong_value_is_refused_at_its_line_though_the_structure_is_known(path: str, right: Any, wrong: Any) -> None:
    _seen.clear()
    for _ in range(2):
        assert isinstance(q(Book).filter(**{path: right}), AsyncQuery)
        with pytest.raises(InvalidOperand) as raised:
            q(Book).filter(**{path: wrong})
        assert raised.value.path == path


@pytest.mark.parametrize(("path", "right", "wrong"), WRONG)
def test_a_wrong_value_is_refused_first_as_well(path: str, right: Any, wrong: Any) -> None:
    _seen.clear()
    with pytest.raises(InvalidOperand):
        q(Book).filter(**{path: wrong})
    assert isinstance(q(Book).filter(**{path: right}), AsyncQuery)


def test_what_the_table_does_not_name_is_put_to_django() -> None:
    class Pages(int):
        pass

    _seen.clear()
    for value in (3, Pages(4), "5", 6.0):
        assert isinstance(q(Book).filter(pages=value), AsyncQuery)


def test_values_are_accepted_one_by_one_by_their_exact_type() -> None:
    integers = frozenset({int})
    assert _are_accepted((1, "x"), (integers, None))
    assert not _are_accepted((1, "x"), (integers, integers))
    assert not _are_accepted((True,), (integers,))
    assert _are_accepted(([1, 2],), (integers,))
    assert _are_accepted((range(3),), (integers,))
    assert not _are_accepted(([1, "x"],), (integers,))
    assert not _are_accepted(([1, None],), (integers,))


def test_an_annotation_that_hides_a_transform_of_a_field_has_types_of_its_own() -> None:
    _seen.clear()
    reviews = q(Review).alias(text_length=Length("text"))
    assert isinstance(reviews.filter(text_length=3), AsyncQuery)
    with pytest.raises(InvalidOperand):
        reviews.filter(text_length="many")
    assert isinstance(reviews.filter(text_length="3"), AsyncQuery)


@pytest.mark.parametrize(("path", "right", "wrong"), [("cost", 3, "x"), ("cost__in", [3], ["x"]), ("cost", "3", "x")])
def test_a_wrong_value_is_refused_where_the_table_has_no_entry(path: str, right: Any, wrong: Any) -> None:
    assert operand_types(Book, path) is None
    _seen.clear()
    for _ in range(2):
        assert isinstance(q(Book).filter(**{path: right}), AsyncQuery)
        with pytest.raises(InvalidOperand):
            q(Book).filter(**{path: wrong})


# Any: the stubs refuse it as Django does.
_NOT_A_QUERYSET: Any = "books"
ALIKE: dict[str, tuple[Callable[[], object], Callable[[], object], type[Exception]]] = {
    "another model": (
        lambda: q(Book).filter(title="x"),
        lambda: q(Publisher).filter(title="x"),
        UnknownField,
    ),
    "another name": (lambda: q(Book).filter(title="x"), lambda: q(Book).filter(titel="x"), UnknownField),
    "another relation": (
        lambda: q(Book).prefetch_related("tags"),
        lambda: q(Book).prefetch_related("tgas"),
        UnknownRelation,
    ),
    "a prefetch of another class": (
        lambda: q(Author).prefetch_related(Prefetch("books", Book.objects.all())),
        lambda: q(Author).prefetch_related(Prefetch("books", _NOT_A_QUERYSET)),
        ShapeError,
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_an_accepted_clause_does_not_vouch_for_one_that_looks_alike(name: str) -> None:
    accepted, refused, error = ALIKE[name]
    _seen.clear()
    for _ in range(2):
        accepted()
        with pytest.raises(error):
            refused()


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CORPUS.items()])
def test_the_values_that_are_judged_are_those_of_the_structure(build: Build) -> None:
    """Types are held against values by their place, so that the two walks have to meet them in one order."""
    statement = build(Values()).statement
    for number, clause in enumerate(statement.clauses, 1):
        structure = structure_of(statement.model, clause)
        assert isinstance(structure, Structure)
        accepted = _accepted(Statement(statement.model, statement.base, statement.clauses[:number], statement.alias))
        if accepted:
            assert len(accepted) == len(structure.values)
            assert _are_accepted(structure.values, accepted) or any(
                isinstance(value, _JUDGED) for value in structure.values
            )


# Text may parse or not, and instances be saved or not.
_JUDGED = (str, list, tuple, set, Model, Money)
