"""Prefetching: Django's way down the lookups, one query for each relation, and the rows put where Django puts them.

Branches that cannot meet are followed at the same time outside of a transaction, and one after another inside. What adj
has no question for is left to Django's own code, on the same connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ParamSpec, Protocol, TypeVar

from adj.compiler.django.dialect import Dialect
from adj.compiler.keys.prefetch_lookups import (
    branches,
    deeper,
    has_second_queryset,
    holder,
    length,
    normalized,
    path,
    refuse_second_queryset,
    through,
)
from adj.compiler.plans.prepared import Question
from adj.compiler.relations.deferred_columns import load_as_one
from adj.compiler.relations.prefetch.caches import Fetched, fill, prepare_caches
from adj.compiler.relations.prefetch.djangos import take_level
from adj.compiler.relations.prefetch.entangled import entangled
from adj.compiler.relations.prefetch.steps import ByDjango, Carried, Fetch, LoadColumns, step_for
from adj.compiler.slots.row_keys import RowKeys
from adj.execution.deferred_columns import RESERVED_PARAMETERS, load_columns
from adj.execution.transaction import current_aliases
from adj.statement.structure import SEQUENCE_TYPES, Unkeyed
from adj.statement.text import Noted

P = ParamSpec("P")
T = TypeVar("T")

Rows = Sequence[Any]


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


async def prefetch(
    asker: Asker, instances: Sequence[Any], lookups: Sequence[Any], *, loads_columns: bool = False
) -> None:
    """Fetch relations of instances, as `prefetch_related()` takes them: paths and `Prefetch` objects.

    With `loads_columns` deferred keys are loaded for all instances by one query. Otherwise, as in Django, each instance
    loads its own. Raises what Django's `prefetch_related_objects()` raises.
    """
    at_once = not asker.is_shared and not current_aliases()
    await _Prefetching(asker, at_once, loads_columns).follow(instances, normalized(lookups), 0)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Where a level leads; `own` are the lookups that fetched rows ask for, None where nothing was fetched."""

    rows: Rows
    own: Sequence[Any] | None


class _Prefetching:
    """One prefetch, on the way down its lookups."""

    def __init__(self, asker: Asker, at_once: bool, loads_columns: bool) -> None:
        self._asker, self._at_once, self._loads_columns = asker, at_once, loads_columns

    async def follow(self, instances: Rows, lookups: Sequence[Any], level: int) -> None:
        """Fetch a level and what is below it."""
        if not lookups or not instances or not prepare_caches(instances):
            return
        found = branches(lookups, level)
        rest = entangled(instances, lookups, found, level)
        meeting = [found[number] for number in rest]
        alone = [number for number in range(len(found)) if number not in rest]
        begun = await self._all([self._begin(instances, found[number][0], level) for number in alone])
        steps = dict(zip(alone, begun, strict=True))
        below: list[tuple[Rows, Sequence[Any], int]] = []
        # Caches are filled in the lookups' order, whichever rows were here first.
        for number, branch in enumerate(found):
            if number in steps:
                taken = await self._end(steps[number], branch[0], level)
                below += _below(instances, taken, branch, level)
            elif number == rest[0]:
                await self._follow_entangled(instances, lookups, meeting, level)
        await self._all([self.follow(*way) for way in below])

    async def _follow_entangled(
        self, instances: Rows, lookups: Sequence[Any], found: Sequence[Sequence[Any]], level: int
    ) -> None:
        """Follow branches that may meet; `lookups` are all, in their order."""
        if len(found) > 1 or has_second_queryset(found[0], level):
            names = {holder(branch[0], level) for branch in found}
            ordered = [lookup for lookup in lookups if holder(lookup, level) in names]
            await self._follow_in_order(instances, ordered, level)
            return
        branch = found[0]
        taken = await self._take(instances, branch[0], level)
        for rows, rest, depth in _below(instances, taken, branch, level):
            await self.follow(rows, rest, depth)

    async def _follow_in_order(self, instances: Rows, lookups: Sequence[Any], level: int) -> None:
        """Lookups that may come to the same instances: one after another, as in `prefetch_related_objects()`."""
        done: dict[str, Rows] = {}
        waiting = [*reversed(lookups)]
        while waiting:
            lookup = waiting.pop()
            if lookup.prefetch_to in done:
                refuse_second_queryset(lookup)
                continue
            rows = instances
            for depth in range(level, length(lookup)):
                where = path(lookup, depth)
                if rows and where in done:
                    rows = done[where]
                    continue
                if not rows or not prepare_caches(rows):
                    break
                taken = await self._take(rows, lookup, depth)
                rows = taken.rows
                if taken.own is not None:
                    done[where] = rows
                    waiting += reversed(normalized(taken.own, where))

    async def _take(self, instances: Rows, lookup: Any, level: int) -> _Taken:
        """Take one level of a lookup."""
        return await self._end(await self._begin(instances, lookup, level), lookup, level)

    async def _begin(self, instances: Rows, lookup: Any, level: int) -> Fetched | Carried | ByDjango:
        """Fetch the rows of a level, where adj has a question for them."""
        step = step_for(instances, lookup, level)
        if isinstance(step, LoadColumns):
            if not self._loads_columns:
                return ByDjango(instances)
            await load_columns(self._asker, step.instances, step.names)
            return await self._begin(instances, lookup, level)
        return await self._fetched(step, level) if isinstance(step, Fetch) else step

    async def _end(self, begun: Fetched | Carried | ByDjango, lookup: Any, level: int) -> _Taken:
        """Put the rows of a level where Django puts them."""
        match begun:
            case Carried(rows):
                return _Taken(rows, None)
            case ByDjango(instances):
                return _Taken(*await self._asker.run(take_level, [*instances], lookup, level))
            case _:
                await self._fill(begun)
                return _Taken(begun.rows, begun.request.lookups)

    async def _fetched(self, fetch: Fetch, level: int) -> Fetched:
        request = fetch.request
        asker = await self._asker.sibling(request.alias)
        parts = [await _noted(asker, question) for question in _questions(fetch, asker.dialect)]
        rows = parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
        if request.relation.back_name is not None:
            # Here Django runs the query by itself, and only then lets its rows know the instances.
            await self.follow(rows, normalized(request.lookups), 0)
        return Fetched(request, fetch.lookup, level, fetch.instances, fetch.keys, rows, asker.dialect.wrapper)

    async def _fill(self, fetched: Fetched) -> None:
        asker = await self._asker.sibling(fetched.request.alias)
        if self._loads_columns and fetched.lacks_keys() and load_as_one(fetched.rows):
            await load_columns(asker, fetched.rows, [fetched.request.relation.row_key])
        if fetched.calls_project_code():
            await asker.run(fill, fetched)
        else:
            fill(fetched)

    async def _all(self, coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        if self._at_once and len(coroutines) > 1:
            return await _at_once(coroutines)
        waiting = list(coroutines)
        try:
            return [await waiting.pop(0) for _ in coroutines]
        finally:
            for coroutine in waiting:
                coroutine.close()


def _below(
    instances: Rows, taken: _Taken, branch: Sequence[Any], level: int
) -> Iterator[tuple[Rows, Sequence[Any], int]]:
    """Where lookups go on that begin with one level, which the first of them has taken: instances, lookups, level."""
    first = branch[0]
    if taken.own is None:
        name = through(first, level)
        yield taken.rows, deeper([lookup for lookup in branch if through(lookup, level) == name], level), level + 1
        # What goes by another attribute looks again whether its rows are there.
        yield instances, [lookup for lookup in branch if through(lookup, level) != name], level
        return
    own = normalized(taken.own, path(first, level))
    yield taken.rows, [*deeper(branch[:1], level), *own, *deeper(branch[1:], level)], level + 1


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
        yield fetch.request.question(RowKeys(keys[start : start + size]))


def _operands(question: Question) -> int:
    """How many parameters the user's operands make."""
    structure = question.structure
    values: Sequence[Any] = () if isinstance(structure, Unkeyed) else structure.values
    lists: list[Any] = [value for value in values if isinstance(value, SEQUENCE_TYPES)]
    return len(values) - len(lists) + sum(len(operands) for operands in lists if type(operands) is not RowKeys)


async def _at_once(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all; the first error ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
