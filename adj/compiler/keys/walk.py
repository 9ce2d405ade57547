"""One walk over what the user gave: always the same nodes in the same order, whatever is made of them.

`KeyWalk` in `describe.py` makes a key of them and collects the values; `SlotWalk` in `substitute.py` puts slots where
those values were. Since both are this walk, a slot can only be where a value was counted.

Private Django API used here: `Query.__dict__`, `Expression.__dict__`, `tree.Node.children`, `QuerySet._query`,
`QuerySet._clone`, `QuerySet._db`, `QuerySet._iterable_class`, `QuerySet._fields`, `QuerySet._fetch_mode`,
`TimezoneMixin`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

from django.db.models import Field, Model, Q, QuerySet, Value
from django.db.models.expressions import BaseExpression, F, RawSQL
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.functions.datetime import TimezoneMixin
from django.db.models.lookups import Lookup
from django.db.models.query_utils import FilteredRelation
from django.db.models.sql.datastructures import BaseTable, Join
from django.db.models.sql.query import Query
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode
from typing_extensions import override

from adj.compiler.keys.constants import is_constant_type
from adj.compiler.keys.name_keys import name_keys
from adj.compiler.keys.nodes import has_found_field, holds_expression, structural_names
from adj.compiler.keys.overrides import django_reason, query_reason
from adj.compiler.slots.lookup_paths import compares_plainly, takes_any_length
from adj.compiler.slots.passing import PASSING_LEFT, passes
from adj.compiler.slots.project_code import is_project_code, resolves_itself
from adj.compiler.slots.slots import Slot, SlottedPreparedLookup, SlottedValue, mark
from adj.compiler.slots.slotted_query import slotted_query_class
from adj.statement.clauses import DjangoQuerySet
from adj.statement.structure import PLAIN_TYPES, SEQUENCE_TYPES, Key, StatementHolder, Uncacheable

T = TypeVar("T")


class Walk(Generic[T]):
    """A walk over the operands of a clause about a model; subclasses say what becomes of a leaf and of a node.

    `is_opaque`: an enclosing node may look at values, so that all of them are constants here.
    """

    __slots__ = ("is_opaque", "model", "seen", "was_opaque")

    def __init__(self, model: type[Model] | None) -> None:
        self.model = model
        self.is_opaque = self.was_opaque = False
        self.seen: dict[int, Any] = {}

    # -- what subclasses make of it ------------------------------------------------------------------------------------

    def slot(self, value: object, *, is_member: bool = False) -> T:
        """A value that may be another one at the next run; `is_member`: it stands in an expression, as a `Value`."""
        raise TypeError(f"{type(self).__name__} does not take values")

    def sequence(self, items: Collection[object], *, has_length: bool) -> T:
        """A list of values, as one slot; `has_length`: SQL may depend on how many they are."""
        raise TypeError(f"{type(self).__name__} does not take lists")

    def constant(self, value: object) -> T:
        """A value that is part of the structure."""
        raise TypeError(f"{type(self).__name__} does not take constants")

    def nested(self, holder: StatementHolder) -> T:
        """A nested query of adj."""
        raise TypeError(f"{type(self).__name__} does not take queries")

    def entered(self, node: object) -> object:
        """What to remember of a node that is met for the first time."""
        return node

    def again(self, node: object) -> T:
        """A node that was met before."""
        raise TypeError(f"{type(self).__name__} does not take nodes")

    def composed(self, kind: Kind, node: object, parts: list[T]) -> T:
        """A node, of what became of its parts."""
        raise TypeError(f"{type(self).__name__} does not take nodes")

    def listed(self, items: object, parts: list[T]) -> T:
        """A list or tuple of nodes, of what became of them."""
        raise TypeError(f"{type(self).__name__} does not take lists")

    def path(self, path: str) -> None:
        """A lookup path that is met."""

    def local(self) -> None:
        """A node whose SQL depends on the current time zone."""

    # -- operands of lookups -------------------------------------------------------------------------------------------

    def lookups(self, pairs: Mapping[str, object]) -> list[tuple[str, T]]:
        """`path=operand` pairs, in the order in which Django's Q sorts them."""
        return [(path, self.operand(path, pairs[path])) for path in sorted(pairs)]

    def operand(self, path: str | None, value: object) -> T:
        """The operand of a lookup; without a path, of one that Django has made already."""
        if path is not None:
            self.path(path)
        if type(value) in PLAIN_TYPES:
            return self.constant(value) if self.is_opaque else self.slot(value)
        if value is None or value is True or value is False:
            return self.constant(value)
        if isinstance(value, StatementHolder):
            return self.nested(value)
        if hasattr(value, "resolve_expression"):
            return self._right_hand_side(path, value)
        if isinstance(value, SEQUENCE_TYPES):
            return self._members(path, value)
        return self.constant(value) if self.is_opaque else self.slot(value)

    def _right_hand_side(self, path: str | None, node: object) -> T:
        """An expression that a lookup compares with; only plain comparisons leave its parameters alone."""
        if self.is_opaque or isinstance(node, (QuerySet, Query)) or compares_plainly(self.model, path):
            return self.node(node)
        self.is_opaque = True
        try:
            return self.node(node)
        finally:
            self.is_opaque = False

    def _members(self, path: str | None, items: Any) -> T:
        """A list of operands: one slot, unless it holds expressions, whose values Django's lookups look at."""
        expressions = [holds_expression(item) for item in items]
        if any(expressions):
            if not all(expressions):
                # Django looks for expressions in a list itself, and would find a slot there.
                raise Uncacheable("a list of values and expressions")
            before, self.is_opaque = self.is_opaque, True
            try:
                return self.node(list(items) if not isinstance(items, (list, tuple)) else items)
            finally:
                self.is_opaque = before
        if self.is_opaque or not expressions:
            return self.constant(items)
        return self.sequence(items, has_length=not takes_any_length(self.model, path))

    # -- expressions and queries ---------------------------------------------------------------------------------------

    def node(self, node: object) -> T:
        """Anything that may stand in an expression."""
        kind: type = type(node)
        if is_constant_type(kind):
            return self.constant(node)
        if isinstance(node, StatementHolder):
            return self.nested(node)
        if isinstance(node, (list, tuple)):
            return self.listed(node, [self.node(item) for item in node])
        if isinstance(node, (Field, ForeignObjectRel)):
            return self.constant(node)
        if id(node) in self.seen:
            return self.again(node)
        self.seen[id(node)] = self.entered(node)
        shape = kind_of(kind)
        before = self.was_opaque = self.is_opaque
        self.is_opaque = before or not shape.passes
        try:
            parts = shape.parts(self, node)
        finally:
            self.is_opaque = before
        return self.composed(shape, node, parts)


class Kind:
    """What nodes of one class are made of: what is structure by itself, what may hold values, how it is put together.

    `passes`: a node of the class leaves the parameters of its parts alone, so that these may be slots.
    `compares_arguments`: Django tells such nodes apart by the values in them.
    """

    compares_arguments = False

    def __init__(self, kind: type) -> None:
        if is_project_code(kind) and resolves_itself(kind):
            raise Uncacheable(f"{kind.__name__} decides about its SQL while the query is built")
        self.passes = passes(kind)

    def head(self, node: Any) -> Key:
        """What of a node is structure, and no part."""
        return None

    def parts(self, walk: Walk[T], node: Any) -> list[T]:
        """The parts of a node, in order."""
        return []

    def rebuilt(self, node: Any, parts: Sequence[object]) -> object:
        """A copy of a node with other parts; the node itself where none is another one."""
        return node


class QKind(Kind):
    """A Q: connector, negation and its conditions, in order."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind)
        self.passes = not is_project_code(kind)

    @override
    def head(self, node: Q) -> Key:
        paths = name_keys([child[0] if isinstance(child, tuple) else None for child in node.children])
        return (node.connector, node.negated, paths)

    @override
    def parts(self, walk: Walk[T], node: Q) -> list[T]:
        parts: list[T] = []
        for child in node.children:
            # Not a comprehension, which is a frame of its own on Python 3.11: a Q may be as deep as Django takes it.
            parts.append(walk.operand(*child) if isinstance(child, tuple) else walk.node(child))  # noqa: PERF401
        return parts

    @override
    def rebuilt(self, node: Q, parts: Sequence[object]) -> Q:
        children: list[Any] = [
            (child[0], part) if isinstance(child, tuple) else part
            for child, part in zip(node.children, parts, strict=True)
        ]
        return type(node).create(children=children, connector=node.connector, negated=node.negated)


class WhereKind(Kind):
    """A node of a WHERE tree; Django notes on it whether its references are resolved."""

    @override
    def head(self, node: Any) -> Key:
        return (node.connector, node.negated, node.resolved)

    @override
    def parts(self, walk: Walk[T], node: Any) -> list[T]:
        parts: list[T] = []
        for child in node.children:
            parts.append(walk.node(child))  # noqa: PERF401  # as in a Q
        return parts

    @override
    def rebuilt(self, node: Any, parts: Sequence[object]) -> object:
        clone = type(node).create(children=list(parts), connector=node.connector, negated=node.negated)
        clone.resolved = node.resolved
        return clone


class AttributesKind(Kind):
    """A node that is its attributes, but for what Django computes and keeps there."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind)
        self.is_local = issubclass(kind, TimezoneMixin)
        self.compares_arguments = issubclass(kind, BaseExpression)
        if any(vars(base).get("__slots__") for base in kind.__mro__ if is_project_code(base) and base is not object):
            raise Uncacheable(f"{kind.__name__} keeps attributes in slots")

    def names(self, node: object) -> list[str]:
        """The attributes that are not computed from the others."""
        without = ("output_field",) if has_found_field(node) else ()
        return list(structural_names(node, *without))

    @override
    def head(self, node: Any) -> Key:
        return tuple(self.names(node))

    @override
    def parts(self, walk: Walk[T], node: Any) -> list[T]:
        if self.is_local:
            walk.local()
        if isinstance(node, RawSQL) and node.params:
            raise Uncacheable("RawSQL with parameters")
        return [walk.node(node.__dict__[name]) for name in self.names(node)]

    @override
    def rebuilt(self, node: Any, parts: Sequence[object]) -> object:
        names = self.names(node)
        changed = {name: part for name, part in zip(names, parts, strict=True) if part is not node.__dict__[name]}
        if not changed:
            return node
        clone = copy.copy(node)
        clone.__dict__.update(changed)
        return clone


class FKind(AttributesKind):
    """A reference by name; the name of an OuterRef may be another OuterRef."""

    @override
    def parts(self, walk: Walk[T], node: Any) -> list[T]:
        if isinstance(node.name, str):
            walk.path(node.name)
        return super().parts(walk, node)


class ValueKind(Kind):
    """A constant inside an expression: a slot, unless an expression around it may look at it."""

    def names(self, node: Value) -> list[str]:
        """What it carries beside the value."""
        without = ("output_field",) if has_found_field(node) else ()
        return list(structural_names(node, "value", *without))

    @override
    def head(self, node: Value) -> Key:
        return (type(node.value), tuple(self.names(node)))

    @override
    def parts(self, walk: Walk[T], node: Value) -> list[T]:
        value: object = node.value
        is_structure = walk.is_opaque or value is None or isinstance(value, bool)
        first = walk.constant(value) if is_structure else walk.slot(value, is_member=True)
        return [first, *[walk.node(node.__dict__[name]) for name in self.names(node)]]

    @override
    def rebuilt(self, node: Value, parts: Sequence[object]) -> Value:
        if type(parts[0]) is not Slot:
            return node
        marked = copy.copy(node)
        mark(marked, SlottedValue, "value", parts[0])
        return marked


class LookupKind(Kind):
    """A lookup: of a ready-made query, or written as an expression. A value on its right is a slot."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind)
        self.passes_left = self.passes or kind in PASSING_LEFT

    def names(self, node: object) -> list[str]:
        """What it carries beside its sides; its output field is its class's."""
        return list(structural_names(node, "lhs", "rhs", "output_field"))

    @override
    def head(self, node: Lookup) -> Key:
        return tuple(self.names(node))

    @override
    def parts(self, walk: Walk[T], node: Any) -> list[T]:
        outside = walk.was_opaque
        walk.is_opaque = outside or not self.passes_left
        left = walk.node(node.lhs)
        if node.rhs_is_direct_value():
            # It is compiled again with the lookup, which may do with it what it likes.
            walk.is_opaque = outside
            right = walk.operand(None, node.rhs)
        else:
            walk.is_opaque = outside or not self.passes
            right = walk.node(node.rhs)
        walk.is_opaque = True
        return [left, right, *[walk.node(node.__dict__[name]) for name in self.names(node)]]

    @override
    def rebuilt(self, node: Any, parts: Sequence[object]) -> object:
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


class QueryKind(AttributesKind):
    """A Django Query: every attribute that it does not share with its class."""

    def __init__(self, kind: type) -> None:
        if is_project_code(kind):
            raise Uncacheable(f"{kind.__name__} is a class of queries of the project")
        super().__init__(kind)

    @override
    def names(self, node: object) -> list[str]:
        return list(structural_names(node))

    @override
    def parts(self, walk: Walk[T], node: Query) -> list[T]:
        if (reason := query_reason(node)) is not None:
            raise Uncacheable(reason)
        return super().parts(walk, node)

    @override
    def head(self, node: Query) -> Key:
        return (node.model, *self.names(node))

    @override
    def rebuilt(self, node: Query, parts: Sequence[object]) -> object:
        clone: object = node.clone()
        for name, part in zip(self.names(node), parts, strict=True):
            clone.__dict__[name] = part
        kind: type = type(node)
        clone.__class__ = slotted_query_class(kind)
        return clone


class QuerySetKind(Kind):
    """A Django QuerySet as an operand or as a base: what it selects, and what decides its rows."""

    def __init__(self, kind: type) -> None:
        self.passes = True

    @override
    def head(self, node: DjangoQuerySet) -> Key:
        # Rows carry the mode; Django has it from 6.1 on.
        names = ("_db", "_iterable_class", "_fetch_mode", "_sticky_filter")
        own = [getattr(node, name, None) for name in names]
        return (*own, None if (fields := getattr(node, "_fields", None)) is None else name_keys(fields))

    @override
    def parts(self, walk: Walk[T], node: DjangoQuerySet) -> list[T]:
        if (reason := django_reason(node)) is not None:
            raise Uncacheable(reason)
        return [walk.node(node.query)]

    @override
    def rebuilt(self, node: Any, parts: Sequence[object]) -> Any:
        # Not `_chain()`, which gives the node itself where its cloning is off, and uses up that it is sticky.
        substitute = node._clone()
        # The setter of `query` resets the shape of the rows.
        substitute._query = parts[0]
        return substitute


class MappingKind(Kind):
    """A dict, in its own order: the order of annotations is the order of columns."""

    def __init__(self, kind: type) -> None:
        self.passes = True

    @override
    def head(self, node: Mapping[object, object]) -> Key:
        return name_keys(node)

    @override
    def parts(self, walk: Walk[T], node: Mapping[object, object]) -> list[T]:
        return [walk.node(value) for value in node.values()]

    @override
    def rebuilt(self, node: Mapping[object, object], parts: Sequence[object]) -> object:
        if all(one is other for one, other in zip(node.values(), parts, strict=True)):
            return node
        return dict(zip(node, parts, strict=True))


class SetKind(Kind):
    """A set of constants."""

    def __init__(self, kind: type) -> None:
        self.passes = True

    @override
    def parts(self, walk: Walk[T], node: object) -> list[T]:
        return [walk.constant(node)]


class ExtraWhereKind(Kind):
    """SQL written by hand."""

    @override
    def head(self, node: ExtraWhere) -> Key:
        if node.params:
            raise Uncacheable("extra() with parameters")
        return tuple(node.sqls)


class PartialKind(Kind):
    """A function with arguments, as Django keeps some in its joins."""

    def __init__(self, kind: type) -> None:
        self.passes = False

    @override
    def head(self, node: partial[Any]) -> Key:
        return (node.func, tuple(node.keywords))

    @override
    def parts(self, walk: Walk[T], node: partial[Any]) -> list[T]:
        return [walk.node(node.args), *[walk.node(value) for value in node.keywords.values()]]


# The first class that a node is an instance of decides.
KINDS: tuple[tuple[type | tuple[type, ...], type[Kind]], ...] = (
    (Q, QKind),
    (F, FKind),
    (Lookup, LookupKind),
    (Query, QueryKind),
    (QuerySet, QuerySetKind),
    (NothingNode, Kind),
    (WhereNode, WhereKind),
    (ExtraWhere, ExtraWhereKind),
    (Mapping, MappingKind),
    ((set, frozenset), SetKind),
    (partial, PartialKind),
    ((BaseExpression, BaseTable, Join, FilteredRelation), AttributesKind),
)


@lru_cache(maxsize=4_096)
def kind_of(kind: type) -> Kind:
    """What nodes of a class are made of. Raises `Uncacheable` for a class that adj does not know."""
    if kind is Value:
        return ValueKind(kind)
    for known, shape in KINDS:
        if issubclass(kind, known):
            return shape(kind)
    raise Uncacheable(f"{kind.__name__} has no structure that adj knows")
