"""Decide whether code may block on the database: in functions that are passed to `run_sync()` or to another thread.

Such a function is defined inside async code and runs outside of it. The calls in the enclosing function tell where it
is passed; any other inner function is treated like the code around it.
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
"""The names of functions whose argument runs where blocking is allowed."""


def may_wait(api: Api) -> bool:
    """Return whether the checked code is passed to a function that lets it block."""
    around = api.functions()
    return len(around) > 1 and any(passed is function for passed in _passed(around[0]) for function in around[1:])


def is_asynchronous(api: Api) -> bool:
    """Return whether the checked code is directly inside an `async def`."""
    around = api.functions()
    return bool(around) and around[-1].is_coroutine


def _passed(within: FuncItem) -> Iterator[FuncItem]:
    """Yield the functions that are passed to `run_sync()` and similar functions, or decorated with them."""
    for node in nodes_in(within):
        if isinstance(node, CallExpr) and _is_waiting(node.callee):
            parts = (part for argument in node.args for part in nodes_in(argument))
            yield from (function for part in parts for function in _function(part))
        elif isinstance(node, Decorator) and any(_is_waiting(decorator) for decorator in node.original_decorators):
            yield node.func


def _function(node: Node) -> Iterator[FuncItem]:
    """Yield the function that an expression is or names."""
    if isinstance(node, LambdaExpr):
        yield node
    named = node.node if isinstance(node, NameExpr) else None
    if isinstance(named, Decorator):
        named = named.func
    if isinstance(named, FuncDef):
        yield named


def _is_waiting(callee: Node) -> bool:
    function = callee.callee if isinstance(callee, CallExpr) else callee
    return isinstance(function, (NameExpr, MemberExpr)) and function.name in _WAITING
