"""Prefetching: level by level, one query for each relation, and the rows put where Django puts them.

The relations of a level are fetched at the same time outside of a transaction, and one after another inside. What adj
has no plan for is left to Django's own `prefetch_related_objects()`, on the same connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from itertools import chain
from typing import Any, ParamSpec, Protocol, TypeVar

from django.db.models import prefetch_related_objects

from adj.compiler.dialect import Dialect
from adj.compiler.prefetch.caches import Fetched, fill, prepare_caches
from adj.compiler.prefetch.lookups import are_independent, branches, for_django, normalized
from adj.compiler.prefetch.steps import Carried, Fetch, Foreign, Step, step_for
from adj.compiler.prepare import Question
from adj.compiler.row_keys import Keys
from adj.compiler.structure import SEQUENCE_TYPES, Unkeyed
from adj.compiler.text import Noted
from adj.transaction import current_aliases

P = ParamSpec("P")
T = TypeVar("T")

RESERVED_PARAMETERS = 1_000
"""How many parameters a statement may have beside its keys, where the keys are too many for one statement."""


class Asker(Protocol):
    """What prefetching asks of an executor."""

    @property
    def dialect(self) -> Dialect:
        """How the database is spoken to."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether only one question can be asked at a time."""
        ...

    async def answer(self, question: Question) -> Any:
        """The rows of a question."""
        ...

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code on a connection."""
        ...

    def sibling(self, alias: str) -> Coroutine[Any, Any, Asker]:
        """What asks another database."""
        ...


async def prefetch(asker: Asker, instances: Sequence[Any], lookups: Sequence[Any]) -> None:
    """Fetch relations of instances, as `prefetch_related()` takes them: paths and `Prefetch` objects.

    Raises what Django's `prefetch_related_objects()` raises.
    """
    at_once = not asker.is_shared and not current_aliases()
    await _Prefetching(asker, at_once).descend(instances, normalized(lookups), 0)


class _Prefetching:
    """One prefetch, on the way down its lookups."""

    def __init__(self, asker: Asker, at_once: bool) -> None:
        self._asker, self._at_once = asker, at_once

    async def descend(self, instances: Sequence[Any], lookups: Sequence[Any], level: int) -> None:
        """Fetch a level and what is below it."""
        if not lookups or not instances or not prepare_caches(instances):
            return
        steps = [step_for(instances, branch, level) for branch in branches(lookups, level)]
        families = await self._take(steps, level)
        below = [self.descend(rows, next_lookups, level + 1) for rows, next_lookups in families]
        await self._all(below, at_once=are_independent([next_lookups for _, next_lookups in families], level))
        for step in steps:
            if isinstance(step, Carried):
                await self.descend(instances, step.rest, level)

    async def _take(self, steps: Sequence[Step], level: int) -> list[tuple[Sequence[Any], Sequence[Any]]]:
        """Do the steps of a level; the rows that each leads to, with the lookups that go on from there."""
        fetches = [step for step in steps if isinstance(step, Fetch)]
        found = iter(await self._all([self._fetched(fetch, level) for fetch in fetches], at_once=True))
        families: list[tuple[Sequence[Any], Sequence[Any]]] = []
        # Caches are filled in the lookups' order, whichever rows were here first.
        for step in steps:
            match step:
                case Fetch():
                    fetched, asker = next(found)
                    await self._fill(fetched, asker)
                    families.append((fetched.rows, step.next_lookups))
                case Carried(rows, next_lookups):
                    families.append((rows, next_lookups))
                case Foreign(instances, lookups):
                    relative = for_django(lookups, level)
                    await self._asker.run(prefetch_related_objects, list(instances), *relative)
        return families

    async def _fetched(self, fetch: Fetch, level: int) -> tuple[Fetched, Asker]:
        asker = await self._asker.sibling(fetch.request.alias)
        parts = [await _noted(asker, question) for question in _questions(fetch, asker.dialect)]
        rows = parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
        wrapper = asker.dialect.wrapper
        return Fetched(fetch.request, fetch.lookup, level, fetch.instances, fetch.keys, rows, wrapper), asker

    async def _fill(self, fetched: Fetched, asker: Asker) -> None:
        if fetched.calls_project_code():
            await asker.run(fill, fetched)
        else:
            fill(fetched)

    async def _all(self, coroutines: Sequence[Coroutine[Any, Any, T]], *, at_once: bool) -> list[T]:
        if at_once and self._at_once and len(coroutines) > 1:
            return await _at_once(coroutines)
        waiting = list(coroutines)
        try:
            return [await waiting.pop(0) for _ in coroutines]
        finally:
            for coroutine in waiting:
                coroutine.close()


async def _noted(asker: Asker, question: Question) -> list[Any]:
    """The rows of a question, which an error of the database shows."""
    with Noted(question.statement, question.finish):
        rows: list[Any] = await asker.answer(question)
        return rows


def _questions(fetch: Fetch, dialect: Dialect) -> Iterator[Question]:
    """One question; more of them where the database does not take so many keys; none without keys."""
    keys, most = fetch.distinct_keys(), dialect.most_parameters
    if not keys:
        return
    whole = fetch.request.question(keys)
    if most is None or len(keys) + _operands(whole) <= most:
        yield whole
        return
    size = max(1, most - RESERVED_PARAMETERS)
    for start in range(0, len(keys), size):
        yield fetch.request.question(Keys(keys[start : start + size]))


def _operands(question: Question) -> int:
    """How many parameters the user's operands make."""
    structure = question.structure
    values: Sequence[Any] = () if isinstance(structure, Unkeyed) else structure.values
    lists: list[Any] = [value for value in values if isinstance(value, SEQUENCE_TYPES)]
    return len(values) - len(lists) + sum(len(operands) for operands in lists if type(operands) is not Keys)


async def _at_once(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all; the first error ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
