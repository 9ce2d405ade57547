"""The pages of the documentation show what mypy says: every block of code is checked, and its marks hold."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

import pytest

from typecheck_tests.plugin.checked import ROOT, check
from typecheck_tests.plugin.marks import Message, read_marks, said

PAGES = [ROOT / "docs" / "reference" / "mypy-loaded.md"]
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    """The blocks of Python code on a page."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


@cache
def messages(page: Path) -> list[list[Message]]:
    """What mypy says of each block of a page."""
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / f"block_{number}.py" for number, _ in enumerate(blocks(page))]
        for file, block in zip(files, blocks(page), strict=True):
            file.write_text(block, encoding="utf-8")
        found = said(check(*map(str, files), debug=True))
        return [found.get(str(file), []) for file in files]


@pytest.mark.parametrize(
    ("page", "number"), [(page, number) for page in PAGES for number, _ in enumerate(blocks(page))]
)
def test_mypy_says_what_stands_on_the_page(page: Path, number: int) -> None:
    expected, found = read_marks(blocks(page)[number]), messages(page)[number]
    assert [message for message in found if not any(mark.fits(message) for mark in expected)] == []
    assert [mark for mark in expected if not any(mark.fits(message) for message in found)] == []
