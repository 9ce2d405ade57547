"""What the walks of `describe.py` and `substitute.py` ask about one node: is it a constant, what is in it, is it local.

Private Django API used here: `Query.__dict__`, `Expression.__dict__`.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import types
import uuid
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from django.db.models import DateTimeField, Transform, Value
from django.utils.functional import cached_property

from adj.compiler.structure import PLAIN_TYPES, StatementHolder
from adj.schema.paths import LONGEST_PATH

# Constants of an expression that other expressions look into while compiling (frames, precisions, positions).
INSPECTED_TYPES = (bool, int, types.NoneType)
# What a key may hold as it is: immutable, hashable, no reference to a row.
CONSTANT_TYPES = (
    *INSPECTED_TYPES,
    str,
    float,
    bytes,
    decimal.Decimal,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    uuid.UUID,
    enum.Enum,
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
)
# What Django computes and keeps on an object. `possibly_multivalued` it sets again whenever it resolves an OuterRef;
# `table_map`, which says what `alias_map` says, it shares between copies of a query and writes into.
_UNSTRUCTURAL = frozenset(
    {
        "_annotation_select_cache",
        "_constructor_args",
        "_extra_select_cache",
        "_lookup_joins",
        "base_table",
        "possibly_multivalued",
        "table_map",
    }
)


def holds_expression(item: object) -> bool:
    """Whether a member of a list is an expression, or a list of such, as a composite key may be."""
    if type(item) in PLAIN_TYPES:
        return False
    if isinstance(item, (list, tuple)):
        return any(map(holds_expression, item))
    return hasattr(item, "resolve_expression") or isinstance(item, StatementHolder)


def structural_names(node: Any, *without: str) -> Iterator[str]:
    """The names of an object's attributes that are not computed from others."""
    kind: Any = type(node)
    computed = computed_names(kind)
    return (name for name in node.__dict__ if name not in computed and name not in without)


@lru_cache(maxsize=1_024)
def computed_names(kind: type) -> frozenset[str]:
    """Attributes that Django caches on an object; `output_field` is both declared and computed, and stays."""
    cached = {name for base in kind.__mro__ for name, value in vars(base).items() if isinstance(value, cached_property)}
    return frozenset(cached - {"output_field"}) | _UNSTRUCTURAL


def is_number(node: Any) -> bool:
    """Whether a node is a whole number, which is a slot in arithmetic only."""
    return type(node) is Value and type(node.value) is int


def is_local_path(path: str) -> bool:
    """Whether a lookup path may truncate or extract in the current time zone."""
    return "__" in path and (_is_known_local(path) if len(path) <= LONGEST_PATH else _is_local(path))


def _is_local(path: str) -> bool:
    return not _local_transforms().isdisjoint(path.split("__")[1:])


_is_known_local = lru_cache(maxsize=4_096)(_is_local)


@cache
def _local_transforms() -> frozenset[str]:
    lookups = DateTimeField().get_lookups().items()
    return frozenset(name for name, lookup in lookups if issubclass(lookup, Transform)) | {
        name for name, lookup in lookups if not lookup.__module__.startswith("django.")
    }
