"""Which SQL is made by code of the project, and may differ at every run: by user, tenant or language.

Such a node is compiled again whenever its plan is used: its SQL has to be the recorded one, and its parameters are
those of the moment. Where that is not possible, because the code decides while the query is built, the statement is
compiled by Django at every run. A class that depends on nothing but its own attributes may say so with `adj.pure`.

Private Django API used here: `Field.get_col`, `Field.select_format`, `Field.get_extra_restriction` and the other names
in `_BUILDING` and `_SELECTING`, `BaseExpression.resolve_expression`, `ContentTypeManager._cache`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar
from weakref import WeakSet

C = TypeVar("C", bound=type)

# What Django calls of a field while it builds a query: its outcome is in the SQL for good.
_BUILDING = (
    *("get_col", "get_lookup", "get_transform", "get_path_info", "get_reverse_path_info"),
    *("get_joining_columns", "get_joining_fields", "get_reverse_joining_columns", "get_reverse_joining_fields"),
    *("resolve_related_fields", "column"),
)
# What it calls for a selected column, around SQL that is compiled already.
_SELECTING = ("select_format",)
# What it calls where a value or a column is converted to the type of a field, and where a value is written.
_TYPING = (
    *("cast_db_type", "db_type", "rel_db_type", "db_type_parameters", "db_parameters", "get_internal_type"),
    *("get_placeholder", "get_placeholder_sql"),
)
# What it calls of an expression before that is compiled.
_RESOLVING = (
    *("resolve_expression", "replace_expressions", "relabeled_clone", "get_group_by_cols", "get_refs"),
    *("replace_references", "prefix_references", "flatten", "get_source_expressions", "set_source_expressions"),
    *("reverse_ordering", "asc", "desc", "as_sql_filter"),
)

_pure: WeakSet[type] = WeakSet()


def pure(kind: C) -> C:
    """Declare that a class of expressions, lookups, transforms or fields makes SQL of its own attributes alone.

    Usable as a decorator, and as a function for classes of other packages. SQL of such a class is kept in a plan as
    Django's own is. Without it the class's code runs whenever a query with it runs, so that what it reads elsewhere,
    such as the current user, tenant or language, is never an earlier caller's. Holds for the class, not for subclasses.
    """
    _pure.add(kind)
    _forget()
    return kind


def _forget() -> None:
    is_project_code.cache_clear()
    resolves_itself.cache_clear()
    column_objection.cache_clear()
    writes_own_type.cache_clear()


@lru_cache(maxsize=4_096)
def is_project_code(node_class: type) -> bool:
    """Whether a class is neither Django's nor declared pure."""
    return not node_class.__module__.startswith("django.") and node_class not in _pure


def _is_overridden(node_class: type, name: str) -> bool:
    """Whether a class has a method or attribute from a class of the project's."""
    for base in node_class.__mro__:
        if name in vars(base):
            return is_project_code(base)
    return False


@lru_cache(maxsize=4_096)
def resolves_itself(node_class: type) -> bool:
    """Whether a class of the project decides about its SQL before it is compiled."""
    return any(_is_overridden(node_class, name) for name in _RESOLVING)


@lru_cache(maxsize=4_096)
def column_objection(field_class: type) -> str | None:
    """Why columns of a class of fields have no lasting SQL, if so."""
    name = next((name for name in (*_BUILDING, *_SELECTING) if _is_overridden(field_class, name)), None)
    return None if name is None else f"{field_class.__name__}.{name} may give other SQL at the next run"


@lru_cache(maxsize=4_096)
def writes_own_type(field_class: type) -> bool:
    """Whether a class of fields decides about the SQL of a type, or around a value, at each compilation."""
    return any(_is_overridden(field_class, name) for name in _TYPING)


def join_is_project_code(join_field: object) -> bool:
    """Whether a join's condition has to be compiled again at each run."""
    field = getattr(join_field, "field", join_field)
    return any(_is_overridden(type(one), "get_extra_restriction") for one in (join_field, field))
