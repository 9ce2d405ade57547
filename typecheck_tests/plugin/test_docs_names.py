"""Every public name of a query, and every function of adj, stands on a page with the type that mypy reveals for it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

import pytest

import adj
from typecheck_tests.plugin.pages import PAGES, module_of

CLASSES = (adj.AsyncQuery, adj.RelatedQuery, adj.ReturningQuery, adj.AsyncRawQuery, adj.RowStream, adj.Page)
FUNCTIONS = [name for name in adj.__all__ if inspect.isfunction(getattr(adj, name))]


def revealed(code: str) -> Iterator[str]:
    """The names in the expressions whose type a page reveals: `q`, `filter` and `run` of `q(Book).filter().run()`."""
    for call in ast.walk(ast.parse(code)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "reveal_type":
            for node in ast.walk(call.args[0]):
                if isinstance(node, ast.Attribute):
                    yield node.attr
                elif isinstance(node, ast.Name):
                    yield node.id


SHOWN = {name for page in PAGES for name in revealed(module_of(page))}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_page_reveals_the_type_of_every_public_name(cls: type) -> None:
    names = {name for name in dir(cls) if not name.startswith("_")}
    assert sorted(names - SHOWN) == []


def test_a_page_reveals_the_type_of_every_function() -> None:
    assert [name for name in FUNCTIONS if name not in SHOWN] == []
