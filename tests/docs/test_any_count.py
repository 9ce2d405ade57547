"""`Any` stays rare in adj/: a value whose type is unknown is not checked by anyone."""

from __future__ import annotations

from pathlib import Path

from tests.docs.any_count import any_count, per_thousand_lines, sources


def test_any_is_rare_in_adj() -> None:
    assert per_thousand_lines() <= 25


def test_modules_of_adj_are_counted() -> None:
    assert len(sources()) > 200


def test_the_word_is_counted_but_not_longer_names(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("from typing import Any\nx: list[Any] = []\ny: AnyField\n")
    assert any_count(module) == 2
