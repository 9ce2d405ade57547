"""Which relations are loaded: `select_related()` and `prefetch_related()`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mypy.nodes import Context
from mypy.types import Type

from adj_mypy.boundary.codes import LOOKUP, SHAPE
from adj_mypy.calls.call import Call
from adj_mypy.calls.prefetching import lookups
from adj_mypy.models.project import SEPARATOR
from adj_mypy.row_state.managers import trees as trees_of
from adj_mypy.row_state.row_types import unknown_state
from adj_mypy.row_state.state import State
from adj_mypy.row_state.trees import Fail
from adj_mypy.rows.deferred import refused_after_values, with_rows, with_unknown_rows
from adj_mypy.rows.prefetch_conflicts import conflict


def select_related(call: Call) -> Type:
    """`select_related()`: paths of single-valued relations; without names, all non-null foreign keys."""
    query = call.query
    if query is None or refused_after_values(call, query):
        return call.result
    clauses, before = query.known.clauses, query.row_state(call.project)
    state, names = before or State(), call.texts("fields")
    trees = trees_of(call.project, call.api, clauses.prefetched)
    if names is None and not call.is_cleared("fields"):
        return with_unknown_rows(call, query)
    if not names or clauses.joins_every:
        # Names replace an earlier call without names.
        state = trees.without_joins(query.model, state)
    if names == []:
        state = trees.with_every_join(query.model, state)
    for path, at in names or ():
        if path.partition(SEPARATOR)[0] not in query.known.annotations:
            state = trees.with_join(query.model, state, path, _failing(call, at))
    joined = frozenset(_steps(path for path, _ in names or ()))
    new = replace(clauses, prefetched=clauses.prefetched - joined, joins_every=names == [])
    return with_rows(call, query, None if before is None else state, new)


def prefetch_related(call: Call) -> Type:
    """`prefetch_related()`: paths of relations, and `Prefetch` objects."""
    query = call.query
    if query is None:
        return call.result
    clauses, before = query.known.clauses, query.row_state(call.project)
    trees = trees_of(call.project, call.api, clauses.prefetched)
    if call.is_cleared("lookups"):
        kept = None if before is None else trees.without_prefetches(query.model, before, query.known.annotations)
        return with_rows(call, query, kept, replace(clauses, prefetched=frozenset()))
    named = lookups(call)
    if named is None:
        return with_unknown_rows(call, query)
    is_row = call.project.model_of(query.row) is not None
    start = before or (unknown_state(call.project, call.api, query.model) if is_row else State())
    state, paths = start, set[str]()
    for lookup, at in named:
        problem = conflict(call, query, state if before is not None else State(annotations=state.annotations), lookup)
        if problem is not None:
            call.fail(problem, at, SHAPE)
            continue
        paths |= trees.new_steps(query.model, state, lookup)
        state = trees.with_prefetch(query.model, state, lookup, _failing(call, at))
    is_known = before is not None or (is_row and state.annotations != start.annotations)
    new = replace(clauses, prefetched=clauses.prefetched | paths)
    return with_rows(call, query, state if is_known else None, new)


def _failing(call: Call, at: Context) -> Fail:
    return lambda message: call.fail(message, at, LOOKUP)


def _steps(paths: Iterable[str]) -> Iterator[str]:
    """Yield each path and all of its beginnings."""
    for path in paths:
        parts = path.split(SEPARATOR)
        yield from (SEPARATOR.join(parts[:end]) for end in range(1, len(parts) + 1))
