"""What mypy and pyright know of a wrapped function: the exact signature, wherever it stands; never run.

A line that ends with `# wrong` has an error, and no other line has one.
"""

from __future__ import annotations

import asyncio
from typing import Self, TypeVar, assert_type

from django.db.models import Model

from adj.models.wrappers import asynced
from tests.diary.models import Entry

M = TypeVar("M", bound=Model)


@asynced
def words(title: str, *, at_least: int = 0) -> float:
    return len(title) / max(at_least, 1)


@asynced
def first(rows: list[M], default: M | None = None) -> M | None:
    return rows[0] if rows else default


def make_slug(desk: Desk, separator: str = "-") -> str:
    return separator


class Desk:
    aslug = asynced(make_slug)

    @asynced
    def total(self, count: int, *, strict: bool = False) -> int:
        return count + strict

    @classmethod
    @asynced
    def of(cls, name: str, *, strict: bool = False) -> Self:
        return cls()

    @asynced
    @classmethod
    def also_of(cls, name: str, *, strict: bool = False) -> int:
        return len(name) + strict

    @staticmethod
    @asynced
    def sized(height: float, *, width: float = 1.0) -> float:
        return height * width

    def check(self, *, twice: bool = False) -> bool:
        return twice


async def exact(desk: Desk, entry: Entry) -> None:
    assert_type(await words("Rain", at_least=1), float)
    assert_type(await words(title="Rain"), float)
    assert_type(await first([entry]), Entry | None)
    assert_type(await desk.aslug(), str)
    assert_type(await desk.aslug(separator="_"), str)
    assert_type(await Desk.aslug(desk, "_"), str)
    assert_type(await desk.total(1, strict=True), int)
    assert_type(await desk.total(count=1), int)
    assert_type(await Desk.of("Anaïs"), Desk)
    assert_type(await Desk.also_of(name="Anaïs", strict=True), int)
    assert_type(await desk.sized(2.0, width=3.0), float)
    assert_type(await asynced(desk.check)(twice=True), bool)
    assert_type(await asynced(entry.full_clean)(validate_unique=False), None)
    assert_type(await entry.ashout("?", times=2), str)
    assert_type(await asyncio.create_task(words("Rain")), float)


async def refused(desk: Desk, entry: Entry) -> None:
    await words(5)  # wrong
    await words("Rain", 1)  # wrong
    await words("Rain", at_most=1)  # wrong
    await desk.aslug(5)  # wrong
    await desk.total("1")  # wrong
    await desk.total(1, True)  # wrong
    await Desk.of()  # wrong
    await Desk.also_of(5)  # wrong
    await desk.sized("2.0")  # wrong
    await entry.ashout(times="2")  # wrong
    Entry.queries.long(words="5")  # wrong
    await Entry.queries.total_words(1)  # wrong
    await Entry.aobjects.total_words()  # wrong
