"""Whether an expression may have different values for the same row when it is evaluated again.

Private Django API used here: `Expression.get_source_expressions`, `Subquery.query`, `Query.annotations`,
`Query.where`, `Query.order_by`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db.models import Window
from django.db.models.sql.query import Query
from django.db.models.sql.where import WhereNode

_CLASSES: Final = frozenset({"Random", "Now", "TransactionNow", "RandomUUID", "UUID4", "UUID7"})
_FUNCTIONS: Final = frozenset(
    {
        *("RANDOM", "RAND", "RANDOMBLOB", "UUID", "GEN_RANDOM_UUID", "UUIDV4", "UUIDV7", "NEXTVAL"),
        *("NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIME", "LOCALTIMESTAMP", "SYSDATE"),
        *("CLOCK_TIMESTAMP", "STATEMENT_TIMESTAMP", "TRANSACTION_TIMESTAMP", "CURDATE", "CURTIME", "UTC_TIMESTAMP"),
    }
)


def unstable_reason(node: object) -> str | None:
    """Why an expression cannot sort rows consistently across pages; None if it can."""
    for part in _nodes(node):
        if isinstance(part, Window):
            return "A window function depends on the other rows, so that the position of a row may change."
        if type(part).__name__ in _CLASSES or _function_of(part) in _FUNCTIONS:
            return f"{type(part).__name__} has another value each time, so that the position of a row may change."
        if isinstance(part, Query) and "?" in part.order_by:
            return "A nested query in a random order has another value each time."
    return None


def _function_of(node: object) -> str:
    """The SQL function of an expression, from its class or its arguments."""
    own = getattr(node, "extra", None)
    name = own.get("function") if isinstance(own, dict) else None
    return str(name or getattr(node, "function", None)).upper()


def _nodes(node: object) -> Iterator[object]:
    """An expression and all nested expressions, including nested queries."""
    yield node
    children: list[object]
    if isinstance(node, Query):
        children = [*node.annotations.values(), node.where, *(term for term in node.order_by if _is_node(term))]
    elif isinstance(node, WhereNode):
        children = [*node.children]
    else:
        children = [*getattr(node, "get_source_expressions", list)()]
    if (nested := getattr(node, "query", None)) is not None and isinstance(nested, Query):
        children = [*children, nested]
    for child in children:
        if _is_node(child):
            yield from _nodes(child)


def _is_node(value: object) -> bool:
    return hasattr(value, "resolve_expression") or isinstance(value, (Query, WhereNode))
