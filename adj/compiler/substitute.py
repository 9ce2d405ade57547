"""The walk of a `Describer` once more: operands as they are, or with slots where the describer counted a value.

Private Django API used here: `Query.__dict__`, `Expression.__dict__`, `tree.Node.children`, `QuerySet._query`,
`QuerySet._chain`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from django.db.models import Field, Q, QuerySet, Value
from django.db.models.expressions import BaseExpression, CombinedExpression, F
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.lookups import Lookup
from django.db.models.query_utils import FilteredRelation
from django.db.models.sql.datastructures import BaseTable, Join
from django.db.models.sql.query import Query
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode

from adj.compiler.nodes import (
    CONSTANT_TYPES,
    INSPECTED_TYPES,
    holds_expression,
    is_number,
    structural_names,
)
from adj.compiler.slots import Slot, SlottedPreparedLookup, SlottedValue, mark
from adj.compiler.structure import PLAIN_TYPES, SEQUENCE_TYPES, StatementHolder
from adj.statement import Statement


class Verbatim:
    """Gives Django the operands as they are; a nested query becomes the QuerySet it stands for."""

    def fresh(self) -> Verbatim:
        """The operands of another clause."""
        return self

    def lookups(self, pairs: Mapping[str, object]) -> dict[str, Any]:
        """`path=operand` pairs."""
        return {path: self.operand(pairs[path]) for path in sorted(pairs)}

    def operand(self, value: Any) -> Any:
        """One operand of a lookup."""
        return self.node(value)

    def node(self, node: Any) -> Any:
        """One expression."""
        if isinstance(node, StatementHolder):
            return node.queryset
        if type(node) in (list, tuple, set) and any(isinstance(item, StatementHolder) for item in node):
            return type(node)(self.node(item) for item in node)
        return node


class Substituter:
    """The walk of a `Describer` once more, with slots in place of the values."""

    def __init__(self, slots: Iterator[Slot], build: Callable[[Statement, Substituter], QuerySet[Any, Any]]) -> None:
        self.slots = slots
        self.build = build
        self.seen: dict[int, Any] = {}

    def fresh(self) -> Substituter:
        """The operands of another clause: the slots go on, but an object met before is described anew."""
        return Substituter(self.slots, self.build)

    def lookups(self, pairs: Mapping[str, object]) -> dict[str, Any]:
        """`path=operand` pairs, in the order of their keys."""
        return {path: self.operand(pairs[path]) for path in sorted(pairs)}

    def operand(self, value: Any) -> Any:
        """An operand: a slot wherever the describer counted a value."""
        if type(value) in PLAIN_TYPES:
            return next(self.slots)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, StatementHolder):
            return self.holder(value)
        if hasattr(value, "resolve_expression"):
            return self.node(value)
        if isinstance(value, SEQUENCE_TYPES):
            return self.sequence(value)
        return next(self.slots)

    def sequence(self, items: Any) -> Any:
        """A list of operands."""
        if any(map(holds_expression, items)):
            return type(items)([self.operand(item) for item in items])
        return next(self.slots) if len(items) else items

    def holder(self, holder: StatementHolder) -> QuerySet[Any, Any]:
        """A nested query, built with its own share of the slots."""
        return self.build(holder.statement, self)

    def node(self, node: Any) -> Any:
        """Anything that may stand in an expression; what holds no slot stays the user's own object."""
        if isinstance(node, CONSTANT_TYPES):
            return node
        if isinstance(node, StatementHolder):
            return self.holder(node)
        if isinstance(node, (list, tuple)):
            return self.rebuilt_list(node)
        if isinstance(node, (Field, ForeignObjectRel)):
            return node
        if id(node) in self.seen:
            return self.seen[id(node)]
        self.seen[id(node)] = node
        self.seen[id(node)] = substitute = next(
            substitution(self, node) for kind, substitution in _SUBSTITUTIONS if isinstance(node, kind)
        )
        return substitute

    def rebuilt_list(self, items: Any) -> Any:
        """A list, a tuple or a named tuple of nodes."""
        substitutes = [self.node(item) for item in items]
        if all(one is other for one, other in zip(items, substitutes, strict=True)):
            return items
        return items._make(substitutes) if hasattr(items, "_make") else type(items)(substitutes)

    def q(self, node: Q) -> Q:
        """A Q with slots in its conditions."""
        children: list[Any] = [
            (child[0], self.operand(child[1])) if isinstance(child, tuple) else self.node(child)
            for child in node.children
        ]
        return type(node).create(children=children, connector=node.connector, negated=node.negated)

    def value(self, node: Value) -> Value:
        """A constant: marked, unless its key holds it."""
        return node if isinstance(node.value, INSPECTED_TYPES) else self.marked(node)

    def marked(self, node: Value) -> Value:
        """A marked copy of a constant."""
        marked = copy.copy(node)
        mark(marked, SlottedValue, "value", next(self.slots))
        return marked

    def lookup(self, node: Lookup[Any]) -> Any:
        """A lookup; its direct right-hand side becomes a slot."""
        substitute = copy.copy(node)
        substitute.lhs = self.node(node.lhs)
        if not node.rhs_is_direct_value():
            substitute.rhs = self.node(node.rhs)
        else:
            right = self.operand(node.rhs)
            if type(right) is Slot:
                mark(substitute, SlottedPreparedLookup, "rhs", right)
        for name in structural_names(node, "lhs", "rhs"):
            substitute.__dict__[name] = self.node(node.__dict__[name])
        return substitute

    def queryset(self, node: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """A Django QuerySet around a Query with slots."""
        query = self.node(node.query)
        substitute: QuerySet[Any, Any] = node._chain()  # type: ignore[attr-defined]  # QuerySet's own copy method
        substitute._query = query  # type: ignore[attr-defined]  # the setter of `query` resets the row shape
        return substitute

    def query(self, node: Query) -> Query:
        """A copy of a Django Query with slots."""
        clone = node.clone()
        for name in structural_names(node):
            clone.__dict__[name] = self.node(node.__dict__[name])
        return clone

    def where(self, node: Any) -> Any:
        """A copy of a WHERE tree with slots."""
        return type(node).create(
            children=[self.node(child) for child in node.children], connector=node.connector, negated=node.negated
        )

    def mapping(self, node: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """A dict of nodes."""
        substitutes = {key: self.node(value) for key, value in node.items()}
        return node if all(node[key] is value for key, value in substitutes.items()) else substitutes

    def combined(self, node: CombinedExpression) -> Any:
        """Arithmetic, whose whole numbers are slots as well."""
        substitute = copy.copy(node)
        substitute.lhs, substitute.rhs = self.term(node.lhs), self.term(node.rhs)
        return substitute

    def term(self, node: Any) -> Any:
        """One side of an arithmetic expression."""
        if not is_number(node):
            return self.node(node)
        self.seen[id(node)] = marked = self.marked(node)
        return marked

    def expression(self, node: Any) -> Any:
        """A copy of an expression, if something in it changed."""
        changed = {}
        for name in structural_names(node):
            value = node.__dict__[name]
            if (substitute := self.node(value)) is not value:
                changed[name] = substitute
        if not changed:
            return node
        clone = copy.copy(node)
        clone.__dict__.update(changed)
        return clone


_SUBSTITUTIONS: tuple[tuple[type | tuple[type, ...], Callable[[Substituter, Any], Any]], ...] = (
    (Q, Substituter.q),
    (F, lambda substituter, node: node),
    (Value, Substituter.value),
    (Lookup, Substituter.lookup),
    (CombinedExpression, Substituter.combined),
    (Query, Substituter.query),
    (QuerySet, Substituter.queryset),
    (NothingNode, lambda substituter, node: node),
    (WhereNode, Substituter.where),
    (ExtraWhere, lambda substituter, node: node),
    (Mapping, Substituter.mapping),
    ((set, frozenset), lambda substituter, node: node),
    (partial, lambda substituter, node: node),
    ((BaseExpression, BaseTable, Join, FilteredRelation), Substituter.expression),
)
