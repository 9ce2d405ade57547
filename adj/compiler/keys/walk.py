"""One walk over what the user gave: always the same nodes in the same order, whatever is made of them.

`KeyWalk` in `key_visitor.py` makes a key of them and collects the values; `SlotWalk` in `django/substitute.py` puts
slots where those values were. Since both are this walk, a slot can only be where a value was counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Generic, TypeVar

from django.db.models import Field, Model, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.sql.query import Query

from adj.compiler.keys.constants import is_constant_type
from adj.compiler.keys.node_types import NodeType, node_type_of
from adj.compiler.keys.nodes import holds_expression
from adj.compiler.slots.lookup_paths import compares_plainly, takes_any_length
from adj.statement.structure import PLAIN_TYPES, SEQUENCE_TYPES, StatementHolder, Uncacheable

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

    def composed(self, node_type: NodeType, node: object, parts: list[T]) -> T:
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
        node_class: type = type(node)
        if is_constant_type(node_class):
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
        node_type = node_type_of(node_class)
        before = self.was_opaque = self.is_opaque
        self.is_opaque = before or not node_type.passes
        try:
            parts = node_type.parts(self, node)
        finally:
            self.is_opaque = before
        return self.composed(node_type, node, parts)
