"""Removes a user's values from a compiled statement, so that no plan keeps them alive.

Private Django API used here: `Expression._constructor_args`, `Query._filtered_relations`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F
from django.db.models.expressions import Col
from django.db.models.query_utils import FilteredRelation
from django.db.models.sql.query import Query
from django.utils.tree import Node

from adj.compiler.slots.marked_nodes import Slotted
from adj.compiler.slots.slots import Slot


def forget_arguments(node: object, seen: dict[int, bool] | None = None) -> bool:
    """Remove constructor arguments, which hold values, from the nodes of a compiled tree that contain a slot.

    Nodes with a slot are adj's copies; others may belong to the user's QuerySets and expressions. Returns whether the
    node contains a slot.
    """
    seen = {} if seen is None else seen
    if node is None or isinstance(node, (Col, F, str, bool)):
        return False
    if (known := seen.get(id(node))) is not None:
        return known
    seen[id(node)] = False
    below = [forget_arguments(part, seen) for part in _parts(node)]
    has_slot = any(below) or isinstance(node, (Slotted, Slot))
    seen[id(node)] = has_slot
    if has_slot and "_constructor_args" in getattr(node, "__dict__", ()):
        node.__dict__.update(_constructor_args=((), {}))
        node.__dict__.pop("identity", None)
    return has_slot


def _parts(node: Any) -> Iterable[object]:
    """The child nodes of a node."""
    if isinstance(node, Query):
        return _query_parts(node)
    if isinstance(node, Node):
        return [child[1] if isinstance(child, tuple) else child for child in node.children]
    if isinstance(node, FilteredRelation):
        return [node.condition, getattr(node, "resolved_condition", None)]
    return node.get_source_expressions() if hasattr(node, "get_source_expressions") else ()


def _query_parts(query: Any) -> list[object]:
    grouped = query.group_by if isinstance(query.group_by, tuple) else ()
    inner = getattr(query, "inner_query", None)
    nodes = [query.where, *query.annotations.values(), *query.select, *query.order_by, *grouped]
    return [*nodes, *query._filtered_relations.values(), *query.combined_queries, inner]
