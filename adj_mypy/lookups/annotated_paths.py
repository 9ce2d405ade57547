"""Paths that begin with an annotation: `filter(total__gte=3)` after `annotate(total=...)`.

Of an annotation the plugin knows its type, and not always the field that Django computes for it. What no field of such
a type has is an error; what only some of them has, or a field of the project's own, is left to Django.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import CharField, Field, TextField, Value
from mypy.types import Type

from adj.errors import UnknownLookup
from adj_mypy.expressions.evaluate import UNKNOWN, typed
from adj_mypy.models.fields import subclasses
from adj_mypy.models.project import SEPARATOR


@dataclass(frozen=True, slots=True)
class AnnotatedPath:
    """What a path means that begins with an annotation: a lookup of what the transforms made of its value."""

    output: Field[Any, Any]
    transforms: tuple[str, ...]
    lookup: str
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class _Dead:
    """Where a path goes no further: a field that does not have the name."""

    field: Field[Any, Any]
    name: str

    @property
    def is_certain(self) -> bool:
        """Whether no field has the name that this one may stand for."""
        cls: Any = type(self.field)
        return self.name not in _possible(cls)


def split(path: str, known: Mapping[str, Type]) -> tuple[str, Sequence[str]] | None:
    """The annotation that a path begins with, and the names that follow; None if it begins with none."""
    names = path.split(SEPARATOR) if known else []
    for end in range(1, len(names) + 1):
        head = SEPARATOR.join(names[:end])
        if head in known:
            return head, names[end:]
    return None


def meaning(name: str, typ: Type, rest: Sequence[str]) -> AnnotatedPath | None:
    """What follows an annotation; None where only Django can tell. Raises `UnknownLookup` for what it cannot have."""
    value = typed(typ)
    if value is UNKNOWN:
        return None
    dead: list[_Dead] = []
    for field in [CharField(), TextField()] if isinstance(value.output_field, CharField) else [value.output_field]:
        found = _followed(field, rest, value.is_optional)
        if isinstance(found, AnnotatedPath):
            return found
        dead.append(found)
    if all(end.is_certain for end in dead):
        raise UnknownLookup(
            model=name,
            path=SEPARATOR.join([name, *rest]),
            field=f'the annotation "{name}"',
            lookup=dead[0].name,
            choices=dead[0].field.get_lookups(),
        )
    return None


def _followed(field: Field[Any, Any], rest: Sequence[str], is_nullable: bool) -> AnnotatedPath | _Dead:
    expression: Any = Value(None, output_field=field)
    for position, name in enumerate(rest):
        output = expression.output_field
        is_last = position == len(rest) - 1
        if is_last and expression.get_lookup(name) is not None:
            return AnnotatedPath(output, tuple(rest[:position]), name, is_nullable)
        transform = expression.get_transform(name)
        if transform is None:
            return _Dead(output, name)
        expression = transform(expression)
    return AnnotatedPath(expression.output_field, tuple(rest), "exact", is_nullable)


@cache
def _possible(cls: type[Any]) -> frozenset[str]:
    """The lookups and transforms of a class of fields, of those made from it, and of the project's own fields."""
    fields = (each for each in subclasses(Field) if issubclass(each, cls) or not each.__module__.startswith("django."))
    return frozenset(name for each in fields for name in each.get_lookups())
