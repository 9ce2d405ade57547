"""Paths that begin with an annotation: `filter(total__gte=3)` after `annotate(total=...)`.

The plugin knows the type of an annotation, but not always the field that Django computes for it. A name that no field
with that type has is an error. A name that some of them have, or a field of the project, is left to Django.
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
    """The meaning of a path that begins with an annotation: a lookup on its transformed value."""

    output: Field[Any, Any]
    transforms: tuple[str, ...]
    lookup: str
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class _Dead:
    """The end of a path: a field that does not have the next name."""

    field: Field[Any, Any]
    name: str

    @property
    def is_certain(self) -> bool:
        """Whether none of the fields that this one may stand for has the name."""
        cls: Any = type(self.field)
        return self.name not in _possible(cls)


def split(path: str, known: Mapping[str, Type]) -> tuple[str, Sequence[str]] | None:
    """Return the annotation that a path begins with and the names after it; None if there is none."""
    names = path.split(SEPARATOR) if known else []
    for end in range(1, len(names) + 1):
        head = SEPARATOR.join(names[:end])
        if head in known:
            return head, names[end:]
    return None


def meaning(name: str, typ: Type, rest: Sequence[str]) -> AnnotatedPath | None:
    """Return the meaning of the names after an annotation; None if only Django can tell. Raises `UnknownLookup`."""
    value = typed(typ)
    if value is UNKNOWN:
        return None
    dead: list[_Dead] = []
    for field in [CharField(), TextField()] if isinstance(value.output_field, CharField) else [value.output_field]:
        followed = _followed(field, rest, value.is_optional)
        if isinstance(followed, AnnotatedPath):
            return followed
        dead.append(followed)
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
    """Return the lookups and transforms of a field class, of its subclasses, and of the project's field classes."""
    fields = (each for each in subclasses(Field) if issubclass(each, cls) or not each.__module__.startswith("django."))
    return frozenset(name for each in fields for name in each.get_lookups())
