"""Chance, and the one mistake that a query may have."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, TypeVar

T = TypeVar("T")

SLIPS: Final = (
    "name", "lookup", "value", "flat", "conflict", "many", "both", "unloaded", "mixed", "isnull", "in", "relation",
    "attribute", "deferred", "outer",
)  # fmt: skip
"""What may be wrong: a misspelt name, an unknown lookup, a value of a wrong type, `flat` of two columns, an annotation
with a field's name, `select_related()` of many, a relation both deferred and selected, an unloaded relation or deferred
column that is read, ..."""


class Dice:
    """Draws everything about one query. The mistake that it shall have is made at the first place that offers it."""

    def __init__(self, seed: str, *, wrong: bool) -> None:
        self._random = Random(seed)  # noqa: S311  # nothing here is a secret
        self.slip: str | None = self.pick(SLIPS) if wrong else None

    def chance(self, probability: float) -> bool:
        """True as often as that."""
        return self._random.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return self._random.choice(choices)

    def some(self, choices: Sequence[T], most: int, *, least: int = 1) -> list[T]:
        """A few of them, none twice."""
        many = min(len(choices), self._random.randint(least, most))
        return self._random.sample(list(choices), many)

    def number(self, low: int, high: int) -> int:
        """An integer between these, both included."""
        return self._random.randint(low, high)

    def slips(self, kind: str) -> bool:
        """Whether this is the place for the mistake."""
        if self.slip != kind:
            return False
        self.slip = None
        return True
