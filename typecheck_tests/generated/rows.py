"""Whether rows have what their revealed type says: the class, and what is loaded."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist, SynchronousOnlyOperation
from django.db import models

from adj.errors import NotLoaded
from typecheck_tests.generated import revealed
from typecheck_tests.generated.relations import links

_OTHER_FACTS: Final = ("*", ".", "!", "+", "?")
"""Keys of a row's TypedDict that do not name something loaded or deferred; see `adj_mypy.row_state.codec`."""
_ENOUGH: Final = 12
"""So many rows of a query are looked at."""


def rows_problem(typ: revealed.Type, rows: Any) -> str | None:
    """Why rows do not have a type; None if they have."""
    wrong = revealed.problem(typ, rows)
    if wrong is not None:
        return wrong
    for part in revealed.parts(typ):
        if isinstance(part, revealed.Class) and "models." in part.name:
            found = rows if isinstance(rows, list) else list(rows.values()) if isinstance(rows, dict) else [rows]
            problems = (_problem_of_row(part, row) for row in found[:_ENOUGH] if isinstance(row, models.Model))
            return next((each for each in problems if each is not None), None)
    return None


# -- rows of models ----------------------------------------------------------------------------------------------------


def _problem_of_row(typ: revealed.Class, row: models.Model, knows: str | None = None) -> str | None:
    """Whether a row carries what its type says, and nothing else but the row that it came from, `knows`.

    It runs on the event loop, where nothing is fetched.
    """
    if not typ.arguments or not isinstance(typ.arguments[0], revealed.Keys):
        return None
    known = typ.arguments[0].items
    by_name = {link.attribute: link for link in links(type(row))}
    for name, expected in known.items():
        if name.startswith(_OTHER_FACTS) or " " in name:
            continue
        if name.startswith("-"):
            problem = _problem_of_unloaded(row, name[1:])
        elif name in by_name and by_name[name].many:
            is_there = name in getattr(row, "_prefetched_objects_cache", {})
            problem = None if is_there else f"{name} is not prefetched"
        else:
            problem = _problem_of_loaded(row, name, expected, is_relation=name in by_name)
        if problem is not None:
            return problem
    absent = [name for name, link in by_name.items() if not link.many and name not in known and name != knows]
    if any(name.endswith("_ptr") for name in known):
        # The columns of a parent's table can also be read through the inherited relation.
        absent = []
    return next((problem for name in absent if (problem := _problem_of_unloaded(row, name)) is not None), None)


def _problem_of_loaded(row: models.Model, name: str, expected: revealed.Type, *, is_relation: bool) -> str | None:
    try:
        value = getattr(row, name)
    except ObjectDoesNotExist:
        return None
    except (NotLoaded, SynchronousOnlyOperation):
        return f"{name} is not loaded"
    except AttributeError:
        return f"there is no {name}"
    if is_relation:
        if value is None or not isinstance(expected, revealed.Class):
            return None
        return _problem_of_row(expected, value, knows=_way_back(row, name))
    wrong = revealed.problem(expected, value)
    return None if wrong is None else f"{name}: {wrong}"


def _way_back(row: models.Model, name: str) -> str | None:
    """The attribute of the row at the other end that leads back, where only this row can be meant."""
    links_back = [link for link in links(type(row)) if link.attribute == name]
    relation: Any = row._meta.get_field(links_back[0].name).remote_field
    if not relation.one_to_one:
        return None
    back: str = relation.get_accessor_name() if hasattr(relation, "get_accessor_name") else relation.name
    return back


def _problem_of_unloaded(row: models.Model, name: str) -> str | None:
    try:
        value = getattr(row, name)
    except (NotLoaded, SynchronousOnlyOperation):
        return None
    except ObjectDoesNotExist:
        return None
    # A NULL key means that the other row does not exist, and a parent's row is built from its child's columns.
    is_parent = name.endswith("_ptr")
    return None if value is None or is_parent else f"{name} is loaded, and the type says that it is not"
