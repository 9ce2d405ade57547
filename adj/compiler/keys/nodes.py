"""Facts about single nodes: which attributes are structure, what is in a list, the key of a field.

Private Django API used here: `Query.__dict__`, `Expression.__dict__`, `Expression._resolve_output_field`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.sql.query import Query
from django.utils.functional import cached_property

from adj.compiler.keys.constants import constant_key
from adj.compiler.slots.project_code import is_project_code
from adj.statement.structure import PLAIN_TYPES, Key, StatementHolder, Uncacheable

# Attributes that Django computes and caches on a Query. `table_map` repeats `alias_map`, and copies share it.
_COMPUTED_ON_QUERIES = frozenset(
    {"_annotation_select_cache", "_extra_select_cache", "_lookup_joins", "base_table", "table_map"}
)
# The same for expressions. The constructor arguments repeat the attributes, and `possibly_multivalued` is set again
# whenever an OuterRef is resolved.
_COMPUTED_ON_NODES = frozenset({"_constructor_args", "identity", "possibly_multivalued"})


def holds_expression(item: object) -> bool:
    """Whether a member of a list is an expression, or a list of expressions, as a composite key may be."""
    if type(item) in PLAIN_TYPES:
        return False
    if not isinstance(item, (list, tuple)):
        return hasattr(item, "resolve_expression") or isinstance(item, StatementHolder)
    # Not by recursion: a list may contain itself.
    waiting: list[object] = [item]
    met: set[int] = set()
    while waiting:
        member = waiting.pop()
        if not isinstance(member, (list, tuple)):
            if holds_expression(member):
                return True
        elif id(member) not in met:
            met.add(id(member))
            waiting.extend(member)
    return False


def structural_names(node: object, *without: str) -> Iterator[str]:
    """The names of an object's attributes that are not computed from others."""
    node_class: type = type(node)
    computed = computed_names(node_class)
    return (name for name in node.__dict__ if name not in computed and name not in without)


@lru_cache(maxsize=4_096)
def computed_names(node_class: Any) -> frozenset[str]:
    """Attributes that Django caches on objects of a class, except `output_field`, which may also be declared.

    A class of the project may set an attribute that Django computes, so none of its attributes are left out.
    """
    if issubclass(node_class, Query):
        own = _COMPUTED_ON_QUERIES
    elif is_project_code(node_class):
        return _COMPUTED_ON_NODES
    else:
        own = _COMPUTED_ON_NODES
    classes: tuple[type, ...] = node_class.__mro__
    cached = {name for base in classes for name, value in vars(base).items() if _is_cached(value)}
    return frozenset(cached - {"output_field"}) | own


def field_key(field: Any) -> Key:
    """The key of a field: model and name, or its constructor arguments if it is not the model's own field."""
    if isinstance(field, ForeignObjectRel):
        return (type(field), field_key(field.field))
    model = getattr(field, "model", None)
    if model is not None and _is_field_of(model, field):
        return (model, field.name, type(field))
    _, path, args, kwargs = field.deconstruct()
    # Some fields return another class in deconstruct(), for migrations.
    key = (type(field), path, _argument_key(args), _argument_key(kwargs), *_own_attributes(field))
    return key if model is None else (model, field.name, *key)


def _is_field_of(model: Any, field: Any) -> bool:
    """Whether a field is the one that its model has; a project may alter a copy of it."""
    if field is model._meta.pk:
        return True
    try:
        return model._meta.get_field(field.name) is field
    except FieldDoesNotExist:
        return False


def _own_attributes(field: Any) -> tuple[Key, ...]:
    """The keys of the attributes that a field's class of the project sets, and need not tell in `deconstruct()`."""
    field_class: type = type(field)
    if field_class.__module__.startswith("django."):
        return ()
    if has_own_slots(field_class):
        raise Uncacheable(f"{field_class.__name__} keeps attributes in slots")
    computed = {name for base in field_class.__mro__ for name, value in vars(base).items() if _is_cached(value)}
    own = (name for name in vars(field) if name not in _SET_BY_DJANGO and name not in computed)
    return tuple([(name, _argument_key(vars(field)[name])) for name in own])


_SET_BY_DJANGO = frozenset({*vars(Field()), "attname", "column", "concrete", "model", "opts"})


def _is_cached(attribute: object) -> bool:
    return isinstance(attribute, cached_property)


def has_own_slots(node_class: type) -> bool:
    """Whether classes of a project keep attributes outside of `__dict__`."""
    return any(
        vars(base).get("__slots__") and not base.__module__.startswith("django.") for base in node_class.__mro__[:-1]
    )


def _argument_key(argument: object) -> Key:
    """The key of a field's constructor argument, which may contain other fields."""
    if isinstance(argument, (Field, ForeignObjectRel)):
        return field_key(argument)
    if isinstance(argument, Mapping):
        return tuple([(name, _argument_key(value)) for name, value in argument.items()])
    if isinstance(argument, (list, tuple)):
        return (type(argument), tuple(map(_argument_key, argument)))
    return constant_key(argument)


def has_derived_field(node: Any) -> bool:
    """Whether the output field of an expression is derived from its sources, even if Django has cached it.

    Django caches it on the user's object, whose key must not change because of that.
    """
    declared = node.__dict__.get("output_field")
    if declared is None:
        return True
    try:
        return bool(field_key(node._resolve_output_field()) == field_key(declared))
    # The output field of an unresolved expression is unknown; Django and projects may raise any exception.
    except Exception:  # noqa: BLE001
        return False
