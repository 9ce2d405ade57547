"""Computes the key of operands, which holds everything that can change the SQL, and a flat list of their values.

Operands without a key raise `Uncacheable`, which is normal: such a statement is compiled at every run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NoReturn, TypeAlias

from django.db.models import Field, Model
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.reverse_related import ForeignObjectRel
from typing_extensions import override

from adj.compiler.keys.constants import constant_key
from adj.compiler.keys.name_keys import name_key, name_keys
from adj.compiler.keys.node_types import NodeType
from adj.compiler.keys.nodes import field_key
from adj.compiler.keys.walk import Walk
from adj.compiler.slots.lookup_paths import is_local_path
from adj.statement.clauses import Clause, DjangoQuerySet, Slice
from adj.statement.statement import Statement
from adj.statement.structure import (
    PLAIN_TYPES,
    TOO_DEEP,
    Key,
    StatementHolder,
    Structure,
    Uncacheable,
    Unkeyed,
    extended,
)

DescribeStatement: TypeAlias = Callable[[Statement], Structure | Unkeyed]


class KeyWalk(Walk[Key]):
    """The walk that computes keys and collects values.

    `describe_nested` computes the structures of nested queries; without it they keep the structures from their lines.
    """

    __slots__ = ("constants", "describe_nested", "is_local", "values")

    def __init__(self, model: type[Model] | None = None, describe_nested: DescribeStatement | None = None) -> None:
        # Called for every query: this sets the attributes of `Walk` without another call.
        self.model = model
        self.is_opaque = self.was_opaque = self.is_local = False
        self.seen = {}
        self.describe_nested = describe_nested
        self.values: list[object] = []
        self.constants: list[int] = []

    def structure(self, *key: Key, bounds: tuple[int | None, int | None] | None = None) -> Structure:
        """The structure of the walk, under a key."""
        return Structure(key, tuple(self.values), tuple(self.constants), self.is_local, bounds)

    def mapping(self, named: Mapping[str, object]) -> Key:
        """Named expressions, in their own order."""
        return tuple([(name_key(name), self.node(expression)) for name, expression in named.items()])

    def pairs(self, pairs: Mapping[str, object]) -> Key:
        """`path=operand` pairs."""
        if len(pairs) == 1:
            ((path, operand),) = pairs.items()
            if type(operand) in PLAIN_TYPES:
                # The common case of `operand()` and `slot()`, inlined.
                if LOOKUP_SEP in path:
                    self.path(path)
                self.values.append(operand)
                operand_type: type = type(operand)
                return ((path if type(path) is str else name_key(path), operand_type),)
            return ((name_key(path), self.operand(path, operand)),)
        return tuple([(path if type(path) is str else name_key(path), key) for path, key in self.lookups(pairs)])

    def name(self, name: object) -> Key:
        """A name of a column, or an expression in its place."""
        if not isinstance(name, str):
            return self.node(name)
        self.path(name)
        return name if type(name) is str else name_key(name)

    # -- leaves and nodes ----------------------------------------------------------------------------------------------

    def names(self, names: Iterable[object]) -> tuple[Key, ...]:
        """Names that no expression can stand for."""
        return name_keys(names)

    def refuse(self, reason: str) -> NoReturn:
        """Raise `Uncacheable`."""
        raise Uncacheable(reason)

    @override
    def path(self, path: str) -> None:
        if is_local_path(path):
            self.is_local = True

    @override
    def local(self) -> None:
        self.is_local = True

    @override
    def slot(self, value: object, *, is_member: bool = False) -> Key:
        if is_member:
            self.constants.append(len(self.values))
        self.values.append(value)
        # The keys of everything else are tuples. The annotation is for mypy, which rejects `type[object]` as a key.
        value_type: type = type(value)
        return value_type

    @override
    def sequence(self, items: Collection[object], *, has_length: bool) -> Key:
        self.values.append(items)
        # The types are structure: Django checks the models of instances while building, omits None from the SQL, and
        # treats it differently in negated conditions.
        types = frozenset(map(type, items))
        return ("sequence", len(items) if has_length else None, types)

    @override
    def constant(self, value: object) -> Key:
        if isinstance(value, (Field, ForeignObjectRel)):
            return field_key(value)
        return constant_key(value)

    @override
    def nested(self, holder: StatementHolder) -> Key:
        """A nested query: its structure is part of this one; its slice is not a slot."""
        if self.is_opaque:
            raise Uncacheable("a query inside an expression that may look at its values")
        structure = self.describe_nested(holder.statement) if self.describe_nested else holder.structure
        if isinstance(structure, Unkeyed):
            raise Uncacheable(structure.reason)
        offset = len(self.values)
        self.values.extend(structure.values)
        self.constants.extend(offset + index for index in structure.constants)
        self.is_local = self.is_local or structure.is_local
        return ("query", holder.statement.model, structure.key, structure.bounds, holder.statement.alias)

    @override
    def entered(self, node: object) -> tuple[int, int]:
        return len(self.seen), len(self.values)

    @override
    def again(self, node: object) -> Key:
        return ("again", self.seen[id(node)][0])

    @override
    def composed(self, node_type: NodeType[object], node: object, parts: list[Key]) -> Key:
        start = self.seen[id(node)][1]
        if len(self.values) > start and node_type.compares_arguments:
            # Django compares expressions by their constructor arguments, which include these values.
            # They are in ascending order.
            del self.constants[bisect_left(self.constants, start) :]
            self.constants.extend(range(start, len(self.values)))
        return (type(node), node_type.head(node), tuple(parts))

    @override
    def listed(self, items: object, parts: list[Key]) -> Key:
        return (type(items), tuple(parts))


def structure_of_statement(statement: Statement) -> Structure | Unkeyed:
    """The structure of a statement with its current operands, including those of nested queries."""
    if statement.project is not None and statement.project.reason is not None:
        return Unkeyed(statement.project.reason)
    describe_nested = structure_of_statement
    base = statement.base
    structure = Structure(()) if base is None else base_structure(base, describe_nested)
    for clause in statement.clauses:
        structure = extended(structure, structure_of(statement.model, clause, describe_nested))
    return structure


def structure_of(
    model: type[Model], clause: Clause, describe_nested: DescribeStatement | None = None
) -> Structure | Unkeyed:
    """The structure of one clause of a statement about a model; `Unkeyed` if a part of it has no key.

    A nested query keeps the structure from its own line unless `describe_nested` computes it again.
    """
    walk = KeyWalk(model, describe_nested)
    try:
        key = clause.key(walk)
        if type(clause) is Slice:
            return Structure((key,), bounds=clause.bounds)
        return walk.structure(key) if key is not None else Structure(())
    except Uncacheable as uncacheable:
        return Unkeyed(str(uncacheable))
    except RecursionError:
        # The walk uses more frames per level than Django.
        return Unkeyed(TOO_DEEP)


def describe_operands(
    model: type[Model], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> Structure | Unkeyed:
    """The structure of a terminal method's operands: expressions of `aggregate()`, names of `aearliest()`."""
    walk = KeyWalk(model)
    try:
        names = tuple([walk.name(name) for name in args])
        return walk.structure(names, walk.mapping(kwargs))
    except Uncacheable as uncacheable:
        return Unkeyed(str(uncacheable))
    except RecursionError:
        return Unkeyed(TOO_DEEP)


def base_structure(queryset: DjangoQuerySet, describe_nested: DescribeStatement | None = None) -> Structure | Unkeyed:
    """The structure of a QuerySet that a statement starts from."""
    walk = KeyWalk(queryset.model, describe_nested)
    try:
        return walk.structure(walk.node(queryset))
    except Uncacheable as uncacheable:
        return Unkeyed(str(uncacheable))
    except RecursionError:
        return Unkeyed(TOO_DEEP)
