"""Write the state of a row into the keys of a TypedDict, and read it back: the only module that knows these keys.

mypy compares, joins and narrows rows by that TypedDict, so each fact about a row is one key. Relations and annotations
are keys with their own names and types. All other facts are keys that cannot be the name of an attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mypy.types import NoneType, Type, TypedDictType

from adj_mypy.boundary.types import any_type
from adj_mypy.expressions.names import Names
from adj_mypy.models.project import ModelClass, relations
from adj_mypy.row_state.clauses import Clauses
from adj_mypy.row_state.state import NOTHING, State

_OPEN: Final = "*"
"""There may be annotations whose names are not known."""

_DEFERRED: Final = "-"
"""Before the name of a deferred column, and before the keys of clauses."""

_ONLY, _DEFER, _PREFETCHED, _EVERY_JOIN = "only ", "defer ", "prefetched ", "every join"
"""The keys of clauses; names of columns contain no space."""

_FORGOTTEN, _REGAINED, _UNKNOWN = "!", "+", "?"
"""Before the name of a relation or column that was forgotten, or loaded later; alone: known only at run time.

mypy narrows variables and never widens them, so forgetting a relation adds a key.
"""

_PREFIXES: Final = (_OPEN, _DEFERRED, _FORGOTTEN, _REGAINED, _UNKNOWN)


def encode(state: State) -> dict[str, Type]:
    """Return the items of the TypedDict that stands for a state."""
    return {**encode_annotations(state), **state.loaded, **{key: NoneType() for key in _facts(state)}}


def encode_annotations(state: State) -> dict[str, Type]:
    """Return the items for the annotations alone."""
    return {**state.annotations, **({_OPEN: any_type()} if state.annotations.is_open else {})}


def _facts(state: State) -> Iterator[str]:
    yield from (_DEFERRED + key for key in sorted({*state.deferred, *_keys_of_clauses(state.clauses)}))
    yield from (_FORGOTTEN + name for name in sorted(state.forgotten))
    yield from (_REGAINED + name for name in sorted(state.regained))
    if state.is_unknown:
        yield _UNKNOWN


def _keys_of_clauses(clauses: Clauses) -> Iterator[str]:
    prefix = _DEFER if clauses.is_defer else _ONLY
    yield from (prefix + name for name in clauses.columns)
    yield from (_PREFETCHED + path for path in clauses.prefetched)
    if clauses.joins_every:
        yield _EVERY_JOIN


def decode(model: ModelClass, known: TypedDictType) -> State | None:
    """Return the state that a TypedDict stands for; None if it is known only at run time."""
    if not known.items:
        return NOTHING
    if _UNKNOWN in known.items:
        return None
    names, missing = relations(model), _after(_DEFERRED, known.items)
    loaded = {key: typ for key, typ in known.items.items() if key in names}
    annotations = {key: typ for key, typ in known.items.items() if key not in names and not key.startswith(_PREFIXES)}
    return State(
        loaded,
        Names(annotations, _OPEN in known.items),
        frozenset(name for name in missing if " " not in name),
        frozenset((loaded.keys() | annotations) - known.required_keys),
        _after(_FORGOTTEN, known.items),
        _after(_REGAINED, known.items),
        clauses=_clauses(missing),
    )


def _clauses(keys: frozenset[str]) -> Clauses:
    only, deferred = _after(_ONLY, keys), _after(_DEFER, keys)
    return Clauses(only or deferred, not only, _after(_PREFETCHED, keys), _EVERY_JOIN in keys)


def _after(prefix: str, keys: Iterable[str]) -> frozenset[str]:
    return frozenset(key.removeprefix(prefix) for key in keys if key.startswith(prefix))
