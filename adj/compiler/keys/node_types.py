"""The types of nodes: which attributes are structure, which may hold values, and how a node is rebuilt.

There is one class for each type of node in Django; `walk.py` uses them to go from node to node.

Private Django API used here: `Query.__dict__`, `Expression.__dict__`, `tree.Node.children`, `QuerySet._query`,
`QuerySet._clone`, `QuerySet._db`, `QuerySet._iterable_class`, `QuerySet._fields`, `QuerySet._fetch_mode`,
`TimezoneMixin`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Generic, Protocol, TypeVar, cast

from django.db.models import Q, QuerySet, Value
from django.db.models.expressions import BaseExpression, F, RawSQL
from django.db.models.functions.datetime import TimezoneMixin
from django.db.models.lookups import Lookup
from django.db.models.query_utils import FilteredRelation
from django.db.models.sql.datastructures import BaseTable, Join
from django.db.models.sql.query import Query
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode
from typing_extensions import override

from adj.compiler.keys.name_keys import name_keys
from adj.compiler.keys.nodes import has_derived_field, has_own_slots, structural_names
from adj.compiler.keys.overrides import django_reason, query_reason
from adj.compiler.slots.marked_nodes import SlottedPreparedLookup, SlottedValue, mark
from adj.compiler.slots.passing import PASSING_LEFT, passes
from adj.compiler.slots.project_code import is_project_code, resolves_itself
from adj.compiler.slots.slots import Slot
from adj.compiler.slots.slotted_query import slotted_query_class
from adj.django_types import PrivateF, PrivateQuerySet
from adj.statement.structure import Key, Uncacheable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
N = TypeVar("N")
"""A class of nodes."""


class Visitor(Protocol[T_co]):
    """The interface of the walk that node types pass their parts to."""

    is_opaque: bool
    was_opaque: bool

    def node(self, node: object) -> T_co:
        """Anything that may stand in an expression."""
        ...

    def operand(self, path: str | None, value: object) -> T_co:
        """The right-hand side of a lookup."""
        ...

    def constant(self, value: object) -> T_co:
        """A value that is part of the structure."""
        ...

    def slot(self, value: object, *, is_member: bool = False) -> T_co:
        """A value that may change from run to run."""
        ...

    def path(self, path: str) -> None:
        """A lookup path."""
        ...

    def local(self) -> None:
        """A node whose SQL depends on the current time zone."""
        ...


class NodeType(Generic[N]):
    """One type of node: what is structure, what may hold values, and how to rebuild a node.

    `passes`: nodes pass on the parameters of their parts unchanged, so that these may be slots.
    `compares_arguments`: Django compares such nodes by the values in them.
    """

    compares_arguments = False

    def __init__(self, node_class: type) -> None:
        if is_project_code(node_class) and resolves_itself(node_class):
            raise Uncacheable(f"{node_class.__name__} decides about its SQL while the query is built")
        self.passes = passes(node_class) and not is_project_code(node_class)

    def head(self, node: N) -> Key:
        """The structure of a node without its parts."""
        return None

    def parts(self, visitor: Visitor[T], node: N) -> list[T]:
        """The parts of a node, in order."""
        return []

    def rebuilt(self, node: N, parts: Sequence[object]) -> object:
        """A copy of a node with other parts; the node itself if all parts are the same."""
        return node


class QType(NodeType[Q]):
    """A Q: connector, negation and its conditions, in order."""

    def __init__(self, node_class: type) -> None:
        super().__init__(node_class)
        self.passes = not is_project_code(node_class)

    @override
    def head(self, node: Q) -> Key:
        paths = name_keys([child[0] if isinstance(child, tuple) else None for child in node.children])
        return (node.connector, node.negated, paths)

    @override
    def parts(self, visitor: Visitor[T], node: Q) -> list[T]:
        parts: list[T] = []
        for child in node.children:
            # Not a comprehension, which needs another frame on Python 3.11: a Q may be as deep as Django allows.
            parts.append(visitor.operand(*child) if isinstance(child, tuple) else visitor.node(child))  # noqa: PERF401
        return parts

    @override
    def rebuilt(self, node: Q, parts: Sequence[object]) -> Q:
        children: list[Any] = [
            (child[0], part) if isinstance(child, tuple) else part
            for child, part in zip(node.children, parts, strict=True)
        ]
        return type(node).create(children=children, connector=node.connector, negated=node.negated)


class WhereType(NodeType[WhereNode]):
    """A node of a WHERE tree, which stores whether its references are resolved."""

    @override
    def head(self, node: WhereNode) -> Key:
        return (node.connector, node.negated, node.resolved)

    @override
    def parts(self, visitor: Visitor[T], node: WhereNode) -> list[T]:
        parts: list[T] = []
        for child in node.children:
            parts.append(visitor.node(child))  # noqa: PERF401  # as in a Q
        return parts

    @override
    def rebuilt(self, node: WhereNode, parts: Sequence[object]) -> object:
        children: list[Any] = [*parts]
        clone = type(node).create(children=children, connector=node.connector, negated=node.negated)
        clone.resolved = node.resolved
        return clone


class AttributesType(NodeType[N]):
    """A node that is described by its attributes, except for those that Django computes."""

    def __init__(self, node_class: type) -> None:
        super().__init__(node_class)
        self.is_local = issubclass(node_class, TimezoneMixin)
        self.compares_arguments = issubclass(node_class, BaseExpression)
        if has_own_slots(node_class):
            raise Uncacheable(f"{node_class.__name__} keeps attributes in slots")

    def names(self, node: object) -> list[str]:
        """The attributes that are not computed from the others."""
        without = ("output_field",) if has_derived_field(node) else ()
        return list(structural_names(node, *without))

    @override
    def head(self, node: N) -> Key:
        return tuple(self.names(node))

    @override
    def parts(self, visitor: Visitor[T], node: N) -> list[T]:
        if self.is_local:
            visitor.local()
        if isinstance(node, RawSQL) and node.params:
            raise Uncacheable("RawSQL with parameters")
        return [visitor.node(node.__dict__[name]) for name in self.names(node)]

    @override
    def rebuilt(self, node: N, parts: Sequence[object]) -> object:
        names = self.names(node)
        changed = {name: part for name, part in zip(names, parts, strict=True) if part is not node.__dict__[name]}
        if not changed:
            return node
        clone = copy.copy(node)
        clone.__dict__.update(changed)
        return clone


class FType(AttributesType[PrivateF]):
    """A reference by name; the name of an OuterRef may be another OuterRef."""

    @override
    def parts(self, visitor: Visitor[T], node: PrivateF) -> list[T]:
        if isinstance(node.name, str):
            visitor.path(node.name)
        return super().parts(visitor, node)


class ValueType(NodeType[Value]):
    """A constant inside an expression: a slot, unless an expression around it may look at it."""

    def names(self, node: Value) -> list[str]:
        """Its attributes other than the value."""
        without = ("output_field",) if has_derived_field(node) else ()
        return list(structural_names(node, "value", *without))

    @override
    def head(self, node: Value) -> Key:
        return (type(node.value), tuple(self.names(node)))

    @override
    def parts(self, visitor: Visitor[T], node: Value) -> list[T]:
        value: object = node.value
        is_structure = visitor.is_opaque or value is None or isinstance(value, bool)
        first = visitor.constant(value) if is_structure else visitor.slot(value, is_member=True)
        return [first, *[visitor.node(node.__dict__[name]) for name in self.names(node)]]

    @override
    def rebuilt(self, node: Value, parts: Sequence[object]) -> Value:
        if type(parts[0]) is not Slot:
            return node
        marked = copy.copy(node)
        mark(marked, SlottedValue, "value", parts[0])
        return marked


class LookupType(NodeType[Lookup]):
    """A lookup, in an existing Query or used as an expression. A value on its right is a slot."""

    def __init__(self, node_class: type) -> None:
        super().__init__(node_class)
        self.passes_left = self.passes or node_class in PASSING_LEFT

    def names(self, node: object) -> list[str]:
        """Its attributes other than its sides; the class defines the output field."""
        return list(structural_names(node, "lhs", "rhs", "output_field"))

    @override
    def head(self, node: Lookup) -> Key:
        return tuple(self.names(node))

    @override
    def parts(self, visitor: Visitor[T], node: Lookup) -> list[T]:
        outside = visitor.was_opaque
        visitor.is_opaque = outside or not self.passes_left
        left = visitor.node(node.lhs)
        if node.rhs_is_direct_value():
            # The lookup is compiled again at each run, so it may do anything with the value.
            visitor.is_opaque = outside
            right = visitor.operand(None, node.rhs)
        else:
            visitor.is_opaque = outside or not self.passes
            right = visitor.node(node.rhs)
        visitor.is_opaque = True
        return [left, right, *[visitor.node(node.__dict__[name]) for name in self.names(node)]]

    @override
    def rebuilt(self, node: Lookup, parts: Sequence[object]) -> object:
        left, right, *others = parts
        clone = copy.copy(node)
        clone.lhs = left
        if type(right) is Slot:
            mark(clone, SlottedPreparedLookup, "rhs", right)
        else:
            clone.rhs = right
        for name, part in zip(self.names(node), others, strict=True):
            clone.__dict__[name] = part
        return clone


class QueryType(AttributesType[Query]):
    """A Django Query: every attribute that it does not share with its class."""

    def __init__(self, node_class: type) -> None:
        if is_project_code(node_class):
            raise Uncacheable(f"{node_class.__name__} is a class of queries of the project")
        super().__init__(node_class)

    @override
    def names(self, node: object) -> list[str]:
        return list(structural_names(node))

    @override
    def parts(self, visitor: Visitor[T], node: Query) -> list[T]:
        if (reason := query_reason(node)) is not None:
            raise Uncacheable(reason)
        return super().parts(visitor, node)

    @override
    def head(self, node: Query) -> Key:
        return (node.model, *self.names(node))

    @override
    def rebuilt(self, node: Query, parts: Sequence[object]) -> object:
        clone: object = node.clone()
        for name, part in zip(self.names(node), parts, strict=True):
            clone.__dict__[name] = part
        node_class: type = type(node)
        clone.__class__ = slotted_query_class(node_class)
        return clone


class QuerySetType(NodeType[PrivateQuerySet]):
    """A Django QuerySet as an operand or as a base: what it selects, and what decides its rows."""

    def __init__(self, node_class: type) -> None:
        self.passes = True

    @override
    def head(self, node: PrivateQuerySet) -> Key:
        # Rows refer to the fetch mode, which Django has since 6.1.
        names = ("_db", "_iterable_class", "_fetch_mode", "_sticky_filter")
        own = [getattr(node, name, None) for name in names]
        return (*own, None if (fields := getattr(node, "_fields", None)) is None else name_keys(fields))

    @override
    def parts(self, visitor: Visitor[T], node: PrivateQuerySet) -> list[T]:
        if (reason := django_reason(node)) is not None:
            raise Uncacheable(reason)
        return [visitor.node(node.query)]

    @override
    def rebuilt(self, node: PrivateQuerySet, parts: Sequence[object]) -> PrivateQuerySet:
        # Not `_chain()`, which returns the node itself if cloning is disabled, and resets the sticky filter.
        substitute = node._clone()
        # The setter of `query` resets the iterable class.
        substitute._query = cast("Query", parts[0])
        return substitute


class MappingType(NodeType[Mapping[object, object]]):
    """A dict in its order, since the order of annotations is the order of columns."""

    def __init__(self, node_class: type) -> None:
        self.passes = True

    @override
    def head(self, node: Mapping[object, object]) -> Key:
        return name_keys(node)

    @override
    def parts(self, visitor: Visitor[T], node: Mapping[object, object]) -> list[T]:
        return [visitor.node(value) for value in node.values()]

    @override
    def rebuilt(self, node: Mapping[object, object], parts: Sequence[object]) -> object:
        if all(one is other for one, other in zip(node.values(), parts, strict=True)):
            return node
        return dict(zip(node, parts, strict=True))


class SetType(NodeType[frozenset[object] | set[object]]):
    """A set of constants."""

    def __init__(self, node_class: type) -> None:
        self.passes = True

    @override
    def parts(self, visitor: Visitor[T], node: frozenset[object] | set[object]) -> list[T]:
        return [visitor.constant(node)]


class ExtraWhereType(NodeType[ExtraWhere]):
    """SQL written by hand."""

    @override
    def head(self, node: ExtraWhere) -> Key:
        if node.params:
            raise Uncacheable("extra() with parameters")
        return tuple(node.sqls)


class PartialType(NodeType[partial[object]]):
    """A function with arguments, as Django keeps some in its joins."""

    def __init__(self, node_class: type) -> None:
        self.passes = False

    @override
    def head(self, node: partial[object]) -> Key:
        return (node.func, tuple(node.keywords))

    @override
    def parts(self, visitor: Visitor[T], node: partial[object]) -> list[T]:
        return [visitor.node(node.args), *[visitor.node(value) for value in node.keywords.values()]]


# The first match wins.
NODE_TYPES: tuple[tuple[type | tuple[type, ...], type[NodeType[Any]]], ...] = (
    (Q, QType),
    (F, FType),
    (Lookup, LookupType),
    (Query, QueryType),
    (QuerySet, QuerySetType),
    (NothingNode, NodeType),
    (WhereNode, WhereType),
    (ExtraWhere, ExtraWhereType),
    (Mapping, MappingType),
    ((set, frozenset), SetType),
    (partial, PartialType),
    ((BaseExpression, BaseTable, Join, FilteredRelation), AttributesType),
)


@lru_cache(maxsize=4_096)
def node_type_of(node_class: type) -> NodeType[Any]:
    """The type of nodes of a class. Raises `Uncacheable` for a class that adj does not know."""
    if node_class is Value:
        return ValueType(node_class)
    for known, shape in NODE_TYPES:
        if issubclass(node_class, known):
            return shape(node_class)
    raise Uncacheable(f"{node_class.__name__} has no structure that adj knows")
