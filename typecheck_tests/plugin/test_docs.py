"""The pages of the documentation on the plugin: each shows code, and beside it what mypy says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from typecheck_tests.plugin.checked import check
from typecheck_tests.plugin.marks import Message, marks, said
from typecheck_tests.plugin.pages import PAGES, module_of


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Message]]:
    """What one run of mypy says of all pages, by the name of the page."""
    directory = tmp_path_factory.mktemp("pages")
    modules = [directory / f"{page.stem.replace('-', '_')}.py" for page in PAGES]
    for page, module in zip(PAGES, modules, strict=True):
        module.write_text(module_of(page), encoding="utf-8")
    found = said(check(*map(str, modules), debug=True))
    return {page.name: found.get(str(module), []) for page, module in zip(PAGES, modules, strict=True)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_mypy_says_what_the_page_says(page: Path, output: dict[str, list[Message]]) -> None:
    expected, found = list(marks(module_of(page).splitlines())), output[page.name]
    assert [message for message in found if not any(mark.fits(message) for mark in expected)] == []
    assert [mark for mark in expected if not any(mark.fits(message) for message in found)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_types(page: Path) -> None:
    assert any(mark.kind in {"R", "E"} for mark in marks(module_of(page).splitlines()))
