"""Resolve the paths in a call, or report them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from mypy.nodes import Context
from mypy.types import Type

from adj.errors import QueryError, UnknownField, UnknownLookup
from adj.schema.paths import ResolvedPath, ends_in_lookup, resolve
from adj_mypy.boundary.codes import LOOKUP
from adj_mypy.boundary.words import suggestion
from adj_mypy.calls import elsewhere
from adj_mypy.calls.call import Call
from adj_mypy.expressions.names import Names
from adj_mypy.lookups.annotated_paths import AnnotatedPath, meaning, split
from adj_mypy.models.fields import optional, type_of_field
from adj_mypy.models.project import SEPARATOR, ModelClass, taken_names

_OF_RELATIONS = frozenset({"exact", "in", "gt", "gte", "lt", "lte", "isnull"})
"""The lookups of relations."""


def lookup(call: Call, at: Context, model: ModelClass, path: str, known: Names) -> ResolvedPath | AnnotatedPath | None:
    """Resolve the path of a condition on the model, or on the annotation that it begins with.

    Return None after reporting an error, and if only Django can tell, as for lookups on some annotations.
    """
    begins = split(path, known)
    try:
        resolved = resolve(model, path) if begins is None else _on_annotation(call, model, path, begins, known)
        return _without_generic_key(call, at, resolved)
    except QueryError as error:
        if not may_be_annotated(call, error, known):
            call.fail(problem(call, error, known), at, LOOKUP)
    return None


def may_be_annotated(call: Call, error: QueryError, known: Names) -> bool:
    """Return whether a path begins with a name that may be an annotation which is not among the known ones."""
    return is_about_the_first_name(error) and (known.is_open or elsewhere.may_be_annotated(call, error, known))


def _without_generic_key(
    call: Call, at: Context, resolved: ResolvedPath | AnnotatedPath | None
) -> ResolvedPath | AnnotatedPath | None:
    """Report a path to a generic foreign key, which cannot be joined."""
    field: Any = resolved.field if isinstance(resolved, ResolvedPath) else None
    # Its class can be imported only after Django's setup.
    if not hasattr(field, "ct_field"):
        return resolved
    label = f"{field.model.__name__}.{field.name}"
    names = f'"{field.ct_field}" and "{field.fk_field}"'
    call.fail(f'"{label}" is a generic foreign key and cannot be used in queries; use {names}', at, LOOKUP)
    return None


def _on_annotation(
    call: Call, model: ModelClass, path: str, begins: tuple[str, Sequence[str]], known: Names
) -> ResolvedPath | AnnotatedPath | None:
    name, rest = begins
    target = call.project.model_of(known[name])
    if target is None:
        return meaning(name, known[name], rest)
    if not rest or rest[0] in _OF_RELATIONS:
        return None
    # A filtered relation: it is NULL for rows that do not match its condition.
    return replace(resolve(target, SEPARATOR.join(rest)), is_nullable=True)


def is_about_the_first_name(error: QueryError) -> TypeGuard[UnknownField]:
    """Return whether the first name of a path is unknown, so that it may be an annotation."""
    return isinstance(error, UnknownField) and error.path.partition(SEPARATOR)[0] == error.part


def column(call: Call, at: Context, model: ModelClass, path: str, known: Names) -> ResolvedPath | Type | None:
    """Resolve the path of a column, which may end in transforms but not in a lookup; or return an annotation's type."""
    if path in known:
        return known[path]
    resolved = lookup(call, at, model, path, known)
    if resolved is None:
        return None
    if ends_in_lookup(path, resolved.lookup):
        call.fail(f'{model.__name__}: "{path}" ends in the lookup "{resolved.lookup}" and is not a column', at, LOOKUP)
        return None
    if isinstance(resolved, ResolvedPath):
        return resolved
    typ = type_of_field(call.project, call.api, resolved.output)
    return optional(typ) if resolved.is_nullable else typ


def problem(call: Call, error: QueryError, known: Iterable[str] = ()) -> str:
    """Return what is wrong with a path, in one line."""
    match error:
        case UnknownField():
            within = "" if error.path == error.part else f' (in "{error.path}")'
            choices = [*error.choices, *known]
            listed = _fields_of(call, error.model) | {"pk", *known}
            return f'{error.model} has no field "{error.part}"{within}{suggestion(error.part, choices, listed)}'
        case UnknownLookup():
            within = f' (in "{error.path}")'
            return f'{error.field} has no lookup or transform "{error.lookup}"{within}' + suggestion(
                error.lookup, error.choices
            )
        case _:
            return str(error)


def _fields_of(call: Call, name: str) -> frozenset[str]:
    """Return the names of a model's fields; inside a path Django accepts lookups as well."""
    models = (model for model in call.project.tables if model.__name__ == name)
    return frozenset[str]().union(*map(taken_names, models))
