"""The walk that takes a clause apart: a hashable key of all that can change its SQL, and a flat list of values.

`adj/compiler/substitute.py` walks the same way and puts slots where the values were. The two must visit in the same
order; `tests/unit/test_keys.py` holds them to it. What cannot be keyed raises `Uncacheable`, which is a normal answer:
such a statement is compiled at every run.

Private Django API used here: `Query.__dict__`, `Expression.__dict__`, `tree.Node.children`, `QuerySet._db`,
`QuerySet._iterable_class`, `QuerySet._fetch_mode`, `TimezoneMixin`, `Expression._resolve_output_field`.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from django.db.models import Field, Model, Q, QuerySet, Value
from django.db.models.expressions import BaseExpression, CombinedExpression, F, RawSQL
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.functions.datetime import TimezoneMixin
from django.db.models.lookups import Lookup
from django.db.models.query_utils import FilteredRelation
from django.db.models.sql.datastructures import BaseTable, Join
from django.db.models.sql.query import Query
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode

from adj.compiler.nodes import (
    CONSTANT_TYPES,
    INSPECTED_TYPES,
    holds_expression,
    is_local_path,
    is_number,
    structural_names,
)
from adj.compiler.overrides import django_reason, query_reason
from adj.compiler.structure import (
    PLAIN_TYPES,
    SEQUENCE_TYPES,
    Key,
    StatementHolder,
    Structure,
    Uncacheable,
    Unkeyed,
)
from adj.statement import Statement

_LOOSELY_EQUAL = (float, decimal.Decimal, datetime.datetime, datetime.time)

DescribeStatement: TypeAlias = Callable[[Statement], Structure | Unkeyed]


class Describer:
    """One walk over the operands of a clause; collects the values it meets.

    A nested query is described by `describe_nested`, if given, and has the structure it was written with otherwise.
    """

    __slots__ = ("constants", "describe_nested", "is_local", "seen", "values")

    def __init__(self, describe_nested: DescribeStatement | None = None) -> None:
        self.describe_nested = describe_nested
        self.values: list[object] = []
        self.constants: list[int] = []
        self.is_local = False
        self.seen: dict[int, int] = {}

    def structure(self, *key: Key, bounds: tuple[int | None, int | None] | None = None) -> Structure:
        """The structure of the walk, under a key."""
        return Structure(key, tuple(self.values), tuple(self.constants), self.is_local, bounds)

    # -- operands of lookups ---------------------------------------------------------------------------------------

    def lookups(self, pairs: Mapping[str, object]) -> Key:
        """`path=operand` pairs, in the order in which Django's Q sorts them."""
        if len(pairs) == 1:
            ((path, operand),) = pairs.items()
            return ((self.path(path), self.operand(operand)),)
        return tuple((self.path(path), self.operand(pairs[path])) for path in sorted(pairs))

    def path(self, path: str) -> Key:
        """A lookup path; its transforms may ask for the current time zone."""
        if is_local_path(path):
            self.is_local = True
        return path

    def operand(self, value: object) -> Key:
        """The kind of an operand; the operand itself is a value if its kind is a slot."""
        if type(value) in PLAIN_TYPES:
            self.values.append(value)
            return "slot"
        if value is None or value is True or value is False:
            return ("constant", value)
        if isinstance(value, StatementHolder):
            return self.holder(value)
        if hasattr(value, "resolve_expression"):
            return self.node(value)
        if isinstance(value, SEQUENCE_TYPES):
            return self.sequence(value)
        self.values.append(value)
        # Which models' instances a relation takes is checked while Django builds, not by its lookup.
        return ("slot", type(value)) if isinstance(value, Model) else "slot"

    def sequence(self, items: Any) -> Key:
        """A list of operands: one slot, unless an item is an expression."""
        expressions = [holds_expression(item) for item in items]
        if any(expressions):
            if not all(expressions):
                # Django looks for expressions in a list itself, and would find a slot there.
                raise Uncacheable("a list of values and expressions")
            return (type(items), tuple(self.operand(item) for item in items))
        if not expressions:
            return ("empty", type(items))
        self.values.append(items)
        # Django treats a None among the members apart when the condition is negated.
        models = frozenset(type(item) for item in items if isinstance(item, Model))
        return ("sequence", len(items), None in items, models)

    def holder(self, holder: StatementHolder) -> Key:
        """A nested query: its structure is ours, its slice is not a slot."""
        structure = self.describe_nested(holder.statement) if self.describe_nested else holder.structure
        if isinstance(structure, Unkeyed):
            raise Uncacheable(structure.reason)
        offset = len(self.values)
        self.values.extend(structure.values)
        self.constants.extend(offset + index for index in structure.constants)
        self.is_local = self.is_local or structure.is_local
        return ("query", holder.statement.model, structure.key, structure.bounds, holder.statement.alias)

    def condition(self, condition: object) -> Key:
        """A positional argument of `filter()`: a Q or another conditional expression."""
        return self.node(condition)

    # -- expressions and queries -----------------------------------------------------------------------------------

    def node(self, node: Any) -> Key:
        """Anything that may stand in an expression."""
        if isinstance(node, CONSTANT_TYPES):
            # Decimal("1.0") equals Decimal("1.00"), and a moment equals itself elsewhere; their texts do not.
            return (type(node), node, repr(node)) if isinstance(node, _LOOSELY_EQUAL) else (type(node), node)
        if isinstance(node, StatementHolder):
            return self.holder(node)
        if isinstance(node, (list, tuple)):
            return (type(node), tuple(self.node(item) for item in node))
        if isinstance(node, (Field, ForeignObjectRel)):
            return field_key(node)
        if (position := self.seen.get(id(node))) is not None:
            return ("again", position)
        self.seen[id(node)] = len(self.seen)
        for kind, describe in _DESCRIPTIONS:
            if isinstance(node, kind):
                return describe(self, node)
        raise Uncacheable(f"{type(node).__name__} has no structure that adj knows")

    def q(self, node: Q) -> Key:
        """A Q: connector, negation and its conditions, in order."""
        return (type(node), node.connector, node.negated, tuple(self.q_child(child) for child in node.children))

    def q_child(self, child: Any) -> Key:
        """One condition of a Q: a `(path, operand)` pair or an expression."""
        if isinstance(child, tuple):
            path, operand = child
            return (self.path(path), self.operand(operand))
        return self.condition(child)

    def f(self, node: Any) -> Key:
        """A reference by name."""
        # The name of an OuterRef may be another OuterRef; a slice of an F keeps its bounds as attributes.
        name = self.path(node.name) if isinstance(node.name, str) else self.node(node.name)
        return (type(node), name, self.own_attributes(node, "name"))

    def value(self, node: Value) -> Key:
        """A constant inside an expression: a slot, unless the expressions around it may look at it."""
        value, field = node.value, self.output_field(node)
        own = self.own_attributes(node, "value", "output_field")
        if isinstance(value, INSPECTED_TYPES):
            return (type(node), type(value), value, field, own)
        self.constants.append(len(self.values))
        self.values.append(value)
        return (type(node), type(value), field, own)

    def lookup(self, node: Lookup[Any]) -> Key:
        """A lookup: of a ready-made query, or written as an expression."""
        right = self.operand if node.rhs_is_direct_value() else self.node
        # Its output field is its class's, and appears among its attributes when Django first asks for it.
        return (type(node), self.node(node.lhs), right(node.rhs), self.attributes(node, "lhs", "rhs", "output_field"))

    def queryset(self, node: QuerySet[Any, Any]) -> Key:
        """A Django QuerySet as an operand or as a base: what it selects, and what decides its rows."""
        if (reason := django_reason(node)) is not None:
            raise Uncacheable(reason)
        fields = getattr(node, "_fields", None)
        alias, iterable = getattr(node, "_db", None), getattr(node, "_iterable_class", None)
        # Rows carry the mode; Django has it from 6.1 on.
        mode = getattr(node, "_fetch_mode", None)
        return (type(node), alias, iterable, fields, mode, self.node(node.query))

    def query(self, node: Query) -> Key:
        """A Django Query: every attribute that it does not share with its class."""
        if (reason := query_reason(node)) is not None:
            raise Uncacheable(reason)
        return (type(node), node.model, self.attributes(node))

    def where(self, node: Any) -> Key:
        """A node of a WHERE tree."""
        return (type(node), node.connector, node.negated, tuple(self.node(child) for child in node.children))

    def mapping(self, node: Mapping[Any, Any]) -> Key:
        """A dict, in its own order: the order of annotations is the order of columns."""
        return tuple((self.node(key), self.node(value)) for key, value in node.items())

    def unordered(self, node: Any) -> Key:
        """A set of constants."""
        if not all(isinstance(item, CONSTANT_TYPES) for item in node):
            raise Uncacheable("a set of expressions")
        return frozenset(node)

    def combined(self, node: CombinedExpression) -> Key:
        """Arithmetic looks at no operand, so that its whole numbers are slots as well."""
        sides = (self.term(node.lhs), self.term(node.rhs))
        own = self.own_attributes(node, "connector", "lhs", "rhs", "output_field")
        return (type(node), node.connector, sides, self.output_field(node), own)

    def term(self, node: Any) -> Key:
        """One side of an arithmetic expression."""
        if not is_number(node):
            return self.node(node)
        self.seen[id(node)] = len(self.seen)
        self.constants.append(len(self.values))
        self.values.append(node.value)
        return (type(node), int, self.output_field(node))

    def output_field(self, node: Any) -> Key:
        """The declared output field of an expression, if it has one."""
        return None if _found_out(node) else field_key(node.__dict__["output_field"])

    def expression(self, node: Any) -> Key:
        """Any other expression: its class and its attributes."""
        if isinstance(node, TimezoneMixin) or not type(node).__module__.startswith("django."):
            self.is_local = True
        if isinstance(node, RawSQL) and node.params:
            raise Uncacheable("RawSQL with parameters")
        start = len(self.values)
        attributes = self.attributes(node, *(["output_field"] if _found_out(node) else []))
        # Expressions compare the arguments they were made of, and these are among them.
        self.constants = [index for index in self.constants if index < start] + [*range(start, len(self.values))]
        return (type(node), attributes)

    def attributes(self, node: Any, *without: str) -> Key:
        """The attributes of an object that are not computed from the others."""
        return tuple((name, self.node(node.__dict__[name])) for name in structural_names(node, *without))

    def own_attributes(self, node: Any, *known: str) -> Key:
        """What a node carries beside the attributes that are described already; it may hold no value."""
        count = len(self.values)
        key = self.attributes(node, *known)
        if len(self.values) > count:
            raise Uncacheable(f"{type(node).__name__} holds a value of its own")
        return key

    def extra_where(self, node: ExtraWhere) -> Key:
        """SQL written by hand."""
        if node.params:
            raise Uncacheable("extra() with parameters")
        return (type(node), tuple(node.sqls))

    def partial(self, node: partial[Any]) -> Key:
        """A function with arguments, as Django keeps some in its joins."""
        return (node.func, self.node(node.args), self.mapping(node.keywords))


_DESCRIPTIONS: tuple[tuple[type | tuple[type, ...], Callable[[Describer, Any], Key]], ...] = (
    (Q, Describer.q),
    (F, Describer.f),
    (Value, Describer.value),
    (Lookup, Describer.lookup),
    (CombinedExpression, Describer.combined),
    (Query, Describer.query),
    (QuerySet, Describer.queryset),
    (NothingNode, lambda describer, node: NothingNode),
    (WhereNode, Describer.where),
    (ExtraWhere, Describer.extra_where),
    (Mapping, Describer.mapping),
    ((set, frozenset), Describer.unordered),
    (partial, Describer.partial),
    ((BaseExpression, BaseTable, Join, FilteredRelation), Describer.expression),
)


def field_key(field: Any) -> Key:
    """A field of a model by its place; one made for an expression by what it is made of."""
    model = getattr(field, "model", None)
    if model is not None and field.name:
        return (model, field.name, type(field))
    _, path, args, kwargs = field.deconstruct()
    describer = Describer()
    # Some fields pass themselves off as another class there, for the sake of migrations.
    key = (type(field), path, describer.node(list(args)), describer.mapping(kwargs))
    if describer.values:
        raise Uncacheable(f"{path} holds a value")
    return key


def _found_out(node: Any) -> bool:
    """Whether the output field of an expression follows from its sources, whether or not Django has kept it already.

    Django keeps what it finds out on the user's own object, which would then be described as another one.
    """
    declared = node.__dict__.get("output_field")
    if declared is None:
        return True
    try:
        return bool(field_key(node._resolve_output_field()) == field_key(declared))
    # Of an expression that is not resolved yet nothing follows, and Django and projects raise what they like.
    except Exception:  # noqa: BLE001
        return False
