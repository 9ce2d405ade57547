"""The limits of what type checkers read: names in a Literal, keywords in a call, and the size of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

MOST_KEYWORDS: Final = 750
"""ty drops the parameters after the thousandth; pyright's time grows with their number."""

MOST_NAMES: Final = 256
"""pyrefly widens a Literal of more names to `str`."""

MOST_BYTES: Final = 60_000
"""The size of a model's file, which an editor reads at the first use of the model."""

T = TypeVar("T")


def most_important(
    ranked: Mapping[str, tuple[int, T]], limit: int, size: Callable[[str, T], int] = lambda name, value: 1
) -> dict[str, T]:
    """Return the names with the lowest ranks whose sizes together are within a limit, in the order of the mapping."""
    kept: set[str] = set()
    for name in sorted(ranked, key=lambda name: ranked[name][0]):
        limit -= size(name, ranked[name][1])
        if limit < 0:
            break
        kept.add(name)
    return {name: value for name, (_, value) in ranked.items() if name in kept}


def literal(names: Iterable[str]) -> str:
    """Return the type of some strings."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f"Literal[{listed}]" if listed else "Never"


def bytes_of(lines: Iterable[str]) -> int:
    """Return the size of some lines in a file."""
    return sum(len(line.encode()) + 1 for line in lines)
