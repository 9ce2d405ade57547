"""Lookup paths mean what they mean to Django, and say what there is where they mean nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import FieldError
from django.db.models.sql.query import Query

from adj.errors import UnknownField, UnknownLookup
from adj.schema.paths import ResolvedPath, field_names, get_field, resolve
from tests.shop.models import (
    Author,
    Bestseller,
    Book,
    BookDetail,
    Category,
    Chapter,
    Country,
    Depot,
    Gadget,
    Item,
    Note,
    OrderLine,
    Publisher,
    Reader,
    Review,
    Tag,
)

MODELS: list[Any] = [model for model in apps.get_app_config("shop").get_models() if model.__name__ != "Shelf"]

# model, path, last field, transforms, lookup, type of the output
RESOLVED: list[tuple[Any, str, str, tuple[str, ...], str, str]] = [
    (Book, "title", "title", (), "exact", "CharField"),
    (Book, "title__icontains", "title", (), "icontains", "CharField"),
    (Book, "pk", "id", (), "exact", "BigAutoField"),
    (Book, "pk__in", "id", (), "in", "BigAutoField"),
    (Book, "author", "author", (), "exact", "ForeignKey"),
    (Book, "author_id", "author", (), "exact", "ForeignKey"),
    (Book, "author__isnull", "author", (), "isnull", "ForeignKey"),
    (Book, "author__name", "name", (), "exact", "CharField"),
    (Book, "author__publisher__country__name__startswith", "name", (), "startswith", "CharField"),
    (Book, "author__mentor__mentor__born__year__gt", "born", ("year",), "gt", "IntegerField"),
    (Book, "published__year", "published", ("year",), "exact", "IntegerField"),
    (Book, "released__date__gte", "released", ("date",), "gte", "DateField"),
    (Book, "released__date__year__lt", "released", ("date", "year"), "lt", "IntegerField"),
    (Book, "weight__abs__gt", "weight", ("abs",), "gt", "SmallIntegerField"),
    (Book, "title__folded", "title", ("folded",), "exact", "CharField"),
    (Book, "title__folded__in", "title", ("folded",), "in", "CharField"),
    (Book, "title__ne", "title", (), "ne", "CharField"),
    (Book, "metadata__prints", "metadata", ("prints",), "exact", "JSONField"),
    (Book, "metadata__loc__row__gt", "metadata", ("loc", "row"), "gt", "JSONField"),
    (Book, "metadata__0__three", "metadata", ("0", "three"), "exact", "JSONField"),
    (Book, "metadata__has_key", "metadata", (), "has_key", "JSONField"),
    (Book, "tags__name", "name", (), "exact", "CharField"),
    (Book, "tags", "tags", (), "exact", "ForeignKey"),
    (Book, "tags__in", "tags", (), "in", "ForeignKey"),
    (Tag, "books__isnull", "books", (), "isnull", "ForeignKey"),
    (Book, "detail__printings__lte", "printings", (), "lte", "PositiveSmallIntegerField"),
    (Book, "contributions__author__name", "name", (), "exact", "CharField"),
    (Book, "notes__text", "text", (), "exact", "CharField"),
    (Book, "cost__gt", "cost", (), "gt", "MoneyField"),
    (Author, "books", "books", (), "exact", "ForeignKey"),
    (Author, "books__tags__weight__range", "weight", (), "range", "SmallIntegerField"),
    (Author, "profile__bio__regex", "bio", (), "regex", "TextField"),
    (BookDetail, "pk", "book", (), "exact", "OneToOneField"),
    (BookDetail, "pk__title", "title", (), "exact", "CharField"),
    (Reader, "name", "name", (), "exact", "CharField"),
    (Reader, "gadget_ptr__item_ptr__maker__slug", "slug", (), "exact", "SlugField"),
    (Item, "gadget__reader__favourite__title", "title", (), "exact", "CharField"),
    (OrderLine, "pk", "pk", (), "exact", "CompositePrimaryKey"),
    (OrderLine, "pk__in", "pk", (), "in", "CompositePrimaryKey"),
    (OrderLine, "total__gt", "total", (), "gt", "GeneratedField"),
    (Depot, "publisher", "publisher", (), "exact", "ForeignKey"),
    (Chapter, "_order__gt", "_order", (), "gt", "OrderWrt"),
    (Bestseller, "author__name", "name", (), "exact", "CharField"),
]


@pytest.mark.parametrize(("model", "path", "field", "transforms", "lookup", "output"), RESOLVED)
def test_a_path_means_a_field_transforms_and_a_lookup(
    model: Any, path: str, field: str, transforms: tuple[str, ...], lookup: str, output: str
) -> None:
    resolved = resolve(model, path)
    assert (resolved.model, resolved.path) == (model, path)
    assert (resolved.field.name, resolved.transforms, resolved.lookup) == (field, transforms, lookup)
    assert type(resolved.output).__name__ == output
    if resolved.transforms:
        return
    if lookup != "exact":
        assert resolved.output.get_lookup(lookup) is not None


def paths_of(model: Any) -> Iterator[str]:
    """Every path of at most two fields, alone, with each of its lookups, and with each of its transforms."""
    for first in fields_of(model):
        yield first
        here: Any = get_field(model, first)
        yield from (f"{first}__{name}" for name in lookups_of(here))
        if getattr(here, "related_model", None) is not None:
            for second in fields_of(here.related_model):
                yield f"{first}__{second}"
                yield from (f"{first}__{second}__{name}" for name in lookups_of(get_field(here.related_model, second)))


def fields_of(model: Any) -> list[str]:
    """Names that may begin a path; a generic foreign key has no column to look at."""
    return [name for name in field_names(model) if not isinstance(get_field(model, name), GenericForeignKey)]


def lookups_of(field: Any) -> list[str]:
    names = list(getattr(getattr(field, "field", field), "get_lookups", dict)())
    return names if getattr(field, "is_relation", False) else [*names, *(f"{name}__exact" for name in names)]


@pytest.mark.parametrize("model", MODELS)
def test_every_path_is_understood_as_django_understands_it(model: Any) -> None:
    """Django is the oracle: the field, and what follows it, of every path of at most two fields."""
    for path in paths_of(model):
        names, parts, is_expression = Query(model).solve_lookup_type(path)
        assert not is_expression
        try:
            resolved = resolve(model, path)
        except FieldError:
            # Such as `title__contains__exact`, which Django refuses when it makes the lookup.
            assert not can_be_asked(model, path), path
            continue
        last = get_field_by_path(model, list(parts))
        assert getattr(resolved.field, "name", None) == last.name, path
        followed = [*resolved.transforms, resolved.lookup]
        assert followed in (names, [*names, "exact"]), path


def get_field_by_path(model: Any, parts: list[str]) -> Any:
    field: Any = None
    for part in parts:
        field = get_field(model, part)
        model = getattr(field, "related_model", None)
    return field


def can_be_asked(model: Any, path: str) -> bool:
    try:
        model._base_manager.filter(**{path: 1})
    except FieldError:
        return False
    except (TypeError, ValueError):
        return True
    return True


# -- what a row may have -----------------------------------------------------------------------------------------------

# path, may a row have several values, may it have none
FLAGS: list[tuple[Any, str, bool, bool]] = [
    (Book, "title", False, False),
    (Book, "subtitle", False, True),
    (Book, "pk", False, False),
    (Book, "author", False, False),
    (Book, "author__name", False, False),
    (Book, "author__born", False, True),
    (Book, "editor", False, True),
    (Book, "editor__name", False, True),
    (Book, "author__publisher__name", False, True),
    (Book, "detail", False, True),
    (Book, "detail__summary", False, True),
    (BookDetail, "book__title", False, False),
    (Book, "tags", True, True),
    (Book, "tags__name", True, True),
    (Book, "contributors__name", True, True),
    (Book, "contributions", True, True),
    (Book, "contributions__role", True, True),
    (Book, "notes__text", True, True),
    (Author, "books", True, True),
    (Author, "books__title", True, True),
    (Author, "profile__bio", False, True),
    (Tag, "books__title", True, True),
    (Publisher, "country__name", False, True),
    (Category, "parent__parent__name", False, True),
    (Category, "children__name", True, True),
    (Reader, "name", False, False),
    (Reader, "item_ptr__name", False, False),
    (Item, "gadget__voltage", False, True),
    (Review, "book__author__name", False, False),
    (Country, "publishers__name", True, True),
    (OrderLine, "pk", False, False),
    (Book, "metadata__prints", False, True),
]


@pytest.mark.parametrize(("model", "path", "is_to_many", "is_nullable"), FLAGS)
def test_a_path_says_how_many_values_a_row_may_have(model: Any, path: str, is_to_many: bool, is_nullable: bool) -> None:
    resolved = resolve(model, path)
    assert (resolved.is_to_many, resolved.is_nullable) == (is_to_many, is_nullable)


@pytest.mark.parametrize(("model", "path"), [(model, path) for model, path, _, _ in FLAGS])
def test_rows_with_several_values_or_none_are_said_to_be_possible(model: Any, path: str) -> None:
    """Django and the data are the oracle: more rows than the table has, and None, only where the flags allow them."""
    found = list(model._base_manager.values_list("pk", path))
    resolved = resolve(model, path)
    if len(found) > model._base_manager.count():
        assert resolved.is_to_many
    if any(value is None for _, value in found):
        assert resolved.is_nullable


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "model", "part", "suggestion"),
    [
        ("titel", "Book", "titel", 'did you mean "title"?'),
        ("autor__name", "Book", "autor", 'did you mean "author"?'),
        ("author__nmae", "Author", "nmae", 'did you mean "name"?'),
        ("author__publisher__contry__name", "Publisher", "contry", 'did you mean "country"?'),
        ("tags__nam", "Tag", "nam", 'did you mean "name"?'),
        ("detail__sumary", "BookDetail", "sumary", 'did you mean "summary"?'),
        ("qqqq", "Book", "qqqq", "Choices are: "),
        ("", "Book", "", "Choices are: "),
        ("author__", "Author", "", "Choices are: "),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_one(path: str, model: str, part: str, suggestion: str) -> None:
    with pytest.raises(UnknownField) as raised:
        resolve(Book, path)
    error = raised.value
    assert (error.model, error.path, error.part) == (model, path, part)
    assert suggestion in str(error)
    assert isinstance(error, FieldError)
    assert set(field_names(Book if model == "Book" else Author)) & set(error.choices)


@pytest.mark.parametrize(
    ("path", "lookup", "suggestion"),
    [
        ("title__contain", "contain", 'did you mean "contains"?'),
        ("title__icontain", "icontain", 'did you mean "icontains"?'),
        ("pages__yaer", "yaer", "Choices are: "),
        ("published__yaer", "yaer", 'did you mean "year"?'),
        ("published__year__gtt", "gtt", 'did you mean "gt"?'),
        ("title__exact__exact", "exact", "no lookup or transform"),
        ("author__name__lik", "lik", "no lookup or transform"),
    ],
)
def test_an_unknown_lookup_is_named_with_the_nearest_one(path: str, lookup: str, suggestion: str) -> None:
    with pytest.raises(UnknownLookup) as raised:
        resolve(Book, path)
    error = raised.value
    assert (error.path, error.lookup) == (path, lookup)
    assert suggestion in str(error)
    assert error.choices


@pytest.mark.parametrize("model", MODELS)
def test_a_path_that_adj_does_not_know_is_one_that_django_does_not_know(model: Any) -> None:
    for path in ("no_such", "no_such__exact", "pk__no_such", "pk__exact__gt"):
        with pytest.raises((UnknownField, UnknownLookup)):
            resolve(model, path)
        with pytest.raises(FieldError):
            model._base_manager.filter(**{path: 1})


# -- pieces ------------------------------------------------------------------------------------------------------------


def test_the_names_of_a_model_are_those_of_django_and_pk() -> None:
    names = field_names(Book)
    assert names[-1] == "pk"
    assert set(names) > {"title", "author", "author_id", "tags", "reviews", "detail", "notes", "contributions"}
    assert list(names[:-1]) == sorted(names[:-1])


def test_a_field_is_found_by_the_name_that_queries_use() -> None:
    assert get_field(Book, "pk") is Book._meta.pk
    assert get_field(Author, "books") is Author._meta.get_field("books")
    assert get_field(Review, "no_such") is None
    assert get_field(Note, "target") is Note._meta.get_field("target")
    inherited = get_field(Gadget, "name")
    assert inherited is not None
    assert inherited.model is Item


def test_a_path_is_resolved_once() -> None:
    assert resolve(Book, "author__name") is resolve(Book, "author__name")


def test_a_resolved_path_is_data() -> None:
    resolved = resolve(Book, "title")
    assert isinstance(resolved, ResolvedPath)
    with pytest.raises(AttributeError):
        setattr(resolved, "lookup", "x")  # noqa: B010  # a checker would refuse the assignment


@pytest.mark.parametrize("name", ["tags", "contributors", "author", "chapters", "detail", "notes"])
def test_a_relation_has_only_the_lookups_that_django_gives_it(name: str) -> None:
    for lookup in ("exact", "in", "isnull"):
        assert resolve(Book, f"{name}__{lookup}").lookup == lookup
    for lookup in ("icontains", "startswith", "range", "regex"):
        with pytest.raises(FieldError):
            Book.objects.filter(**{f"{name}__{lookup}": "x"})
        with pytest.raises(UnknownField):
            resolve(Book, f"{name}__{lookup}")
