"""How the compared queries fared in the plan cache, added up over all the times that a case empties it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from adj.compiler.plans.cache import PlanCache


@dataclass(slots=True)
class Tally:
    """Counts of a whole test session, or of a part of it."""

    chains: int = 0
    comparisons: int = 0
    hits: int = 0
    misses: int = 0
    refusals: int = 0
    uncacheable: int = 0

    def take_over(self, cache: PlanCache[Any]) -> None:
        """Add the counts of a cache, and empty it."""
        stats = cache.stats()
        for name in ("hits", "misses", "refusals", "uncacheable"):
            setattr(self, name, getattr(self, name) + getattr(stats, name))
        cache.clear()

    def add(self, other: Tally) -> None:
        """Add what another process has counted."""
        for field in fields(Tally):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def copy(self, cache: PlanCache[Any]) -> Tally:
        """The counts up to now, those of a cache included."""
        self.take_over(cache)
        return replace(self)

    def since(self, before: Tally) -> Tally:
        """What was counted after an earlier copy."""
        return Tally(*[getattr(self, field.name) - getattr(before, field.name) for field in fields(Tally)])

    def __str__(self) -> str:
        return (
            f"{self.chains} random chains, {self.comparisons} comparisons with Django; plan cache: {self.hits} hits, "
            f"{self.misses} misses, {self.refusals} refused, {self.uncacheable} uncacheable"
        )


TALLY = Tally()
