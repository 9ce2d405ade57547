"""The option `strict_values`: a field's own type alone is right."""

from __future__ import annotations

import pytest

from typecheck_tests.plugin.checked import check

CODE = """\
from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

from adj import q
from tests.shop.models import Book


def judged(anything: Any, optional: list[int | None]) -> None:
"""

OWN = (
    "pages=3",
    "rating=3",
    "price=3",
    "price=decimal.Decimal(3)",
    "published=datetime.date(2020, 1, 1)",
    "released=datetime.datetime(2020, 1, 1)",
    "reference=uuid.uuid4()",
    "title='Emma'",
    "subtitle=None",
    "pages__in=[1, 2]",
    "pages=anything",
)
CONVERTED = (
    "pages__gt=3.5",
    "rating=decimal.Decimal(3)",
    "price='3.5'",
    "price=3.5",
    "published='2020-01-01'",
    "released=datetime.date(2020, 1, 1)",
    "released='2020-01-01'",
    "reading_hour='10:00'",
    "reference='0' * 32",
    "cover=bytearray(b'x')",
    "title=None",
    "pages__in=[1, None]",
    "pages__in=optional",
)


@pytest.fixture(scope="module")
def wrong_lines(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, set[str]]:
    """The conditions that mypy refuses, by whether the option is on."""
    path = tmp_path_factory.mktemp("strict") / "strict.py"
    conditions = [*OWN, *CONVERTED]
    path.write_text(CODE + "".join(f"    q(Book).filter({each})\n" for each in conditions), encoding="utf-8")
    first = CODE.count("\n") + 1
    found: dict[bool, set[str]] = {}
    for is_strict in (False, True):
        output = check(str(path), adj=f"strict_values = {is_strict}")
        numbers = [int(line.split(":")[1]) for line in output.splitlines() if "[adj-value]" in line]
        found[is_strict] = {conditions[number - first] for number in numbers}
    return found


@pytest.mark.parametrize("condition", [*OWN, *CONVERTED])
def test_by_default_what_django_converts_is_right(condition: str, wrong_lines: dict[bool, set[str]]) -> None:
    assert condition not in wrong_lines[False]


@pytest.mark.parametrize("condition", OWN)
def test_the_fields_own_type_is_always_right(condition: str, wrong_lines: dict[bool, set[str]]) -> None:
    assert condition not in wrong_lines[True]


@pytest.mark.parametrize("condition", CONVERTED)
def test_with_the_option_conversions_are_errors(condition: str, wrong_lines: dict[bool, set[str]]) -> None:
    assert condition in wrong_lines[True]
