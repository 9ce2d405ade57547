"""Names that a query may have though its type does not say so: annotated in another branch, or by another function.

mypy joins what a variable may be, `q(Book)` and one with annotations, to the general one. And `AsyncQuery[Book]`,
where a project writes it, is any query of books.
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

NAMING: Final = frozenset({"annotate", "alias"})
_ANY_NAME: Final = "**"
_SHORT: Final = 2
"""Names up to this length resemble too many others to be taken for one of them."""


def may_be_annotated(call: Call, error: UnknownField) -> bool:
    """Whether what is no field of a query's model may still be an annotation of that query."""
    if call.query is not None and call.query.model.__name__ != error.model:
        return False
    return _is_named_around(call, error.part) or (_is_any_query(call) and not is_misspelt(error.part, error.choices))


def _is_any_query(call: Call) -> bool:
    """Whether nothing is known of a query's rows, so that its annotations are not known either."""
    row = None if call.query is None else get_proper_type(call.query.row)
    if not isinstance(row, Instance) or call.project.model_of(row) is None:
        return False
    return bool(row.type.defn.type_vars) and not row.args


def _is_named_around(call: Call, name: str) -> bool:
    """Whether a variable is asked, and the function or class around it names such an annotation."""
    if not call.api.is_checker or not _is_variable(call.context.context):
        return False
    names = _named_in(*call.api.home())
    return name in names or _ANY_NAME in names


def _is_variable(asked: Context) -> bool:
    """Whether a chain of methods begins with a variable or an attribute."""
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
    """Whether a name is one of others with one letter too many, missing, wrong, or in its neighbour's place."""
    return len(name) > _SHORT and any(_is_one_letter_off(name, choice) for choice in choices)


def _is_one_letter_off(name: str, other: str) -> bool:
    start = _common(name, other)
    name, other = name[start:], other[start:]
    end = _common(name[::-1], other[::-1])
    name, other = name[: len(name) - end], other[: len(other) - end]
    return max(len(name), len(other)) <= 1 or (len(name) == len(other) == len("ab") and name == other[::-1])


def _common(name: str, other: str) -> int:
    """How many letters two names begin with."""
    pairs = zip(name, other, strict=False)
    return next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(name), len(other)))
