"""Walk mypy's syntax trees: all nodes below a node, or only its statements, which is faster."""

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
"""The attributes in which nodes keep their child nodes."""


def called_on(call: Context) -> Expression | None:
    """Return the receiver of a method call: `query` in `query.filter()`; None for other expressions."""
    callee = getattr(call, "callee", None)
    return callee.expr if isinstance(callee, MemberExpr) else None


def nodes_in(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it. mypy's own traverser is compiled and cannot be subclassed."""
    yield node
    for name in _parts_of(type(node), node):
        yield from _nodes_of(getattr(node, name, None))


_known_parts: dict[type[Node], Sequence[str]] = {}


def _parts_of(cls: type[Node], node: Node) -> Sequence[str]:
    """Return the attributes with child nodes that a class of nodes has."""
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
"""The attributes in which statements keep other statements."""


def statements_in(node: Node) -> Iterator[Node]:
    """Yield the statements of a function or module at every depth; expressions contain no statements."""
    yield node
    for name in _BLOCKS.get(type(node), ()):
        part = getattr(node, name)
        for statement in part if isinstance(part, list) else [part]:
            if statement is not None:
                yield from statements_in(statement)
