"""Report methods that cannot follow earlier ones: after a slice, `union()`, `values()` or `into()`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from mypy.nodes import CallExpr, Expression, IntExpr, SliceExpr, StrExpr, UnaryExpr
from mypy.types import Type

from adj.errors import QueryError
from adj.schema.paths import resolve
from adj_mypy.boundary.codes import SHAPE
from adj_mypy.calls.call import Call, Query
from adj_mypy.calls.chain import SLICE, steps_before
from adj_mypy.models.project import SEPARATOR

COMBINING: Final = frozenset({"union", "intersection", "difference"})

ORDERING: Final = ("distinct", "order_by")
LATEST: Final = frozenset({"aearliest", "alatest"})
WRITING: Final = frozenset({"aupdate", "adelete"})

NOT_AFTER_SLICE: Final = frozenset(
    {
        *("filter", "exclude", "aget", "aget_or_none", "order_by", "reverse", "distinct"),
        *("dates", "datetimes", "extra", "ain_bulk", "aearliest", "alatest", "alast", "page", *WRITING),
    }
)
"""The methods that Django refuses after a slice."""

FILTERING: Final = frozenset({"filter", "exclude", "aget", "aget_or_none"})
"""Those that it accepts without arguments."""

NOT_AFTER_COMBINING: Final = frozenset(
    {
        *("filter", "exclude", "distinct", "extra", "select_related", "prefetch_related", "annotate", "alias"),
        *("defer", "only", "acontains", *WRITING),
    }
)
"""The methods that Django refuses after `union()` and similar methods."""

_CHOOSING: Final = frozenset({"values", "values_list", "into"})
"""The methods that choose the columns of rows."""

CHECKED: Final = NOT_AFTER_SLICE | NOT_AFTER_COMBINING
"""The methods that are checked."""


def check(call: Call) -> Type:
    """Report a method that cannot follow an earlier one."""
    query = call.query
    problem = None if query is None else next(_problems(call, query, list(steps_before(call))), None)
    if problem is not None:
        call.fail(problem, call.context.context, SHAPE)
    return call.result


def index(call: Call) -> Type:
    """`query[-1]`: report a negative index."""
    for argument in call.positional():
        bounds = [argument.expression]
        if isinstance(argument.expression, SliceExpr):
            bounds = [bound for bound in (argument.expression.begin_index, argument.expression.end_index) if bound]
        if any(
            isinstance(bound, UnaryExpr) and bound.op == "-" and isinstance(bound.expr, IntExpr) for bound in bounds
        ):
            message = "a query has no negative index; reverse its order, and count from the start"
            call.fail(message, argument.expression, SHAPE)
    return call.result


def _problems(call: Call, query: Query, steps: Sequence[tuple[str, Expression]]) -> Iterator[str]:
    name, has_arguments = call.name, any(call.context.args)
    names = [step for step, _ in steps]
    if name in NOT_AFTER_SLICE and _is_sliced(names) and (has_arguments or name not in FILTERING):
        remedy = "filter by the primary keys of the slice" if name in WRITING else "write [start:stop] after it"
        yield f"{name}() cannot follow a slice; {remedy}"
    if name in NOT_AFTER_COMBINING and "none" not in names:
        # An empty query returns the other one itself.
        yield from (f"{name}() cannot follow {combining}()" for combining in names if combining in COMBINING)
    if name == "annotate" and next((step for step in names if step in _CHOOSING), None) == "into":
        yield "annotate() cannot follow into(), whose class has no place for another column; call it before"
    if name == "adelete" and query.has_values:
        yield "adelete() cannot follow values() or values_list()"
    if name in WRITING and _names_in(steps, "distinct"):
        yield f"{name}() cannot follow distinct() with fields"
    if name in LATEST and not has_arguments and not query.model._meta.get_latest_by:
        yield f'{name}() requires fields, because {query.model.__name__} has no "get_latest_by" in its Meta'
    if name in ORDERING:
        yield from _not_distinct_first(call, query, steps)


def _is_sliced(names: Iterable[str]) -> bool:
    """Return whether the query is a slice; a slice that is combined with another query is a part of it."""
    return next((name for name in names if name == SLICE or name in COMBINING), None) == SLICE


# -- DISTINCT ON -------------------------------------------------------------------------------------------------------


def _not_distinct_first(call: Call, query: Query, steps: Sequence[tuple[str, Expression]]) -> Iterator[str]:
    """PostgreSQL requires that the order begins with the fields of `distinct()`."""
    own = [(call.name, step) for step in [call.context.context] if isinstance(step, Expression)]
    distinct, order = (_names_in([*own, *steps], method) for method in ORDERING)
    columns = {_column(query, name) for name in distinct or ()}
    if None in columns:
        return
    for name in order or ():
        column = _column(query, name.removeprefix("-"))
        if column is None or not columns:
            return
        if column not in columns:
            fields = ", ".join(f'"{name}"' for name in distinct or ())
            yield f"order_by() must begin with the fields of distinct(): {fields}"
            return
        columns.discard(column)


def _names_in(steps: Iterable[tuple[str, Expression]], method: str) -> list[str] | None:
    """Return the names in the last call of a method; None if there are none, or if they are known only at run time."""
    step = next((step for name, step in steps if name == method), None)
    names = (
        [argument.value for argument in step.args if isinstance(argument, StrExpr)]
        if isinstance(step, CallExpr)
        else []
    )
    return names if names and isinstance(step, CallExpr) and len(names) == len(step.args) else None


def _column(query: Query, path: str) -> str | None:
    """Return a path whose last part is the column; None for relations, and for annotations and keys of relations."""
    try:
        resolved = None if path in query.known.annotations else resolve(query.model, path)
    except QueryError:
        return None
    prefix, _, last = path.rpartition(SEPARATOR)
    if resolved is None or resolved.transforms or resolved.lookup != "exact" or last == "exact":
        return None
    field: Any = resolved.field
    if field.is_relation or (prefix and field.primary_key):
        return None
    return f"{prefix}{SEPARATOR}{field.attname}"
