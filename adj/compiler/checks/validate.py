"""Checks a clause on the line that adds it.

The first time that a structure is seen, Django builds its QuerySet, and its errors are raised at once with the facts.
Only the last clause is built, since the QuerySet of the clauses before it is kept. After that, only the types of new
values are compared with the table of `adj/schema/operands.py`; Django checks values of other types again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from django.db.models import Model
from typing_extensions import override

from adj.compiler.checks.judge import judge
from adj.compiler.checks.names import begins_with, names_in
from adj.compiler.django.build import build
from adj.compiler.django.partial import kept_queryset
from adj.compiler.keys.key_visitor import KeyWalk
from adj.compiler.keys.memo import Memo
from adj.schema.operands import operand_types
from adj.statement import clauses
from adj.statement.clauses import DjangoQuerySet
from adj.statement.key_chain import KeyChain, Parts, key_size, rounded
from adj.statement.statement import Statement
from adj.statement.structure import PLAIN_TYPES, Key, Partial, StatementHolder, Structure, Unkeyed

# Types of which Django accepts all values or none.
_UNIFORM_TYPES: frozenset[type] = frozenset(PLAIN_TYPES - {str, bytes, dict})

Accepted: TypeAlias = tuple[frozenset[type] | None, ...]

_MAXIMUM, _BYTES = 8_192, 16 * 2**20

_seen: Memo[Accepted] = Memo(_MAXIMUM, _BYTES)


def validate(
    query: StatementHolder, statement: Statement, whole: Structure | Unkeyed, added: Structure | Unkeyed
) -> Partial | None:
    """Check the last clause of a statement, which is added to that of `query`.

    `added` is the structure of that clause alone. Returns the QuerySet that Django has built, if it has built one.
    Raises `UnknownField`, `UnknownLookup`, `InvalidOperand`, `ShapeError` or `UnsupportedFeature`, or Django's own
    error if adj has no class for it.
    """
    if isinstance(whole, Unkeyed) or isinstance(added, Unkeyed):
        return judge(statement, kept_queryset(query))
    key = (statement.model, whole.key, _prefetched(statement.clauses[-1]))
    try:
        accepted = _seen.get(key)
    except TypeError:
        # A list instead of a name has no hash.
        return judge(statement, kept_queryset(query))
    if accepted is None:
        before = kept_queryset(query)
        partial = judge(statement, before)
        try:
            _seen.add(key, _accepted(statement, before), _size(*key))
        except RecursionError:
            # The walk over the values needs one frame more than the one over the key.
            return partial
        return partial
    if accepted and not _are_accepted(added.values, accepted):
        return judge(statement, kept_queryset(query))
    return query._partial


def _prefetched(clause: clauses.Clause) -> Key:
    """The paths of a prefetch and the classes of its queries, which do not change the SQL."""
    if not isinstance(clause, clauses.Prefetch):
        return None
    return tuple(
        (getattr(lookup, "prefetch_to", lookup), type(getattr(lookup, "queryset", None))) for lookup in clause.lookups
    )


def _size(model: type[Model], key: KeyChain | Parts, prefetched: Key) -> int:
    """The bytes that the memo keeps alive for a structure; the part shared with another one is counted once."""
    if not isinstance(key, KeyChain):
        return rounded(_ENTRY + key_size(key) + key_size(prefetched))
    is_before_known = key.before is not None and (model, key.before, None) in _seen
    return (key.own_size if is_before_known else key.size) + rounded(_ENTRY + key_size(prefetched))


# The bytes of an entry of the memo, without its key.
_ENTRY = 500


def _are_accepted(values: tuple[object, ...], accepted: Accepted) -> bool:
    for value, types in zip(values, accepted, strict=True):
        if types is None or type(value) in types:
            continue
        if not isinstance(value, (list, tuple, set, frozenset, range)):
            return False
        if not types.issuperset(map(type, value)):
            return False
    return True


class _PathWalk(KeyWalk):
    """The walk that also notes the path of each value."""

    __slots__ = ("paths",)

    def __init__(self, model: type[Model]) -> None:
        super().__init__(model)
        self.paths: list[str | None] = []

    @override
    def pairs(self, pairs: Mapping[str, object]) -> Key:
        return tuple([key for _, key in self.lookups(pairs)])

    @override
    def operand(self, path: str | None, value: object) -> Key:
        self._note(None)
        key = super().operand(path, value)
        is_value = not hasattr(value, "resolve_expression") and not isinstance(value, StatementHolder)
        self._note(path if is_value else None)
        return key

    def _note(self, path: str | None) -> None:
        """Note the path of the values since the last call."""
        self.paths.extend([path] * (len(self.values) - len(self.paths)))

    def paths_and_values(self) -> list[tuple[str | None, object]]:
        """Each value, with its path if it is the operand of a lookup."""
        self._note(None)
        return list(zip(self.paths, self.values, strict=True))


def _accepted(statement: Statement, before: DjangoQuerySet | None = None) -> Accepted:
    """For each value of the last clause, the types that need no further check; `before` is the QuerySet without it."""
    clause = statement.clauses[-1]
    if not clause.has_conditions:
        return ()
    walk = _PathWalk(statement.model)
    _ = clause.key(walk)
    known = names_in(build(replace(statement, clauses=statement.clauses[:-1])) if before is None else before)
    return tuple(
        None if path is None else _types_for(statement.model, path, value, known)
        for path, value in walk.paths_and_values()
    )


def _types_for(model: type[Model], path: str, value: object, known: frozenset[str]) -> frozenset[type]:
    """The types of the table; otherwise the type that Django has just accepted, if it accepts all its values."""
    types = None if begins_with(path, known) else operand_types(model, path)
    if types is not None:
        return types
    items = value if isinstance(value, (list, tuple, set, frozenset, range)) else (value,)
    return _UNIFORM_TYPES.intersection(map(type, items))
