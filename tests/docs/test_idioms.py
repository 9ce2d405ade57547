"""The words of code, messages and documentation: none of the phrases that `idioms.py` lists."""

from __future__ import annotations

import pytest

from tests.docs.idioms import IDIOMS, ROOT, idioms_in, sources


def test_no_text_reads_as_translated() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}: {advice}"
        for path in sources()
        for line, text, advice in idioms_in(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("text", ["it has a pool of its own.", "A pool of adj's.", "Nobody waits.", "it is no field"])
def test_such_phrases_are_found(text: str) -> None:
    assert any(idioms_in(text))


def test_quoted_code_is_left_out() -> None:
    assert not list(idioms_in("`anew` and https://example.org/anew"))
    assert len(IDIOMS) > 20
