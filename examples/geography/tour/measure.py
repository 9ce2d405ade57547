"""Run an example of the tour, record its SQL and its use of the plan cache, and time the two ORMs."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from adj import CacheStats, plan_cache
from tour.example import Answer, Orm, Question
from tour.statements import Statement, recorder


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The use of the plan cache in one run."""

    hits: int
    misses: int
    others: int

    @classmethod
    def between(cls, before: CacheStats, after: CacheStats) -> CacheUse:
        """The difference of two readings; `others` counts refused and uncacheable statements."""
        return cls(
            hits=after.hits - before.hits,
            misses=after.misses - before.misses,
            others=after.refusals + after.uncacheable - before.refusals - before.uncacheable,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """One result of adj, and its use of the plan cache."""

    answer: Answer
    cache: CacheUse


@dataclass(frozen=True, slots=True)
class Visit:
    """An example that ran twice with adj, then once with Django."""

    question: Question
    first: Asked
    second: Asked
    statements: tuple[Statement, ...]
    django: Answer

    @property
    def agrees(self) -> bool:
        """Whether adj returned Django's rows, both times."""
        return self.first.answer.rows == self.second.answer.rows == self.django.rows


@dataclass(frozen=True, slots=True)
class Race:
    """The median times of one example with both ORMs, in seconds."""

    question: Question
    adj: float
    django: float

    @property
    def ratio(self) -> float:
        """Django's time divided by adj's."""
        return self.django / self.adj


async def visit(question: Question) -> Visit:
    """Run adj twice, for a miss and a hit of the plan cache, and Django once for the expected rows."""
    first = await ask_adj(question)
    second = await ask_adj(question)
    # Recorded in a separate run, because recording would affect the times above.
    with recorder.listen() as statements:
        await question.ask(Orm.ADJ)
    return Visit(question, first, second, tuple(statements), await question.ask(Orm.DJANGO))


async def ask_adj(question: Question) -> Asked:
    """One result of adj, with its use of the plan cache."""
    before = plan_cache.stats()
    answer = await question.ask(Orm.ADJ)
    return Asked(answer, CacheUse.between(before, plan_cache.stats()))


async def race(question: Question, runs: int) -> Race:
    """Run both in turn, `runs` times, so that other work on the machine affects both."""
    times: dict[Orm, list[float]] = {Orm.ADJ: [], Orm.DJANGO: []}
    for _ in range(runs):
        for orm, seconds in times.items():
            seconds.append((await question.ask(orm)).seconds)
    return Race(question, median(times[Orm.ADJ]), median(times[Orm.DJANGO]))
