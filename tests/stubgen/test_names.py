"""Every listed keyword and name is one that Django accepts, and types are those of the values that Django returns."""

from __future__ import annotations

import builtins
import datetime
import decimal
import pathlib
import uuid
from collections.abc import Callable
from types import SimpleNamespace, UnionType
from typing import Any, get_args, get_origin

import pytest
from django.db.models import Model
from django.utils.functional import Promise

from adj import q
from adj.schema.field_types import FIELD_TYPES
from adj.schema.operands import operand_types
from adj.schema.paths import resolve
from adj.stubgen import keywords
from adj.stubgen.fields import fields_of
from adj.stubgen.names import names_of
from adj.stubgen.operands import lookup_names
from adj.stubgen.options import StubOptions
from adj.stubgen.project import project_of
from adj.stubgen.types import alias_of, column_type, is_file, type_text

PROJECT = project_of(None)
OPTIONS = StubOptions(pathlib.Path(), lookups="all", depth=2)
USED = {
    "author": ["author__publisher__country__name__startswith", "author__born__year__gte", "author__books__title"],
    "metadata": ["metadata__key__0", "metadata__key__contains"],
    "published": ["published__year", "published__nonsense"],
    "title": ["title__length", "title__icontains"],
}

every_model = pytest.mark.parametrize("model", PROJECT.models, ids=lambda model: model._meta.label)


@every_model
def test_a_condition_is_one_for_django(model: type[Model]) -> None:
    for name in keywords.conditions(PROJECT, model, USED, OPTIONS):
        resolve(model, name)


@every_model
def test_the_table_of_the_runtime_has_the_operands(model: type[Model]) -> None:
    for name, (_, operand) in keywords.conditions(PROJECT, model, USED, OPTIONS).items():
        known = operand_types(model, name)
        if known is not None and operand != "Any":
            accepted = accepted_types(operand)
            assert known <= accepted, (name, operand, known - accepted)


def accepted_types(operand: str) -> set[type]:
    """The types of the table that an operand's alias has."""
    rows = {alias_of(row): row for row in FIELD_TYPES}
    aliases = [word for word in operand.replace("[", " ").replace("]", " ").split() if word.startswith(tuple(rows))]
    found = {
        name for alias in aliases for name in rows if alias.removeprefix(name) in {"Value", "Values", "Bound", "Pair"}
    }
    names = {name for alias in found for name in (*rows[alias].unconverted, *rows[alias].converted)}
    return {evaluated(type_text(name)) for name in names}


@every_model
def test_a_name_is_one_for_every_method(model: type[Model]) -> None:
    names = names_of(model, USED, 2)
    query = q(model)
    for column in names.columns:
        query.values(column)
        query.values_list(column, flat=True)
    for method, listed in (
        (query.order_by, names.orders),
        (query.only, names.stored),
        (query.select_related, names.single),
        (query.prefetch_related, names.many),
    ):
        for name in listed:
            accepts(method, name)


def accepts(method: Callable[[str], Any], name: str) -> None:
    method(name)


def test_paths_of_the_sources_are_listed() -> None:
    book = next(model for model in PROJECT.models if model.__name__ == "Book")
    conditions, names = keywords.conditions(PROJECT, book, USED, OPTIONS), names_of(book, USED, 0)
    assert {path for path in USED["author"] if path in conditions} == {*USED["author"]}
    assert "published__nonsense" not in conditions
    assert {"author__books__title", "published__year", "metadata__key__0"} <= {*names.columns}
    assert "title__icontains" not in names.columns
    assert "author__books__title" not in names.stored


def test_relations_of_the_sources_are_listed() -> None:
    book = next(model for model in PROJECT.models if model.__name__ == "Book")
    names = names_of(book, {"author": ["author__books__tags", "author__publisher__country", "author__name"]}, 0)
    assert {"author__books__tags", "author__publisher__country"} <= {*names.many}
    assert "author__publisher__country" in names.single
    assert "author__name" not in names.many
    assert "author__books__tags" not in names.single


def test_more_lookups_are_listed_of_own_fields() -> None:
    title = next(
        each.field
        for each in fields_of(next(m for m in PROJECT.models if m.__name__ == "Book"))
        if each.name == "title"
    )
    few, common, every = (lookup_names(title, level) for level in ("few", "common", "all"))
    assert few == ["in", "icontains"]
    assert {*few} < {*common} < {*every}


stored_model = pytest.mark.parametrize(
    "model",
    [model for model in PROJECT.models if model._meta.required_db_vendor is None],
    ids=lambda model: model._meta.label,
)

# -- values ------------------------------------------------------------------------------------------------------------

NAMESPACE = {
    **vars(builtins),
    "datetime_": datetime,
    "decimal_": decimal,
    "pathlib_": pathlib,
    "uuid_": uuid,
    "Promise": Promise,
    "Any": object,
    "builtins_": SimpleNamespace(**vars(builtins)),
}


def evaluated(text: str) -> Any:
    """The type that a stub writes."""
    return eval(text, NAMESPACE)  # noqa: S307  # it is our own text


def is_of(value: object, text: str) -> bool:
    """Whether a value has a type that a stub writes."""
    typ = evaluated(text)
    return any(_is_of(value, part) for part in (get_args(typ) if isinstance(typ, UnionType) else (typ,)))


def _is_of(value: object, typ: Any) -> bool:
    if get_origin(typ) is not tuple:
        return isinstance(value, get_origin(typ) or typ)
    parts = get_args(typ)
    return isinstance(value, tuple) and len(value) == len(parts) and all(map(_is_of, value, parts))


@pytest.mark.usefixtures("_sqlite")
@stored_model
def test_a_column_has_the_type_of_its_values(model: type[Model]) -> None:
    names = names_of(model, USED, 1)
    for row in model._base_manager.values(*names.columns)[:50]:
        for name, value in row.items():
            assert is_of(value, names.columns[name]), (name, value, names.columns[name])


@pytest.mark.usefixtures("_sqlite")
@stored_model
def test_an_attribute_has_the_type_of_its_values(model: type[Model]) -> None:
    for instance in model._base_manager.all()[:50]:
        for each in fields_of(model):
            value = column_type(each.field) if each.field.concrete and each.related is None else None
            if value is not None and not is_file(each.field):
                text = f"{value} | None" if each.field.null else value
                assert is_of(getattr(instance, each.name), text), (each.name, text)
