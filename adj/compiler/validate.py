"""Whether a clause fits, judged on the line that adds it.

Django is the judge: the first time that a structure is seen, its QuerySet is built at once, and whatever Django raises
is raised there, with the facts. After that only the types of new values are looked at, and what the table of
`adj/schema/operands.py` does not vouch for is put to Django again.
"""

from __future__ import annotations

import threading
from typing import Any

from django.db.models import Model
from typing_extensions import override

from adj import statement as ask
from adj.compiler.describe import KeyWalk
from adj.compiler.judge import judge
from adj.compiler.names import begins_with, known_names
from adj.compiler.structure import PLAIN_TYPES, Key, StatementHolder, Structure, Unkeyed
from adj.schema.operands import operand_types
from adj.statement import Statement

_MAXIMUM = 8_192

# Types of which Django takes any value if it takes one.
_STEADY: frozenset[type] = frozenset(PLAIN_TYPES - {str, bytes, dict})

Accepted = tuple[frozenset[type] | None, ...]

_seen: dict[Key, Accepted] = {}
_lock = threading.Lock()


def validate(statement: Statement, whole: Structure | Unkeyed, added: Structure | Unkeyed) -> None:
    """Check the last clause of a statement; `added` is the structure of that clause alone.

    Raises `UnknownField`, `UnknownLookup`, `InvalidOperand`, `ShapeError` or `UnsupportedFeature`, or what Django
    raises where adj has no class of its own.
    """
    if isinstance(whole, Unkeyed) or isinstance(added, Unkeyed):
        judge(statement)
        return
    key = (statement.model, whole.key, _prefetched(statement.clauses[-1]))
    try:
        accepted = _seen.get(key)
    except TypeError:
        # A list where a name belongs has no hash.
        judge(statement)
        raise
    if accepted is None:
        judge(statement)
        _remember(key, _accepted(statement))
    elif accepted and not _are_accepted(added.values, accepted):
        judge(statement)


def _prefetched(clause: ask.AnyClause) -> Key:
    """The paths of a prefetch, which are in no structure, as they do not change the SQL."""
    if not isinstance(clause, ask.Prefetch):
        return None
    return tuple(getattr(lookup, "prefetch_to", lookup) for lookup in clause.lookups)


def _remember(key: Key, accepted: Accepted) -> None:
    with _lock:
        if len(_seen) >= _MAXIMUM:
            _seen.clear()
        _seen[key] = accepted


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
    """The walk that also notes which path each value belongs to."""

    __slots__ = ("paths",)

    def __init__(self, model: type[Model]) -> None:
        super().__init__(model)
        self.paths: list[str | None] = []

    @override
    def operand(self, path: str | None, value: Any) -> Key:
        self._note(None)
        key = super().operand(path, value)
        is_value = not hasattr(value, "resolve_expression") and not isinstance(value, StatementHolder)
        self._note(path if is_value else None)
        return key

    def _note(self, path: str | None) -> None:
        """Note the path of the values that were met since the last call."""
        self.paths.extend([path] * (len(self.values) - len(self.paths)))

    def paths_and_values(self) -> list[tuple[str | None, object]]:
        """Each value, with its path if it is the operand of a lookup."""
        self._note(None)
        return list(zip(self.paths, self.values, strict=True))


def _accepted(statement: Statement) -> Accepted:
    """For each value of the last clause, the types that need no second look."""
    clause = statement.clauses[-1]
    walk = _PathWalk(statement.model)
    match clause:
        case ask.Filter():
            for condition in clause.args:
                walk.node(condition)
            walk.lookups(clause.kwargs)
        case ask.ComplexFilter(condition) if isinstance(condition, dict):
            walk.lookups(condition)
        case ask.ComplexFilter(condition):
            walk.node(condition)
        case _:
            return ()
    known = known_names(statement)
    return tuple(
        None if path is None else _types_for(statement.model, path, value, known)
        for path, value in walk.paths_and_values()
    )


def _types_for(model: type[Model], path: str, value: object, known: frozenset[str]) -> frozenset[type]:
    """The types of the table; without an entry, those that Django has just taken and need no reading, as text does."""
    types = None if begins_with(path, known) else operand_types(model, path)
    if types is not None:
        return types
    items = value if isinstance(value, (list, tuple, set, frozenset, range)) else (value,)
    return _STEADY.intersection(map(type, items))
