"""Visit an example of the tour: ask it, watch the database and the plan cache, and race the two ORMs."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from adj import CacheStats, plan_cache
from tour.example import Answer, Orm, Question
from tour.statements import Statement, recorder


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What the plan cache did for one answer."""

    hits: int
    misses: int
    others: int

    @classmethod
    def between(cls, before: CacheStats, after: CacheStats) -> CacheUse:
        """The difference of two readings; refused and uncacheable statements are the others."""
        return cls(
            hits=after.hits - before.hits,
            misses=after.misses - before.misses,
            others=after.refusals + after.uncacheable - before.refusals - before.uncacheable,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer of adj and how its plan was found."""

    answer: Answer
    cache: CacheUse


@dataclass(frozen=True, slots=True)
class Visit:
    """An example asked twice through adj, then once through Django."""

    question: Question
    first: Asked
    second: Asked
    statements: tuple[Statement, ...]
    django: Answer

    @property
    def agrees(self) -> bool:
        """Whether adj gave Django's rows, both times."""
        return self.first.answer.rows == self.second.answer.rows == self.django.rows


@dataclass(frozen=True, slots=True)
class Race:
    """The median times of one example through both ORMs, in seconds."""

    question: Question
    adj: float
    django: float

    @property
    def ratio(self) -> float:
        """How many times adj's time goes into Django's."""
        return self.django / self.adj


async def visit(question: Question) -> Visit:
    """Ask adj twice, for a miss and a hit of the plan cache, and Django once for the truth."""
    first = await ask_adj(question)
    second = await ask_adj(question)
    # Recorded apart, so that listening costs neither of the times above.
    with recorder.listen() as statements:
        await question.ask(Orm.ADJ)
    return Visit(question, first, second, tuple(statements), await question.ask(Orm.DJANGO))


async def ask_adj(question: Question) -> Asked:
    """One answer of adj, with what it did to the plan cache."""
    before = plan_cache.stats()
    answer = await question.ask(Orm.ADJ)
    return Asked(answer, CacheUse.between(before, plan_cache.stats()))


async def race(question: Question, runs: int) -> Race:
    """Ask both `runs` times in turn, so that a busy moment of the machine hits both alike."""
    times: dict[Orm, list[float]] = {Orm.ADJ: [], Orm.DJANGO: []}
    for _ in range(runs):
        for orm, seconds in times.items():
            seconds.append((await question.ask(orm)).seconds)
    return Race(question, median(times[Orm.ADJ]), median(times[Orm.DJANGO]))
