"""Which columns are loaded: `only()` and `defer()`, for the model and its joined relations."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import FieldDoesNotExist, FieldError
from mypy.nodes import Context
from mypy.types import Type

from adj_mypy.boundary.codes import LOOKUP, SHAPE
from adj_mypy.boundary.words import suggestion
from adj_mypy.calls.call import Call, Query
from adj_mypy.models.project import SEPARATOR, ModelClass, target_of
from adj_mypy.row_state.clauses import Clauses
from adj_mypy.row_state.masks import Masking
from adj_mypy.row_state.row_types import plain_row, row_type, unknown_state
from adj_mypy.row_state.state import State


def only(call: Call) -> Type:
    """`only()`: the columns to load."""
    return _deferred(call, Clauses.only)


def defer(call: Call) -> Type:
    """`defer()`: columns to defer; None resets it."""
    return _deferred(call, Clauses.defer)


def _deferred(call: Call, chosen: Callable[[Clauses, ModelClass, frozenset[str]], Clauses]) -> Type:
    query = call.query
    if query is None or refused_after_values(call, query):
        return call.result
    before, state = query.known.clauses, query.row_state(call.project)
    if call.is_cleared("fields"):
        return with_rows(call, query, state, Clauses(prefetched=before.prefetched, joins_every=before.joins_every))
    names = call.texts("fields")
    if names is None:
        # Names that are known only at run time may be anything.
        return with_rows(call, query, state, Clauses(prefetched=before.prefetched, joins_every=before.joins_every))
    # "pk" is accepted by only(), and by defer() after only().
    takes_pk = call.name == "only" or not before.is_defer
    known = frozenset(name for name, at in names if _is_known(call, query, name, at, takes_pk=takes_pk))
    if not known:
        return call.result
    return with_rows(call, query, state, chosen(before, query.model, known))


def _is_known(call: Call, query: Query, name: str, at: Context, *, takes_pk: bool) -> bool:
    """Return whether Django accepts a name or path; report if not."""
    try:
        full = query.model._meta.pk.name if name == "pk" and takes_pk else name
        Clauses(columns=frozenset({full})).mask(query.model)
    except (FieldDoesNotExist, FieldError):
        call.fail(_problem(query.model, name), at, LOOKUP)
        return False
    return True


def _problem(model: ModelClass, path: str) -> str:
    """Return which part of a path is wrong, in one line."""
    current: ModelClass | None = model
    for part in path.split(SEPARATOR):
        names = {field.name: field for field in current._meta.get_fields()} if current is not None else {}
        if current is not None and part not in names:
            within = "" if part == path else f' (in "{path}")'
            return f'{current.__name__} has no field "{part}"{within}{suggestion(part, names)}'
        if current is None:
            break
        current = target_of(names[part])
    return f'"{path}" traverses a column of {model.__name__}, which only() and defer() cannot do'


def refused_after_values(call: Call, query: Query) -> bool:
    """Return whether the rows are values, for which Django raises; report it."""
    if not query.has_values:
        return False
    call.fail(f"{call.name}() cannot follow values() or values_list()", call.context.context, SHAPE)
    return True


def with_rows(call: Call, query: Query, state: State | None, clauses: Clauses) -> Type:
    """Return the query with rows of a state, without the columns that the clauses defer."""
    known = query.known.with_clauses(clauses)
    if state is None:
        return call.query_type(known=known)
    masked, conflicts = Masking(call.project, call.api, clauses).masked(query.model, state)
    for label in conflicts:
        message = f'"{label}" cannot be both deferred and traversed by select_related(); add it to only()'
        call.fail(message, call.context.context, SHAPE)
    return call.query_type(known=known, row=row_type(call.project, call.api, query.model, masked))


def with_unknown_rows(call: Call, query: Query) -> Type:
    """Return the query with rows of unknown state, for clauses known only at run time."""
    state = query.row_state(call.project)
    if state is None:
        return call.result
    unknown = unknown_state(call.project, call.api, query.model).with_annotations(state.annotations)
    if state.annotations:
        return call.query_type(row=row_type(call.project, call.api, query.model, unknown))
    return call.query_type(row=plain_row(call.project, call.api, query.model))
