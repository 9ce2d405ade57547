"""`Loaded[...]` accepts the rows that have what it names, and no others: random names with rows of random states."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from typecheck_tests.generated.checking import PLUGIN_SETTINGS, checked
from typecheck_tests.plugin.marks import said

PAIRS, SEED = 120, 14

_JOINED: Final = (
    "author",
    "author__publisher",
    "author__mentor",
    "editor",
    "editor__publisher",
    "publisher",
    "category",
)
_PREFETCHED: Final = ("tags", "author__books", "reviews")
_ANNOTATED: Final = {"N": ("n", 'Count("tags")'), "M": ("m", 'Max("pages")')}

_HEAD: Final = """\
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypedDict, TypeVar

from django.db.models import Count, Max

from adj import AsyncQuery, Loaded, q
from tests.shop.models import Book


class N(TypedDict):
    n: int


class M(TypedDict):
    m: int | None


class NM(N, M):
    pass


"""

_USES: Final = (
    "take(await query.aget())",
    "take_all(await query.run())",
    "take_some(row for row in await query.run())",
    "take_maybe(await query.afirst())",
    "take_query(query)",
    "Card(await query.aget())",
    'take_some({"a": await query.aget()}.values())',
    "take((await query.run())[0])",
    "take(max(await query.run(), key=lambda row: row.title))",
)
"""Expressions that need the rows; each has an error if the rows do not have enough, and none otherwise."""


def _with_beginnings(paths: Iterator[str] | list[str]) -> set[str]:
    parts = [path.split("__") for path in paths]
    return {"__".join(each[:end]) for each in parts for end in range(1, len(each) + 1)}


def _draw(dice: random.Random, names: tuple[str, ...], most: int) -> list[str]:
    return sorted(dice.sample(names, dice.randrange(most + 1)))


def _contract(number: int, needed: list[str], annotations: list[str]) -> str:
    literal = f"Literal[{', '.join(repr(name) for name in needed)}]" if needed else ""
    parts = ", ".join(filter(None, ["Book", literal, "".join(annotations)]))
    return (
        f"Row{number} = Loaded[{parts}]\n\n\n@dataclass\nclass Card{number}:\n    row: Row{number}\n\n\n"
        f"def take{number}(row: Row{number}) -> None: ...\n\n\n"
        f"def take_all{number}(rows: list[Row{number}]) -> None: ...\n\n\n"
        f"def take_some{number}(rows: Iterable[Row{number}]) -> None: ...\n\n\n"
        f"def take_maybe{number}(row: Row{number} | None) -> None: ...\n\n\n"
        f"def take_query{number}(query: AsyncQuery[Book, Row{number}]) -> None: ...\n\n\n"
    )


def _uses(number: int, query: str) -> list[str]:
    named = [use.replace("take", "take?", 1).replace("Card", "Card?", 1) for use in _USES]
    lines = [f"async def use{number}() -> None:", f"    query = {query}"]
    for use in named:
        name = use.partition("(")[0].replace("?", "")
        lines.append(f"    {name}{number}({use.partition('(')[2]}")
    return lines


def _module() -> tuple[str, dict[int, tuple[str, bool]]]:
    """Return the module, and for each line that uses rows what it is about and whether it is right."""
    dice = random.Random(SEED)  # noqa: S311  # the same module in every run
    text, lines = _HEAD, dict[int, tuple[str, bool]]()
    for number in range(PAIRS):
        needed = _draw(dice, (*_JOINED, *_PREFETCHED), 2)
        annotations = sorted(_draw(dice, ("M", "N"), 2), reverse=True)
        if not needed and not annotations:
            needed = ["author"]
        joined, prefetched = _draw(dice, _JOINED, 4), _draw(dice, _PREFETCHED, 2)
        computed = _draw(dice, ("M", "N"), 2)
        if number % 3 == 0:
            # Often enough that rows have all of it.
            joined = sorted({*joined, *(name for name in needed if name in _JOINED)})
            prefetched = sorted({*prefetched, *(name for name in needed if name in _PREFETCHED)})
            computed = sorted({*computed, *annotations})
        query = "q(Book)"
        query += f".select_related({', '.join(map(repr, joined))})" if joined else ""
        query += f".prefetch_related({', '.join(map(repr, prefetched))})" if prefetched else ""
        query += "".join(f".annotate({name}={value})" for name, value in (_ANNOTATED[each] for each in computed))
        fits = set(needed) <= _with_beginnings([*joined, *prefetched]) and set(annotations) <= set(computed)
        text += _contract(number, needed, annotations)
        uses = _uses(number, query)
        first = text.count("\n") + 3
        about = f"{query} as Loaded[{needed}, {annotations}]"
        lines |= {first + at: (f"{use.strip()}: {about}", fits) for at, use in enumerate(uses[2:])}
        text += "\n".join(uses) + "\n\n\n"
    return text, lines


def test_a_contract_accepts_what_has_enough_and_nothing_else(tmp_path: Path) -> None:
    text, lines = _module()
    path = tmp_path / "contracts_of_rows.py"
    messages = said(checked(text, path, PLUGIN_SETTINGS)).get(str(path), [])
    refused = {message.line: message.text for message in messages if message.kind == "E"}
    assert {line: text for line, text in refused.items() if line not in lines} == {}
    false = {about: refused[line] for line, (about, fits) in lines.items() if fits and line in refused}
    missed = [about for line, (about, fits) in lines.items() if not fits and line not in refused]
    assert false == {}
    assert missed == []
    right = sum(fits for _, fits in lines.values())
    assert right > len(_USES) * PAIRS // 4
    assert len(lines) - right > len(_USES) * PAIRS // 4
