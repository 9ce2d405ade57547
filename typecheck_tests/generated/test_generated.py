"""A few hundred generated queries, always the same: mypy with the plugin, adj and Django agree about each."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from typecheck_tests.generated.revealed import Reader, has_any, parts, problem
from typecheck_tests.plugin.checked import ROOT

QUERIES, SEED = 300, 7
LEAST_REFUSED = QUERIES // 10
"""A generator that writes no mistakes would find nothing."""


def test_mypy_adj_and_django_agree_about_generated_queries() -> None:
    command = [sys.executable, "-m", "typecheck_tests.generated", "--queries", str(QUERIES), "--seed", str(SEED)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counted = re.search(r"(\d+) queries, (\d+) of them refused", ran.stdout)
    assert counted is not None, ran.stdout
    assert int(counted[1]) == QUERIES
    assert int(counted[2]) >= LEAST_REFUSED


FITTING = [
    ("builtins.int", 3),
    ("int | None", None),
    ("list[TypedDict({'title': str, 'author__name': str | None})]", [{"title": "Emma", "author__name": None}]),
    ("tuple[str, float]", ("Emma", 1.5)),
    ("dict[int, tuple[str]]", {1: ("Emma",)}),
    ("list[Any]", [object()]),
]
WRONG = [
    ("float", 1),
    ("int", True),
    ("int", None),
    ("str | None", 1),
    ("TypedDict({'title': str})", {"title": "Emma", "pages": 3}),
    ("TypedDict({'title': str, 'pages': int})", {"title": "Emma"}),
    ("tuple[str, int]", ("Emma",)),
    ("tuple[str, fallback=generated_queries.Row]", ("Emma",)),
    ("list[int]", [1, "2"]),
    ("dict[int, str]", {"1": "Emma"}),
]


@pytest.mark.parametrize(("text", "value"), FITTING)
def test_a_value_has_a_revealed_type(text: str, value: object) -> None:
    assert problem(Reader(text).read(), value) is None


@pytest.mark.parametrize(("text", "value"), WRONG)
def test_a_value_has_not_a_revealed_type(text: str, value: object) -> None:
    assert problem(Reader(text).read(), value) is not None


def test_what_a_revealed_type_is_made_of() -> None:
    author = "shop.Author[adj.loaded.Row[adj.loaded.Has[TypedDict(adj.loaded.Nothing, {})]]]"
    keys = f"TypedDict(adj.loaded.Keys, {{'n'=: int, 'author'=: {author}}})"
    typ = Reader(f"list[shop.Book@adj[adj.loaded.Row[adj.loaded.Has[{keys}]]]]").read()
    names = [getattr(part, "name", "") for part in parts(typ)]
    assert names == ["list", "shop.Book@adj", "", "int", "shop.Author", ""]
    assert not has_any(typ)
    assert has_any(Reader("tuple[int, Any | None]").read())
