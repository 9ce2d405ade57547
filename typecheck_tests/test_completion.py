"""What an editor offers behind a dot: asked of the language servers that editors use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from typecheck_tests.language_server import language_server

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

SERVERS = {
    "pyright": ["pyright-langserver", "--stdio"],
    "ty": ["ty", "server"],
    "pyrefly": ["pyrefly", "lsp"],
}
HEAD = "from adj import q\nfrom tests.shop.models import Book\n\n\nasync def view() -> None:\n"
QUERY = {"filter", "exclude", "order_by", "select_related", "values", "run", "aget", "afirst", "acount", "stream"}
ROW = {"title", "author", "pages", "asave", "pk"}

PLACES = {
    "    q(Book).": QUERY,
    "    q(Book).filter(pages__gt=3).order_by('title').": QUERY,
    "    book = await q(Book).aget(pk=1)\n    book.": ROW,
    "    for book in await q(Book).run():\n        book.": ROW,
    "    async for book in q(Book):\n        book.": ROW,
    "    async with q(Book).stream() as books:\n        async for book in books:\n            book.": ROW,
    "    book = await q(Book).afirst()\n    if book is not None:\n        book.": ROW,
}


@pytest.mark.parametrize("server", SERVERS)
def test_an_editor_completes_queries_and_rows(server: str) -> None:
    program, *arguments = SERVERS[server]
    with language_server([str(BIN / program), *arguments], ROOT, sys.executable) as running:
        for number, (code, expected) in enumerate(PLACES.items()):
            offered = running.completions(ROOT / f"completed_{number}.py", HEAD + code)
            assert expected <= offered, (code, expected - offered)
            assert "__await__" not in offered
            assert "count" not in offered or expected is ROW
