"""Paths that begin with an annotation: `filter(total__gte=3)` after `annotate(total=...)`.

Of an annotation the plugin knows its type, and not always the field that Django computes for it. What no field at all
has is an error; what only some field has is left to Django.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import CharField, Field, TextField, Value
from mypy.types import Type

from adj.errors import UnknownLookup
from adj_mypy.evaluate import UNKNOWN, typed
from adj_mypy.project import SEPARATOR


@dataclass(frozen=True, slots=True)
class AnnotatedPath:
    """What a path means that begins with an annotation: a lookup of what the transforms made of its value."""

    output: Field[Any, Any]
    transforms: tuple[str, ...]
    lookup: str
    is_nullable: bool


def split(path: str, known: Mapping[str, Type]) -> tuple[str, Sequence[str]] | None:
    """The annotation that a path begins with, and the names that follow; None if it begins with none."""
    names = path.split(SEPARATOR) if known else []
    for end in range(1, len(names) + 1):
        head = SEPARATOR.join(names[:end])
        if head in known:
            return head, names[end:]
    return None


def meaning(name: str, typ: Type, rest: Sequence[str]) -> AnnotatedPath | None:
    """What follows an annotation; None where only Django can tell. Raises `UnknownLookup` for what no field has."""
    value = typed(typ)
    if value is UNKNOWN:
        return None
    fields = [CharField(), TextField()] if isinstance(value.output_field, CharField) else [value.output_field]
    found = next((each for field in fields if (each := _followed(field, rest, value.is_optional))), None)
    if found is None:
        _refuse_unknown(name, fields[0], rest)
    return found


def _followed(field: Field[Any, Any], rest: Sequence[str], is_nullable: bool) -> AnnotatedPath | None:
    expression: Any = Value(None, output_field=field)
    for position, name in enumerate(rest):
        output = expression.output_field
        is_last = position == len(rest) - 1
        if is_last and expression.get_lookup(name) is not None:
            return AnnotatedPath(output, tuple(rest[:position]), name, is_nullable)
        transform = expression.get_transform(name)
        if transform is None:
            return None
        expression = transform(expression)
    return AnnotatedPath(expression.output_field, tuple(rest), "exact", is_nullable)


def _refuse_unknown(annotation: str, field: Field[Any, Any], rest: Sequence[str]) -> None:
    for name in rest:
        if name not in _every_lookup() and not name.replace("_", "").isdigit():
            raise UnknownLookup(
                model=annotation,
                path=SEPARATOR.join([annotation, *rest]),
                field=f'the annotation "{annotation}"',
                lookup=name,
                choices=field.get_lookups(),
            )


@cache
def _every_lookup() -> frozenset[str]:
    """The lookups and transforms of every field that there is."""
    return frozenset(name for cls in _subclasses(Field) for name in cls.get_lookups())


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _subclasses(child)
