"""Operands for Django: unchanged, or with slots where `KeyWalk` counted a value.

Private Django API used here: none; see `keys/node_types.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from django.db.models import Model
from typing_extensions import override

from adj.compiler.keys.node_types import NodeType
from adj.compiler.keys.prefetch_lookups import prefetch_lookup
from adj.compiler.keys.walk import Walk
from adj.compiler.slots.slots import Slot
from adj.statement.clauses import DjangoQuerySet
from adj.statement.statement import Statement
from adj.statement.structure import StatementHolder


class Verbatim:
    """Passes operands to Django unchanged; a nested query becomes its QuerySet."""

    def of_clause(self) -> Verbatim:
        """The operands of another clause."""
        return self

    def keywords(self, pairs: Mapping[str, object]) -> dict[str, object]:
        """`path=operand` pairs."""
        return {path: self.node(pairs[path]) for path in sorted(pairs)}

    def operand(self, path: str | None, value: object) -> object:
        """One operand of a lookup."""
        return self.node(value)

    def prefetch(self, lookup: object) -> object:
        """A lookup of `prefetch_related()`."""
        return prefetch_lookup(lookup)

    def node(self, node: Any) -> object:
        """One expression."""
        if isinstance(node, StatementHolder):
            return node.queryset
        if type(node) in (list, tuple, set) and any(isinstance(item, StatementHolder) for item in node):
            return type(node)(self.node(item) for item in node)
        return node


class WithBuiltQueries(Verbatim):
    """The same, where a nested query may be built already: `queryset_of` returns its QuerySet, or None."""

    def __init__(self, queryset_of: Callable[[StatementHolder], DjangoQuerySet | None]) -> None:
        self._queryset_of = queryset_of

    @override
    def node(self, node: object) -> object:
        """One expression."""
        queryset = self._queryset_of(node) if isinstance(node, StatementHolder) else None
        return super().node(node) if queryset is None else queryset.all()


class SlotWalk(Walk[object]):
    """The walk that replaces values with slots; nodes without values stay the user's objects."""

    __slots__ = ("build", "slots")

    def __init__(
        self, model: type[Model] | None, slots: Iterator[Slot], build: Callable[[Statement, SlotWalk], DjangoQuerySet]
    ) -> None:
        super().__init__(model)
        self.slots = slots
        self.build = build

    def of_clause(self) -> SlotWalk:
        """The operands of another clause: slots continue, but objects seen before are described again."""
        return SlotWalk(self.model, self.slots, self.build)

    def of_model(self, model: type[Model]) -> SlotWalk:
        """The operands of a nested query."""
        return SlotWalk(model, self.slots, self.build)

    def keywords(self, pairs: Mapping[str, object]) -> dict[str, object]:
        """`path=operand` pairs, in the order of their paths."""
        return dict(self.lookups(pairs))

    def prefetch(self, lookup: object) -> object:
        """A lookup of `prefetch_related()`, which is not part of the SQL."""
        return prefetch_lookup(lookup)

    # -- leaves and nodes ----------------------------------------------------------------------------------------------

    @override
    def slot(self, value: object, *, is_member: bool = False) -> object:
        return next(self.slots)

    @override
    def sequence(self, items: Collection[object], *, has_length: bool) -> object:
        slot = next(self.slots)
        slot.has_length = has_length
        return slot

    @override
    def constant(self, value: object) -> object:
        return value

    @override
    def nested(self, holder: StatementHolder) -> object:
        return self.build(holder.statement, self)

    @override
    def again(self, node: object) -> object:
        return self.seen[id(node)]

    @override
    def composed(self, node_type: NodeType[object], node: object, parts: list[object]) -> object:
        self.seen[id(node)] = rebuilt = node_type.rebuilt(node, parts)
        return rebuilt

    @override
    def listed(self, items: Any, parts: list[object]) -> object:
        if all(one is other for one, other in zip(items, parts, strict=True)):
            return items
        return items._make(parts) if hasattr(items, "_make") else type(items)(parts)
