"""Which code may wait for the database: a function that is handed to `run_sync()`, or to another thread.

It stands in asynchronous code and runs outside of it. Where a function goes is told by the calls in the function
around it; one that goes anywhere else is taken for what its surroundings are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.nodes import CallExpr, Decorator, FuncDef, FuncItem, LambdaExpr, MemberExpr, NameExpr, Node

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.syntax import nodes_in

_WAITING: Final = frozenset(
    {"run_sync", "sync_to_async", "database_sync_to_async", "to_thread", "run_in_executor", "submit"}
)
"""The names of functions whose argument runs where waiting is allowed."""


def may_wait(api: Api) -> bool:
    """Whether the code that is being checked is handed to a function that lets it wait."""
    around = api.functions()
    return len(around) > 1 and any(given is function for given in _handed(around[0]) for function in around[1:])


def is_asynchronous(api: Api) -> bool:
    """Whether the code that is being checked stands directly in an `async def`."""
    around = api.functions()
    return bool(around) and around[-1].is_coroutine


def _handed(within: FuncItem) -> Iterator[FuncItem]:
    """The functions that are arguments of calls of `run_sync()` and its like, or decorated by them."""
    for node in nodes_in(within):
        if isinstance(node, CallExpr) and _is_waiting(node.callee):
            parts = (part for argument in node.args for part in nodes_in(argument))
            yield from (function for part in parts for function in _function(part))
        elif isinstance(node, Decorator) and any(_is_waiting(decorator) for decorator in node.original_decorators):
            yield node.func


def _function(node: Node) -> Iterator[FuncItem]:
    """The function that an expression is or names."""
    if isinstance(node, LambdaExpr):
        yield node
    named = node.node if isinstance(node, NameExpr) else None
    if isinstance(named, Decorator):
        named = named.func
    if isinstance(named, FuncDef):
        yield named


def _is_waiting(callee: Node) -> bool:
    made = callee.callee if isinstance(callee, CallExpr) else callee
    return isinstance(made, (NameExpr, MemberExpr)) and made.name in _WAITING
