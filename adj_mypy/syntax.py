"""mypy's syntax trees: a walk over the nodes that a node is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from mypy.nodes import Node

_PARTS = [
    "args",
    "base",
    "bodies",
    "body",
    "callee",
    "cond",
    "condition",
    "condlists",
    "decorators",
    "defs",
    "else_body",
    "else_expr",
    "expr",
    "exprs",
    "finally_body",
    "func",
    "generator",
    "handlers",
    "if_expr",
    "index",
    "items",
    "key",
    "left",
    "left_expr",
    "operands",
    "right",
    "rvalue",
    "sequences",
    "subject",
    "value",
]
"""The attributes in which the nodes of mypy's syntax tree keep the nodes that they are made of."""


def nodes_in(node: Node) -> Iterator[Node]:
    """A node and all that it is made of. A traverser of mypy's own cannot be inherited from: it is compiled."""
    yield node
    for name in _PARTS:
        yield from _nodes_of(getattr(node, name, None))


def _nodes_of(part: object) -> Iterator[Node]:
    if isinstance(part, Node):
        yield from nodes_in(part)
    elif isinstance(part, (list, tuple)):
        for item in cast("Sequence[object]", part):
            yield from _nodes_of(item)
