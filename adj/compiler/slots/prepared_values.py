"""Constants in SQL whose field belongs to the project, and may prepare them in another way at the next run.

A value in a slot is prepared at every run. A constant, such as `True` or a value inside a node that may read it, is
prepared once, while a plan is created.

Private Django API used here: `BaseExpression._output_field_or_none`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import CompositePrimaryKey, Value
from django.db.models.lookups import IsNull, Lookup

from adj.compiler.slots.project_code import is_project_code, prepares_values


def is_prepared_by_project(node: Any) -> bool:
    """Whether a node without a slot contains a constant that project code prepares."""
    if isinstance(node, Value):
        return field_is_projects(getattr(node, "_output_field_or_none", None))
    if not isinstance(node, Lookup) or isinstance(node, IsNull) or not node.rhs_is_direct_value():
        return False
    return field_is_projects(getattr(node.lhs, "_output_field_or_none", None))


def field_is_projects(field: object) -> bool:
    """Whether project code prepares the values of a field."""
    return any(map(_is_projects, _fields(field)))


def _is_projects(field: Any) -> bool:
    # JSON is written by the encoder of its field.
    field_class: type = type(field)
    encoder: type | None = getattr(field, "encoder", None)
    return prepares_values(field_class) or (encoder is not None and is_project_code(encoder))


def _fields(field: Any) -> Iterator[Any]:
    """A field, and those that it leaves the preparation to: of a relation, of members, of the parts of a key."""
    waiting, met = [field], set[int]()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in met:
            continue
        met.add(id(one))
        yield one
        waiting += [*getattr(one, "foreign_related_fields", ()), getattr(one, "base_field", None)]
        if isinstance(one, CompositePrimaryKey):
            waiting += one.fields
