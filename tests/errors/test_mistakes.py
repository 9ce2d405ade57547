"""Every mistake raises its error, on the user's line where possible; the table in the docs shows the messages.

`ADJ_WRITE_DOCS=1 python -m pytest tests/errors` rewrites the table.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.core.exceptions import FieldError, SynchronousOnlyOperation
from django.db import connections

from adj import AdjError, NotLoaded, ShapeError, q
from adj.execution.databases import executor_for
from tests.errors.mistakes import BROKEN, MISTAKES, Mistake
from tests.running import run
from tests.shop.models import Book

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "errors-table.md"
HEAD = """\
<!-- Written by tests/errors/test_mistakes.py; ADJ_WRITE_DOCS=1 rewrites it. -->

| Mistake | Error | Message |
|---|---|---|
"""


@pytest.fixture(autouse=True)
def _broken_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    broken = {**connections.settings["default"], "NAME": "/nowhere/shop.sqlite3"}
    monkeypatch.setitem(connections.settings, BROKEN, broken)
    yield
    if BROKEN in {wrapper.alias for wrapper in connections.all(initialized_only=True)}:
        del connections[BROKEN]


def raised_by(mistake: Mistake) -> Exception:
    """What a mistake raises: at once, or when it is awaited."""

    async def awaited(coroutine: Any) -> None:
        await coroutine

    try:
        coroutine = mistake.ask()
    except Exception as error:  # noqa: BLE001  # the tests look at its class
        return error
    assert not mistake.is_refused_at_the_line, f"{mistake.code} was not refused where it was written"
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the tests look at its class
        run(awaited(coroutine))
    return caught.value


def expected_class(mistake: Mistake) -> type[Exception]:
    """The error's class; before Django 6.1, a relation that is not loaded raises Django's own error."""
    if mistake.error is NotLoaded and django.VERSION < (6, 1):
        return SynchronousOnlyOperation
    return mistake.error


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_a_mistake_gives_its_error(mistake: Mistake) -> None:
    error = raised_by(mistake)
    assert type(error) is expected_class(mistake) or (
        isinstance(error, AdjError) and isinstance(error, expected_class(mistake))
    )


@pytest.mark.skipif(django.VERSION < (6, 1), reason="the docs show what the newest supported Django says")
def test_the_table_in_the_docs_shows_what_the_errors_say() -> None:
    table = HEAD + "".join(row(mistake) for mistake in MISTAKES)
    if os.environ.get("ADJ_WRITE_DOCS"):
        TABLE.write_text(table, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == table, "rewrite it: ADJ_WRITE_DOCS=1 python -m pytest tests/errors"


def row(mistake: Mistake) -> str:
    """One line of the table."""
    error = raised_by(mistake)
    bases = [base.__name__ for base in type(error).__mro__ if base in {FieldError, TypeError}]
    name = type(error).__qualname__
    classes = f"`{name}`" + (f", a `{bases[0]}`" if bases and bases[0] != name else "")
    message = str(error).replace("|", "\\|").replace("\n", " ")
    return f"| {mistake.title}<br>`{mistake.code}` | {classes} | {message} |\n"


@pytest.mark.parametrize(
    "method", ["only", "defer", "select_related", "prefetch_related", "distinct", "values", "values_list"]
)
@pytest.mark.parametrize("wrong", [["title"], ("title",), {"title"}, 3])
def test_a_value_that_is_not_a_name_is_refused_where_a_name_belongs(method: str, wrong: object) -> None:
    books: Any = q(Book)
    with pytest.raises(ShapeError, match=rf"{method}\(\) expects names; got {type(wrong).__name__}\."):
        getattr(books, method)("isbn", wrong)


def test_a_query_that_no_loop_runs_says_how_to_run_it() -> None:
    async def database() -> None:
        await executor_for("default")

    asyncio.run(database())
    coroutine = executor_for("default")
    with pytest.raises(AdjError, match=r"no asyncio event loop.*query\.queryset"):
        coroutine.send(None)
