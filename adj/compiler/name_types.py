"""Whether what stands where names belong is a name: a list of them is the usual mistake."""

from __future__ import annotations

from adj.compiler.text import query_text
from adj.errors import ShapeError
from adj.statement import Statement


def check_name_types(statement: Statement) -> None:
    """Check the arguments of the last clause, where it takes names. Raises `ShapeError`."""
    clause = statement.clauses[-1]
    wrong = [name for name in clause.all_names() if not clause.takes(name)]
    # `defer(None)` and its like clear; where they do not, Django says so.
    if wrong and wrong != [None]:
        raise ShapeError(
            query=query_text(statement),
            reason=f"{clause.method}() takes names, got {type(wrong[0]).__name__}.",
            advice="Give each name as an argument of its own, and those of a list as `*names`.",
        )
