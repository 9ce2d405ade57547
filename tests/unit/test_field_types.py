"""The table of field types: every name exists, and every class of Django's fields is in it or inherits from one."""

from __future__ import annotations

import pytest
from django.db.models import Field, fields
from django.utils.module_loading import import_string

from adj.schema.field_types import BY_CLASS, FIELD_TYPES, LAZY_TEXT, field_class, field_type

NAMES = {name for each in FIELD_TYPES for name in (*each.unconverted, *each.converted)}


@pytest.mark.parametrize("name", sorted(NAMES - {LAZY_TEXT}))
def test_a_name_is_that_of_a_class(name: str) -> None:
    assert isinstance(import_string(name), type)


def test_a_class_stands_in_one_row() -> None:
    assert len(BY_CLASS) == sum(len(each.classes) for each in FIELD_TYPES)


COLUMNS = [cls for cls in vars(fields).values() if isinstance(cls, type) and cls.__module__ == fields.__name__]


@pytest.mark.parametrize("cls", [cls for cls in COLUMNS if issubclass(cls, Field) and cls is not Field])
def test_every_field_of_django_has_types(cls: type) -> None:
    is_removed = getattr(cls, "system_check_removed_details", None) is not None
    assert is_removed or field_type(cls) is not None


def test_a_class_has_the_types_of_the_nearest_base() -> None:
    code = type("Code", (fields.CharField,), {})
    assert field_type(code) is field_type(fields.CharField)
    assert field_type(fields.DateTimeField) is not field_type(fields.DateField)


@pytest.mark.parametrize(
    ("value", "cls"),
    [("builtins.int", fields.IntegerField), ("builtins.str", fields.CharField), ("builtins.set", None)],
)
def test_a_constant_has_the_field_that_django_gives_it(value: str, cls: type | None) -> None:
    assert field_class(value) is cls
