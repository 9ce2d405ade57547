"""The account of docs/explanation/pitfalls.md: each number has a test that cites it, or a reason why it has none."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "explanation" / "pitfalls.md"

NUMBERS = frozenset({*(f"P{number}" for number in range(1, 61)), *(f"M{number}" for number in range(1, 12))})

NOT_TESTED = {
    "P3": "about asyncpg, for which adj has no engine",
    "P4": "about asyncpg, for which adj has no engine",
}


def numbers_in(text: str) -> set[str]:
    """The numbers of pitfalls that a text names."""
    return set(re.findall(r"\b[PM][1-9]\d?\b", text))


def cited() -> dict[str, set[str]]:
    """The names of the test files that cite a number."""
    files: dict[str, set[str]] = {}
    for path in TESTS.rglob("*.py"):
        if path != Path(__file__):
            for number in numbers_in(path.read_text()):
                files.setdefault(number, set()).add(path.name)
    return files


def test_each_number_is_cited_by_a_test_or_excused() -> None:
    found = cited().keys()
    assert sorted(NUMBERS - found - NOT_TESTED.keys()) == []
    assert sorted(found & NOT_TESTED.keys()) == [], "tested after all"
    assert NOT_TESTED.keys() <= NUMBERS


def test_the_page_has_one_line_for_each_number_which_names_a_test_that_cites_it() -> None:
    rows = re.findall(r"^\| ([PM]\d+) \|(.*)\|(.*)\|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    assert sorted(number for number, *_ in rows) == sorted(NUMBERS)
    files = cited()
    for number, wrong, ours, shown in rows:
        assert wrong.strip(), number
        assert ours.strip(), number
        if number in NOT_TESTED:
            assert shown.strip() == f"none: {NOT_TESTED[number]}"
        else:
            named = set(re.findall(r"`(?:[a-z_]+/)*([a-z_]+\.py)`", shown))
            assert named, number
            assert named <= files[number], number
