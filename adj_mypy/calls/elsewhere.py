"""Annotations that a query may have although its type does not tell: from another branch or another function.

If a variable may be `q(Book)` or a query with annotations, mypy joins both types to the general one. And
`AsyncQuery[Book]` in an annotation is any query of books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from mypy.nodes import ARG_STAR2, CallExpr, Context, IndexExpr, MemberExpr, NameExpr, Node
from mypy.types import Instance, get_proper_type

from adj.errors import UnknownField
from adj_mypy.boundary.syntax import nodes_in
from adj_mypy.calls.call import Call
from adj_mypy.expressions.names import NAMING

_ANY_NAME: Final = "**"
_SHORT: Final = 2
"""Names up to this length are similar to too many others to call one a typo."""


def may_be_annotated(call: Call, error: UnknownField, known: Iterable[str]) -> bool:
    """Return whether an unknown field may be an annotation of the query, beside the known ones."""
    if call.query is not None and call.query.model.__name__ != error.model:
        return False
    if _is_named_around(call, error.part):
        return True
    return _is_any_query(call) and not is_misspelt(error.part, [*error.choices, *known])


def _is_any_query(call: Call) -> bool:
    """Return whether the state of a query's rows is unknown, and so its annotations are, too."""
    row = None if call.query is None else get_proper_type(call.query.row)
    if not isinstance(row, Instance) or call.project.model_of(row) is None:
        return False
    return bool(row.type.defn.type_vars) and not row.args


def _is_named_around(call: Call, name: str) -> bool:
    """Return whether the query is a variable, and the enclosing function or class adds such an annotation."""
    if not call.api.is_checker or not _is_variable(call.context.context):
        return False
    names = _named_in(*call.api.home())
    return name in names or _ANY_NAME in names


def _is_variable(asked: Context) -> bool:
    """Return whether a chain of methods begins with a variable or an attribute."""
    node: object = asked
    while isinstance(node, CallExpr) and isinstance(node.callee, MemberExpr):
        node = node.callee.expr
        if isinstance(node, IndexExpr):
            node = node.base
    return isinstance(node, (NameExpr, MemberExpr))


@lru_cache(maxsize=4)
def _named_in(around: Node, body: object) -> frozenset[str]:
    return frozenset(_names(around))


def _names(around: Node) -> Iterator[str]:
    for node in nodes_in(around):
        if isinstance(node, CallExpr) and isinstance(node.callee, MemberExpr) and node.callee.name in NAMING:
            yield from (name for name in node.arg_names if name is not None)
            if ARG_STAR2 in node.arg_kinds:
                yield _ANY_NAME


def is_misspelt(name: str, choices: Iterable[str]) -> bool:
    """Return whether a name differs from another by one letter: added, missing, wrong or transposed."""
    return len(name) > _SHORT and any(_is_one_letter_off(name, choice) for choice in choices)


def _is_one_letter_off(name: str, other: str) -> bool:
    start = _common(name, other)
    name, other = name[start:], other[start:]
    end = _common(name[::-1], other[::-1])
    name, other = name[: len(name) - end], other[: len(other) - end]
    return max(len(name), len(other)) <= 1 or (len(name) == len(other) == len("ab") and name == other[::-1])


def _common(name: str, other: str) -> int:
    """Return the length of the common beginning of two names."""
    pairs = zip(name, other, strict=False)
    return next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(name), len(other)))
