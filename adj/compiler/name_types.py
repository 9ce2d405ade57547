"""Whether what stands where names belong is a name: a list of them is the usual mistake."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch

from adj import statement as ask
from adj.compiler.text import query_text
from adj.errors import ShapeError
from adj.statement import Statement


def check_name_types(statement: Statement) -> None:
    """Check the arguments of the last clause, where it takes names. Raises `ShapeError`."""
    match clause := statement.clauses[-1]:
        case ask.Only(names) | ask.Defer(names) | ask.SelectRelated(names) | ask.Distinct(names):
            wrong = [name for name in names if not isinstance(name, str)]
        case ask.Prefetch(lookups):
            wrong = [lookup for lookup in lookups if not isinstance(lookup, (str, Prefetch))]
        case ask.Values(names) | ask.ValuesList(names):
            wrong = [name for name in names if not isinstance(name, str) and not hasattr(name, "resolve_expression")]
        case ask.Dates(name) | ask.Datetimes(name):
            wrong = [] if isinstance(name, str) else [name]
        case _:
            return
    # `defer(None)` and its like clear; where they do not, Django says so.
    if wrong and wrong != [None]:
        raise ShapeError(
            query=query_text(statement),
            reason=f"{_METHODS[type(clause)]}() takes names, got {type(wrong[0]).__name__}.",
            advice="Give each name as an argument of its own, and those of a list as `*names`.",
        )


_METHODS: dict[type[Any], str] = {
    ask.Only: "only",
    ask.Defer: "defer",
    ask.SelectRelated: "select_related",
    ask.Distinct: "distinct",
    ask.Prefetch: "prefetch_related",
    ask.Values: "values",
    ask.ValuesList: "values_list",
    ask.Dates: "dates",
    ask.Datetimes: "datetimes",
}
