"""A question of Django's put to adj's compiler: in two forms, cold, hot, and hot with a plan made of other operands.

This is done before Django evaluates its QuerySet, so that both sides meet the same objects in the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from django.db.models import QuerySet

from adj import q
from adj.compiler.django.assign import check_assignments
from adj.compiler.django.routing import alias_of
from adj.compiler.plans.prepare import plan_cache, prepare
from adj.compiler.plans.prepared import Execution, Prepared, Ready
from adj.statement.shapes import WRITES, Answer
from adj.statement.statement import ROWS, TerminalCall
from tests.shadow.dialects import dialect_of
from tests.shadow.recording import Record, Step, record_of, replayed, started
from tests.shadow.tally import TALLY
from tests.shadow.varying import Variation, variations

_VARIATIONS = 3
"""How many queries with other operands a plan serves before the real one: more than its probation takes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One way of asking, and what adj's compiler said."""

    form: str
    temperature: str
    question: Execution | None = None
    prepared: Prepared | None = None
    error: Exception | None = None

    def __str__(self) -> str:
        return f"{self.form}, {self.temperature}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How Django's QuerySet is evaluated: a method by its name, `rows` for all rows, `item` for `queryset[n]`."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def answer(self) -> Answer:
        """What adj calls it."""
        return Answer.ROWS if self.name in {"rows", "item"} else Answer(self.name)

    @property
    def has_operands(self) -> bool:
        """Whether it has some that could be others."""
        return bool(self.args or self.kwargs)

    @property
    def writes(self) -> bool:
        """Whether it changes data."""
        return self.answer in WRITES

    def varied(self, variation: Variation) -> Ending:
        """The same with other operands."""
        if self.name == "item":
            return Ending("item", (self.args[0] + variation.amount,) if self.args[0] else self.args)
        step = variation.step(Step(self.name, self.args, self.kwargs))
        return Ending(self.name, step.args, dict(step.kwargs))

    def question(self, query: Any) -> Execution:
        """The question that a query of adj's asks with this ending. Raises what its method would raise at once."""
        finish = TerminalCall(self.answer, self.args, self.kwargs)
        if self.name == "get":
            query, finish = (query.filter(*self.args, **self.kwargs) if self.args or self.kwargs else query), _GET
        elif self.name == "item":
            query, finish = query[self.args[0] : self.args[0] + 1], ROWS
        elif self.name == "update":
            check_assignments(query.statement.model, self.kwargs)
        return Execution(query.statement, query.structure, finish)


_GET = TerminalCall(Answer.GET)

WithOthers: TypeAlias = Callable[[Record, tuple[Step, ...]], Any]


def ask(queryset: QuerySet[Any, Any], ending: Ending) -> list[Asked]:
    """Everything that adj says to a QuerySet that is about to be evaluated."""
    record = record_of(queryset)
    asked = list(_ask("q(queryset)", lambda: q(queryset), ending, record, _queryset_with_others))
    if record is not None:
        asked.extend(_ask("chain", record.query, ending, record, _chain_with_others))
    return asked


def _queryset_with_others(record: Record, steps: tuple[Step, ...]) -> Any:
    return q(replayed(record.root, steps))


def _chain_with_others(record: Record, steps: tuple[Step, ...]) -> Any:
    query = started(record.root)
    for step in steps:
        query = step.taken(query)
    return query


def _ask(
    form: str, make: Callable[[], Any], ending: Ending, record: Record | None, with_others: WithOthers
) -> Iterator[Asked]:
    plan_cache.clear()
    for temperature in ("cold", "hot"):
        yield _asked(Asked(form, temperature), make, ending)
    plan_cache.clear()
    if (record is not None and record.steps) or ending.has_operands:
        if _has_asked_others(make, ending, record, with_others):
            asked = _asked(Asked(form, "hot, after other operands"), make, ending)
            TALLY.after_others += isinstance(asked.prepared, Ready) and asked.prepared.was_cached
            yield asked
        plan_cache.clear()


def _asked(asked: Asked, make: Callable[[], Any], ending: Ending) -> Asked:
    before = plan_cache.stats()
    try:
        question = ending.question(make())
        prepared = _prepared(question, ending)
    except Exception as error:  # noqa: BLE001  # whatever it is, the comparison tells of it
        return replace(asked, error=error)
    TALLY.add(before, plan_cache.stats())
    return replace(asked, question=question, prepared=prepared)


def _prepared(question: Execution, ending: Ending) -> Prepared:
    return prepare(question, dialect_of(alias_of(question.statement, writes=ending.writes)))


def _has_asked_others(make: Callable[[], Any], ending: Ending, record: Record | None, with_others: WithOthers) -> bool:
    """Ask the same with other operands, as often as it takes for a plan to be trusted; whether any was accepted."""
    has_asked = False
    for amount in range(1, _VARIATIONS + 1):
        for variation in variations(amount):
            # Not every operand can be changed without an error; then the plan is made of those that can.
            with suppress(Exception):
                query = make() if record is None else with_others(record, variation.steps(record))
                _prepared(ending.varied(variation).question(query), ending)
                has_asked = True
                break
    return has_asked
