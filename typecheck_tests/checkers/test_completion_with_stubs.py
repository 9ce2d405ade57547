"""What editors complete with the generated stubs, at 30 positions of a query and of its rows."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from typecheck_tests.checkers.checking import make_folder, program
from typecheck_tests.language_server import LanguageServer, language_server

HEAD: Final = """\
from django.db.models import Count

from adj import q, related
from tests.shop.models import Author, Book, Tag


async def view(book: Book, author: Author) -> None:
"""


@dataclass(frozen=True, slots=True)
class Position:
    """The code before the cursor, and names that an editor has to offer there."""

    code: str
    expected: frozenset[str]


def position(code: str, *expected: str) -> Position:
    return Position(code, frozenset(expected))


ROW: Final = "row = await q(Book).aget(pk=1)\n    "

POSITIONS: Final = (
    position("q(Book).", "filter", "order_by", "values", "run", "aget"),
    position("q(Book).filter(", "title=", "pages__gte=", "author="),
    position("q(Book).filter(tit", "title=", "title__icontains="),
    position("q(Book).filter(author__na", "author__name=", "author__name__icontains="),
    position("q(Book).filter(pages=3, publ", "published=", "publisher="),
    position("q(Book).exclude(pages__", "pages__gt=", "pages__in="),
    position("q(Book).filter(pages=3).order_by('title').filter(auth", "author=", "author_id="),
    position("await q(Book).aget(isb", "isbn=", "isbn__in="),
    position("q(Author).filter(boo", "books="),
    position("q(Book).order_by('", "title", "-pages"),
    position("q(Book).order_by('title', '", "pages", "-title"),
    position("q(Book).select_related('", "author", "author__publisher"),
    position("q(Book).prefetch_related('", "tags", "reviews"),
    position("q(Book).only('", "title", "author__name"),
    position("q(Book).defer('", "title", "metadata"),
    position("q(Book).values('", "title", "author__name"),
    position("q(Book).values('title', '", "pages", "author__name"),
    position("q(Book).values_list('", "title", "author__name"),
    position("q(Book).values_list('title', '", "pages", "author__name"),
    position("await q(Book).acreate(", "title=", "author=", "pages="),
    position("await q(Book).filter(pk=1).aupdate(", "title=", "pages="),
    position("related(book, '", "tags", "reviews"),
    position(f"{ROW}row.", "title", "author_id", "get_format_display", "asave"),
    position(f"{ROW}row.author.", "name", "born", "publisher"),
    position(f"{ROW}row.title.", "upper", "strip"),
    position("for row in await q(Book).run():\n        row.", "title", "detail", "tags"),
    position("async for row in q(Book).filter(pages=3):\n        row.author.", "name", "mentor"),
    position("for row in await q(Book).values('title', 'pages').run():\n        row['", "title", "pages"),
    position("row = await q(Book).annotate(n=Count('tags')).aget()\n    row.", "title", "pages"),
    position(
        "for title, pages in await q(Book).values_list('title', 'pages').run():\n        title.", "upper", "strip"
    ),
)

SERVERS: Final[Mapping[str, Sequence[str]]] = {
    "pyright": ("pyright-langserver", "--stdio"),
    "basedpyright": ("basedpyright-langserver", "--stdio"),
    "ty": ("ty", "server"),
    "pyrefly": ("pyrefly", "lsp"),
    "zuban": ("zuban", "server"),
}

LEAST: Final = {"pyright": 27, "basedpyright": 27, "ty": 25, "pyrefly": 25, "zuban": 12}
"""The number of positions that each server has to complete."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("completion"))


@pytest.mark.parametrize("server", SERVERS)
def test_an_editor_completes_names_of_models(server: str, folder: Path) -> None:
    name, *arguments = SERVERS[server]
    with language_server([program(name), *arguments], folder, sys.executable) as running:
        missing = [each for number, each in enumerate(POSITIONS) if not is_completed(running, folder, number, each)]
    for each in missing:
        print(f"{server} does not complete: {each.code}")
    assert len(POSITIONS) - len(missing) >= LEAST[server], missing


def is_completed(running: LanguageServer, folder: Path, number: int, each: Position) -> bool:
    offered = running.completions(folder / f"completed_{number}.py", f"{HEAD}    {each.code}")
    return all(offers(offered, name) for name in each.expected)


def offers(offered: set[str], name: str) -> bool:
    """Whether a name is offered; servers differ in quotes around strings and in the "=" of keywords."""
    return bool(offered & {name, f"'{name}'", f'"{name}"', name.removesuffix("=") if name.endswith("=") else name})
