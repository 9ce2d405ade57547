"""The one walk over operands: always the same nodes in the same order.

`KeyWalk` in `key_visitor.py` computes a key and collects the values; `SlotWalk` in `django/substitute.py` replaces
these values with slots. Since both are this walk, a slot can only be where a value was counted.
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
    """A walk over the operands of a clause about a model; subclasses decide what to do with leaves and nodes.

    `is_opaque`: an enclosing node may read values, so that values here are constants.
    """

    __slots__ = ("is_opaque", "model", "seen", "was_opaque")

    def __init__(self, model: type[Model] | None) -> None:
        self.model = model
        self.is_opaque = self.was_opaque = False
        self.seen: dict[int, Any] = {}

    # -- overridden by subclasses --------------------------------------------------------------------------------------

    def slot(self, value: object, *, is_member: bool = False) -> T:
        """A value that may change from run to run; `is_member`: it is inside an expression, as a `Value`."""
        raise TypeError(f"{type(self).__name__} does not take values")

    def sequence(self, items: Collection[object], *, has_length: bool) -> T:
        """A list of values as one slot; `has_length`: the SQL may depend on its length."""
        raise TypeError(f"{type(self).__name__} does not take lists")

    def constant(self, value: object) -> T:
        """A value that is part of the structure."""
        raise TypeError(f"{type(self).__name__} does not take constants")

    def nested(self, holder: StatementHolder) -> T:
        """A nested AsyncQuery."""
        raise TypeError(f"{type(self).__name__} does not take queries")

    def entered(self, node: object) -> object:
        """What to store for a node on the first visit."""
        return node

    def again(self, node: object) -> T:
        """A node that was visited before."""
        raise TypeError(f"{type(self).__name__} does not take nodes")

    def composed(self, node_type: NodeType[object], node: object, parts: list[T]) -> T:
        """A node, with the results for its parts."""
        raise TypeError(f"{type(self).__name__} does not take nodes")

    def listed(self, items: object, parts: list[T]) -> T:
        """A list or tuple of nodes, with the results for its members."""
        raise TypeError(f"{type(self).__name__} does not take lists")

    def path(self, path: str) -> None:
        """A lookup path."""

    def local(self) -> None:
        """A node whose SQL depends on the current time zone."""

    # -- operands of lookups -------------------------------------------------------------------------------------------

    def lookups(self, pairs: Mapping[str, object]) -> list[tuple[str, T]]:
        """`path=operand` pairs, in the order in which Django's Q sorts them."""
        return [(path, self.operand(path, pairs[path])) for path in sorted(pairs)]

    def operand(self, path: str | None, value: object) -> T:
        """The operand of a lookup; without a path, of an existing lookup object."""
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
        """An expression on the right of a lookup; only plain comparisons pass on its parameters unchanged."""
        if self.is_opaque or isinstance(node, (QuerySet, Query)) or compares_plainly(self.model, path):
            return self.node(node)
        self.is_opaque = True
        try:
            return self.node(node)
        finally:
            self.is_opaque = False

    def _members(self, path: str | None, items: Any) -> T:
        """A list of operands: one slot, unless it contains expressions, whose values Django's lookups may read."""
        expressions = [holds_expression(item) for item in items]
        if any(expressions):
            if not all(expressions):
                # Django searches lists for expressions, and would find a slot.
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
