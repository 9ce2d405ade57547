"""Find errors that Django raises for every field that a type may stand for.

For annotations and subqueries the plugin knows only the type, and several of Django's fields may have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import Any, Final

from django.core.exceptions import FieldError
from django.db.models import DO_NOTHING, CharField, DecimalField, Field, ForeignKey, OneToOneField, OuterRef, TextField

from adj_mypy.expressions.evaluate import Typed
from adj_mypy.models.fields import subclasses

_MOST_TRIES: Final = 2_000
"""More combinations than these take too long to try."""

_SIZE: Final = {"max_digits": 20, "decimal_places": 4}


def refuses_every_field(expression: Any, annotations: Iterable[str], query: Any) -> bool:
    """Return whether Django rejects the mixed types of an expression for every choice of fields.

    `annotations` are the names in the expression; `query` has a stand-in for each of them whose type a column can have.
    """
    guesses = [query.annotations.get(name) for name in annotations]
    parts = list(_parts(expression))
    guesses += [part for part in parts if isinstance(part, Typed)]
    if None in guesses or any(isinstance(part, OuterRef) for part in parts):
        return False
    field_classes: list[Any] = list({type(guess.output_field) for guess in guesses})
    fields = [_fields_like(kind) for kind in field_classes]
    if not all(fields) or prod(map(len, fields)) > _MOST_TRIES:
        return False
    return all(
        _refuses(expression, query, guesses, dict(zip(field_classes, each, strict=True))) for each in product(*fields)
    )


def _parts(expression: Any) -> Iterator[Any]:
    yield expression
    for source in expression.get_source_expressions() if hasattr(expression, "get_source_expressions") else ():
        yield from _parts(source)


def _refuses(expression: Any, query: Any, guesses: Sequence[Typed], fields: dict[type[Any], Field[Any, Any]]) -> bool:
    before = [guess.output_field for guess in guesses]
    for guess, field in zip(guesses, before, strict=True):
        guess.output_field = fields[type(field)]
    try:
        _ = expression.resolve_expression(query, allow_joins=True).output_field
    except FieldError:
        return True
    finally:
        for guess, field in zip(guesses, before, strict=True):
            guess.output_field = field
    return False


@cache
def _fields_like(field_class: type[Any]) -> Sequence[Field[Any, Any]]:
    """Return the fields whose values may have the type of this field class; empty if one cannot be constructed."""
    bases = (CharField, TextField) if field_class is CharField else (field_class,)
    classes = dict.fromkeys(cls for base in bases for cls in subclasses(base))
    try:
        fields = [cls(**(_SIZE if issubclass(cls, DecimalField) else {})) for cls in classes]
    except Exception:  # noqa: BLE001  # a project's own class may raise anything
        return []
    # A foreign key has the type of the key that it refers to.
    return [*fields, *(cls("self", DO_NOTHING) for cls in (ForeignKey, OneToOneField))]
