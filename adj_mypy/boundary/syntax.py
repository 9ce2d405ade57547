"""mypy's syntax trees: a walk over the nodes that a node is made of, and a short one over statements alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from mypy.nodes import (
    Block,
    ClassDef,
    Context,
    Decorator,
    Expression,
    ForStmt,
    FuncDef,
    IfStmt,
    LambdaExpr,
    MatchStmt,
    MemberExpr,
    MypyFile,
    Node,
    OverloadedFuncDef,
    TryStmt,
    WhileStmt,
    WithStmt,
)

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


def called_on(call: Context) -> Expression | None:
    """What a method is called on, as it is written: `query` of `query.filter()`; None for what is no such call."""
    callee = getattr(call, "callee", None)
    return callee.expr if isinstance(callee, MemberExpr) else None


def nodes_in(node: Node) -> Iterator[Node]:
    """A node and all that it is made of. A traverser of mypy's own cannot be inherited from: it is compiled."""
    yield node
    for name in _parts_of(type(node), node):
        yield from _nodes_of(getattr(node, name, None))


_known_parts: dict[type[Node], Sequence[str]] = {}


def _parts_of(cls: type[Node], node: Node) -> Sequence[str]:
    """Those of the attributes that the nodes of a class have, which are the same for all."""
    if cls not in _known_parts:
        _known_parts[cls] = [name for name in _PARTS if hasattr(node, name)]
    return _known_parts[cls]


def _nodes_of(part: object) -> Iterator[Node]:
    if isinstance(part, Node):
        yield from nodes_in(part)
    elif isinstance(part, (list, tuple)):
        for item in cast("Sequence[object]", part):
            yield from _nodes_of(item)


_BLOCKS: Mapping[type[Node], Sequence[str]] = {
    MypyFile: ["defs"],
    Block: ["body"],
    ClassDef: ["defs"],
    FuncDef: ["body"],
    LambdaExpr: ["body"],
    Decorator: ["func"],
    OverloadedFuncDef: ["items"],
    IfStmt: ["body", "else_body"],
    ForStmt: ["body", "else_body"],
    WhileStmt: ["body", "else_body"],
    WithStmt: ["body"],
    TryStmt: ["body", "handlers", "else_body", "finally_body"],
    MatchStmt: ["bodies"],
}
"""The attributes in which statements keep those that they are made of."""


def statements_in(node: Node) -> Iterator[Node]:
    """The statements of a function or module with all that they are made of but expressions, which hold no others."""
    yield node
    for name in _BLOCKS.get(type(node), ()):
        part = getattr(node, name)
        for statement in part if isinstance(part, list) else [part]:
            if statement is not None:
                yield from statements_in(statement)
