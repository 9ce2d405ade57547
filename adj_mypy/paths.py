"""Paths in a call: what they name on the model, or an error where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mypy.nodes import Context
from mypy.types import Type

from adj.errors import QueryError, UnknownField, UnknownLookup
from adj.schema.paths import ResolvedPath, resolve
from adj_mypy.codes import LOOKUP
from adj_mypy.project import ModelClass
from adj_mypy.words import suggestion

if TYPE_CHECKING:
    from adj_mypy.call import Call

SEPARATOR = "__"


def lookup(
    call: Call, at: Context, model: ModelClass, path: str, known: Mapping[str, Type]
) -> ResolvedPath | Type | None:
    """What a condition's path means: of the model, or the type of the annotation that it names.

    None after an error was reported, and where only the database can tell, as for what follows an annotation.
    """
    if path in known:
        return known[path]
    if path.partition(SEPARATOR)[0] in known:
        return None
    try:
        return resolve(model, path)
    except QueryError as error:
        call.fail(problem(error, known), at, LOOKUP)
    return None


def column(
    call: Call, at: Context, model: ModelClass, path: str, known: Mapping[str, Type]
) -> ResolvedPath | Type | None:
    """What a column's path means, which may end in transforms and not in a lookup."""
    found = lookup(call, at, model, path, known)
    if not isinstance(found, ResolvedPath) or not _names_lookup(found):
        return found
    call.fail(f'{model.__name__}: "{path}" ends in the lookup "{found.lookup}", and is no column', at, LOOKUP)
    return None


def _names_lookup(found: ResolvedPath) -> bool:
    """Whether a path ends in a lookup; the lookup that stands for none may be written too."""
    return found.lookup != "exact" or found.path.endswith(f"{SEPARATOR}exact")


def problem(error: QueryError, known: Iterable[str] = ()) -> str:
    """What is wrong with a path, in one line."""
    match error:
        case UnknownField():
            within = "" if error.path == error.part else f' (in "{error.path}")'
            choices = [*error.choices, *known]
            return f'{error.model} has no field "{error.part}"{within}{suggestion(error.part, choices)}'
        case UnknownLookup():
            within = f' (in "{error.path}")'
            return f'{error.field} has no lookup or transform "{error.lookup}"{within}' + suggestion(
                error.lookup, error.choices
            )
        case _:
            return str(error)
