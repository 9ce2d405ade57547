"""Two rows of random states in ordinary Python: the plugin refuses nothing that it accepts of plain rows.

Every operation runs over pairs of queries. mypy checks the module twice, with the rows of the queries and with rows that
are declared as plain instances; an error of the first that the second does not have is false.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from typecheck_tests.generated.checking import PLUGIN_SETTINGS, checked
from typecheck_tests.plugin.marks import Message, said

PAIRS, SEED = 24, 14

# ruff: noqa: E501  # one operation a line

_CLAUSES: Final = (
    *('.select_related("author")', '.select_related("author__publisher")', '.select_related("editor", "publisher")'),
    *(
        '.prefetch_related("editor__books")',
        '.prefetch_related("author__books")',
        '.prefetch_related(Prefetch("tags", q(Tag)))',
    ),
    *('.only("title", "author", "editor", "publisher")', '.defer("subtitle")', '.defer("rating", "cost")'),
    *(
        '.annotate(n=Count("tags"))',
        '.annotate(m=Max("pages"))',
        '.annotate(n=Max("title"))',
        '.alias(k=Count("tags"))',
    ),
    *(".filter(pages__gt=1)", '.order_by("title")', ".distinct()"),
)

_OPERATIONS: Final = {
    "equal": "one == other, one != other, one is other, one in others, other in (one,)",
    "lists_are_equal": "ones == others, tuple(ones) == tuple(others), set(ones) == set(others), {1: one} == {2: other}",
    "list_display": "both = [one, other]\nboth.append(one)\nboth.append(other)\nprint(both[0].title)",
    "list_of_all": "both = [*ones, *others]\nboth += others\nboth += ones\nprint(both[0].title)",
    "append": "ones.append(other)\nones.insert(0, other)\nothers.append(one)",
    "extend": "ones.extend(others)\nothers.extend(one for one in ones)",
    "add": "print((ones + others)[0].title, (others + ones)[0].title)",
    "in_place": "ones += others",
    "item": "ones[0] = other\nothers[0] = one",
    "find": "ones.remove(other)\nprint(ones.index(other), ones.count(other))",
    "concat": "print([row.title for row in itertools.chain(ones, others)])",
    "zip": "for left, right in zip(ones, others):\n    assert left == right",
    "sorted": "print(sorted([*ones, *others], key=lambda row: row.title)[0].title)",
    "largest": "print(max([*ones, *others], key=lambda row: row.title).title, max(one, other, key=lambda row: row.pk).pk)",
    "dict_display": "rows = {1: one, 2: other}\nprint(rows[1].title)",
    "dict_item": "rows = {1: one}\nrows[2] = other\nprint(rows.get(3, other).title)",
    "dict_update": "rows = {1: one}\nrows.update({2: other})\nrows |= {3: other}\nrows.setdefault(4, other)",
    "dict_union": "print({**{1: one}, **{2: other}}[1].title)",
    "groups": "groups = defaultdict(list)\nfor row in ones:\n    groups[row.pk].append(row)\ngroups[1].append(other)",
    "set": "rows = set(ones)\nrows.add(other)\nrows |= set(others)\nrows.update(others)\nrows.discard(other)",
    "set_operators": "print(set(ones) | set(others), set(ones) & set(others), set(ones) - set(others))",
    "tuple": "pair = (one, other)\nprint(pair[0].title, pair[1].title, pair in [(one, other)])",
    "deque": "queue = deque(ones, maxlen=3)\nqueue.append(other)\nqueue.appendleft(other)\nqueue.extend(others)",
    "choice": "row = one if flag else other\nprint(row.title)",
    "gather": "both = await asyncio.gather(first.aget(), second.aget())\nprint(both[0] == both[1], both[1].title)",
    "or_first": "row = await first.afirst()\nrow = row or await first.afirst()\nprint(row == other)",
    "call": "print(same(one, other).title, same(other, one).title)",
    "map": "print(list(map(lambda row: row.title, [*ones, *others])), list(filter(None, [one, other, None])))",
    "declared": "declared: list[Book] = [*ones, *others]\ndeclared.append(one)\ndeclared.append(other)",
    "parameter": "take(one), take(other), take_all([one, other]), take_some(ones), take_some(others)",
}

_BETWEEN_STATES: Final = {
    "assign": "row = one\nrow = other\nprint(row.title)",
    "swap": "one, other = other, one",
    "loop": "best = one\nfor row in others:\n    best = row\nprint(best.title)",
    "two_loops": "for row in ones:\n    print(row.title)\nfor row in others:\n    print(row.title)",
    "none_before": "latest = None\nfor row in ones:\n    latest = row\nfor row in others:\n    latest = row\nprint(latest)",
    "lists": "rows = ones\nrows = others\nrows = sorted(others, key=lambda row: row.pk)\nrows = list(reversed(others))",
    "nested": "print([ones, others][0][0].title, {1: ones, 2: others}[1][0].title)\ngroups = {1: ones}\ngroups[2] = others",
    "sum": "print(sum([ones, others], [])[0].title)",
    "box": "box = Box(one)\nbox.put(other)\nbox.item = other",
    "query": "query = first\nquery = second\nprint([first, second], first | second)",
}
"""Operations that are accepted of rows with different relations and columns; not all are of annotated beside plain ones."""

_HEAD: Final = """\
from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from django.db.models import Count, Max, Prefetch

from adj import AsyncQuery, q
from tests.shop.models import Book, Tag

T = TypeVar("T")


class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item

    def put(self, item: T) -> None:
        self.item = item


def same(one: T, other: T) -> T:
    return one


def take(row: Book) -> None: ...


def take_all(rows: list[Book]) -> None: ...


def take_some(rows: Iterable[Book]) -> None: ...
"""


def _query(dice: random.Random, clauses: list[str]) -> str:
    return "q(Book)" + "".join(dice.sample(clauses, dice.randrange(4)))


def _pairs() -> Iterator[tuple[str, str, bool]]:
    """Yield two queries, and whether the rows of both have the same class: both or none have annotations."""
    dice = random.Random(SEED)  # noqa: S311  # the same module in every run
    plain = [clause for clause in _CLAUSES if "annotate" not in clause]
    for number in range(PAIRS):
        clauses = plain if number % 2 else list(_CLAUSES)
        first, second = _query(dice, clauses), _query(dice, clauses)
        yield first, second, ("annotate" in first) == ("annotate" in second)


def _function(number: int, name: str, code: str, first: str, second: str, *, plain: bool) -> str:
    lines = [f"async def {name}_{number}(flag: bool) -> None:", f"    first, second = {first}, {second}"]
    if plain:
        lines = [lines[0], "    first: AsyncQuery[Book] = q(Book)", "    second: AsyncQuery[Book] = q(Book)"]
        lines += ["    ones: list[Book] = []", "    others: list[Book] = []"]
    else:
        lines += ["    ones, others = await first.run(), await second.run()"]
    lines += ["    one, other = ones[0], others[0]", *(f"    {line}" for line in code.split("\n"))]
    return "\n".join(lines)


def _module(*, plain: bool) -> tuple[str, list[str]]:
    """Return the module, and for each of its functions the queries that it is about."""
    functions: list[str] = []
    names: list[str] = []
    for number, (first, second, is_same) in enumerate(_pairs()):
        for name, code in {**_OPERATIONS, **(_BETWEEN_STATES if is_same else {})}.items():
            functions.append(_function(number, name, code, first, second, plain=plain))
            names.append(f"{name}: {first} | {second}")
    return _HEAD + "\n\n" + "\n\n\n".join(functions) + "\n", names


def _errors(directory: Path, *, plain: bool) -> dict[str, set[str]]:
    """Return mypy's errors by the function that they are in."""
    source, names = _module(plain=plain)
    path = directory / ("mixed_plain.py" if plain else "mixed_rows.py")
    messages = said(checked(source, path, PLUGIN_SETTINGS)).get(str(path), [])
    starts = [at for at, line in enumerate(source.splitlines(), 1) if line.startswith("async def ")]
    found: dict[str, set[str]] = {name: set() for name in names}
    for message in messages:
        if message.kind == "E":
            found[names[_function_at(starts, message)]].add(message.text)
    return found


def _function_at(starts: list[int], message: Message) -> int:
    return max(at for at, start in enumerate(starts) if start <= message.line)


def test_nothing_is_refused_that_is_accepted_of_plain_rows(tmp_path: Path) -> None:
    rows, plain = _errors(tmp_path, plain=False), _errors(tmp_path, plain=True)
    assert not [error for errors in plain.values() for error in errors if "[syntax]" in error]
    false = {name: errors for name, errors in rows.items() if errors and not plain[name]}
    assert false == {}
