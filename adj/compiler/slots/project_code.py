"""Which SQL comes from project code, and may differ at every run: by user, tenant or language.

A class of Django whose methods were replaced by a project is project code as well.

Such a node is compiled again whenever its plan is used: its SQL must be the recorded one; its parameters may change. If
the project code runs while the query is built, Django compiles the statement at every run. `adj.pure` declares that a
class depends only on its own attributes.

Private Django API used here: `Field.get_col`, `Field.select_format`, `Field.get_extra_restriction` and the other names
in `_BUILDING`, `_SELECTING` and `_PREPARING`, `BaseExpression.resolve_expression`, `Lookup.get_prep_lookup`.
"""

from __future__ import annotations

from functools import lru_cache
from types import FunctionType
from typing import TypeVar
from weakref import WeakSet

from adj.djangos import is_djangos

C = TypeVar("C", bound=type)

# Field methods that Django calls while it builds a query.
_BUILDING = (
    *("get_col", "get_lookup", "get_transform", "get_path_info", "get_reverse_path_info"),
    *("get_joining_columns", "get_joining_fields", "get_reverse_joining_columns", "get_reverse_joining_fields"),
    *("resolve_related_fields", "column", "cached_col", "path_infos", "reverse_path_infos", "target_field"),
    *("related_fields", "local_related_fields", "foreign_related_fields", "get_lookups", "get_class_lookups"),
)
# Field methods that it calls for a selected column, on compiled SQL.
_SELECTING = ("select_format",)
# Field methods that it calls to cast to the field's type, and to write a value.
_TYPING = (
    *("cast_db_type", "db_type", "rel_db_type", "db_type_parameters", "db_parameters", "get_internal_type"),
    *("get_placeholder", "get_placeholder_sql"),
)
# Field methods that it calls to prepare a value.
_PREPARING = ("get_prep_value", "get_db_prep_value", "get_db_prep_save", "to_python")
# Methods that create a lookup or a transform from a path.
_CREATING = ("__new__", "__init__", "get_prep_lookup", "get_prep_lhs")
# Methods that compile a node, beside those of a vendor, such as `as_sqlite()`.
_COMPILING = frozenset({"process_lhs", "process_rhs", "batch_process_rhs", "get_rhs_op", "get_db_prep_lookup"})
# Expression methods that it calls while it builds a query, or on compiled SQL.
_RESOLVING = (
    *("resolve_expression", "replace_expressions", "relabeled_clone", "get_group_by_cols", "get_refs"),
    *("replace_references", "prefix_references", "flatten", "get_source_expressions", "set_source_expressions"),
    *("reverse_ordering", "asc", "desc", "as_sql_filter", "copy", "__copy__", "clone"),
    *("get_lookup", "get_transform", "_resolve_output_field", "select_format"),
)
# Attributes of expressions that it reads at the same times; project code only where they are computed.
_COMPUTED = ("output_field", "contains_aggregate", "contains_over_clause", "contains_column_references", "conditional")

_METHODS = (FunctionType, staticmethod, classmethod)

_pure: WeakSet[type] = WeakSet()


def pure(kind: C) -> C:
    """Declare that the SQL of an expression, lookup, transform or field class depends only on instance attributes.

    Use it as a decorator, or call it for classes of other packages. A plan then keeps the SQL of such a class. Without
    it, the class's code runs at every run, so that it can read the current user, tenant or language. The declaration
    does not apply to subclasses.
    """
    _pure.add(kind)
    _forget()
    return kind


def is_declared_pure(kind: type) -> bool:
    """Whether a class was declared pure."""
    return kind in _pure


def _forget() -> None:
    is_project_code.cache_clear()
    resolves_itself.cache_clear()
    column_objection.cache_clear()
    writes_own_type.cache_clear()
    prepares_values.cache_clear()
    creates_itself.cache_clear()
    chooses_converters.cache_clear()


@lru_cache(maxsize=4_096)
def is_project_code(node_class: type) -> bool:
    """Whether a class is not from Django, or compiles by a method that replaces Django's, and is not declared pure."""
    if node_class in _pure:
        return False
    return not node_class.__module__.startswith("django.") or any(map(_compiles_otherwise, node_class.__mro__))


def _compiles_otherwise(base: type) -> bool:
    return any(
        is_replaced(method)
        for name, method in vars(base).items()
        if (name.startswith("as_") or name in _COMPILING) and base.__module__.startswith("django.")
    )


def is_replaced(method: object) -> bool:
    """Whether a method of a class of Django is a function that is not from Django."""
    return isinstance(method, FunctionType) and not is_djangos(method)


def _is_overridden(node_class: type, name: str) -> bool:
    """Whether a class inherits a method or attribute from project code."""
    base, attribute = _defined(node_class, name)
    if base is None or base in _pure:
        return False
    return is_project_code(base) or is_replaced(attribute)


def _defined(node_class: type, name: str) -> tuple[type | None, object]:
    """The class that a class inherits a method or attribute from, and the method or attribute."""
    for base in node_class.__mro__:
        if name in vars(base):
            return base, vars(base)[name]
    return None, None


def _is_computed(node_class: type, name: str) -> bool:
    """Whether project code computes an attribute of a class; a method is not computed."""
    base, attribute = _defined(node_class, name)
    is_descriptor = hasattr(type(attribute), "__get__") and not isinstance(attribute, _METHODS)
    return base is not None and is_project_code(base) and is_descriptor


@lru_cache(maxsize=4_096)
def resolves_itself(node_class: type) -> bool:
    """Whether project code in a class runs before the node is compiled."""
    return any(_is_overridden(node_class, name) for name in _RESOLVING) or any(
        _is_computed(node_class, name) for name in _COMPUTED
    )


@lru_cache(maxsize=4_096)
def column_objection(field_class: type) -> str | None:
    """Why the SQL of a field class's columns may change from run to run; None if it cannot."""
    name = next((name for name in (*_BUILDING, *_SELECTING) if _is_overridden(field_class, name)), None)
    return None if name is None else f"{field_class.__name__}.{name} may give other SQL at the next run"


@lru_cache(maxsize=4_096)
def writes_own_type(field_class: type) -> bool:
    """Whether project code in a field class writes the SQL of its type, or around its values."""
    return any(_is_overridden(field_class, name) for name in _TYPING)


@lru_cache(maxsize=4_096)
def prepares_values(field_class: type) -> bool:
    """Whether project code in a field class prepares values, and may do so in another way at the next run."""
    return any(_is_overridden(field_class, name) for name in _PREPARING)


@lru_cache(maxsize=4_096)
def creates_itself(node_class: type) -> bool:
    """Whether project code in a class of lookups or transforms runs when Django creates one from a path."""
    return any(_is_overridden(node_class, name) for name in _CREATING)


@lru_cache(maxsize=4_096)
def chooses_converters(asked_class: type) -> bool:
    """Whether project code in a class of fields or expressions chooses the converters of rows."""
    if _is_overridden(asked_class, "get_db_converters"):
        return True
    return _is_computed(asked_class, "convert_value") or _is_computed(asked_class, "from_db_value")


def join_is_project_code(join_field: object) -> bool:
    """Whether a join's condition has to be compiled again at each run."""
    field = getattr(join_field, "field", join_field)
    return any(_is_overridden(type(one), "get_extra_restriction") for one in (join_field, field))
