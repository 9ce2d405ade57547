"""What was asked and how it went: counts, and the differences from Django, by test."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field

from adj.compiler.plans.cache import CacheStats


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between adj and Django in one of Django's tests."""

    test: str
    reason: str


@dataclass(slots=True)
class Tally:
    """The counts of one run. `test` is the one that runs."""

    queries: int = 0
    comparisons: int = 0
    foreign: int = 0
    answered: int = 0
    rows: int = 0
    after_others: int = 0
    """How many were answered by a plan that was made of other operands."""
    changed_in_place: int = 0
    cache: Counter[str] = field(default_factory=Counter)
    differences: dict[Difference, dict[str, str]] = field(default_factory=dict)
    """For each, both sides by the way of asking."""
    broken: dict[str, str] = field(default_factory=dict)
    """Where the harness itself failed, by test."""
    test: str = "before the first test"

    def add(self, before: CacheStats, after: CacheStats) -> None:
        """What one question has added to the counts of the plan cache."""
        earlier = asdict(before)
        self.cache.update({name: count - earlier[name] for name, count in asdict(after).items()})

    def differs(self, reason: str, asked: str, details: str) -> None:
        """Note a difference, once for each test and reason."""
        self.differences.setdefault(Difference(self.test, reason), {}).setdefault(asked, details)

    def lines(self) -> list[str]:
        """The counts, to be printed."""
        plans = ("hits", "hot"), ("misses", "made a plan"), ("refusals", "refused")
        fates = [f"{self.cache[name]} {word}" for name, word in (*plans, ("uncacheable", "uncacheable"))]
        others = [f"{self.foreign} foreign", f"{self.answered} answered without a query"]
        return [
            f"{self.queries} queries replayed; {self.comparisons} comparisons with Django, {self.rows} of them of rows",
            ", ".join([*fates, *others]),
            f"{self.after_others} answered by a plan that was made of other operands",
            f"{self.changed_in_place} comparisons left out: the QuerySet was changed in place, which no chain tells",
        ]


TALLY = Tally()
