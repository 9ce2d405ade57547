"""Facts about single nodes: which attributes are structure, what is in a list, the key of a field.

Private Django API used here: `Query.__dict__`, `Expression.__dict__`, `Expression._resolve_output_field`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.db.models import Field
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.sql.query import Query
from django.utils.functional import cached_property

from adj.compiler.keys.constants import constant_key
from adj.compiler.slots.project_code import is_project_code
from adj.statement.structure import PLAIN_TYPES, Key, StatementHolder

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
    cached = {name for base in classes for name, value in vars(base).items() if isinstance(value, cached_property)}
    return frozenset(cached - {"output_field"}) | own


def field_key(field: Any) -> Key:
    """The key of a field: model and name, or its constructor arguments if it does not belong to a model."""
    model = getattr(field, "model", None)
    if model is not None and field.name:
        return (model, field.name, type(field))
    _, path, args, kwargs = field.deconstruct()
    # Some fields return another class in deconstruct(), for migrations.
    return (type(field), path, _argument_key(args), _argument_key(kwargs))


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
