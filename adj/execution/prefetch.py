"""Prefetching: follows the lookups as Django does, with one query for each relation.

Branches that cannot reach the same instances are followed concurrently, or one after another inside a transaction.
Relations that adj cannot fetch itself are left to Django's own code, on the same connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

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
from adj.compiler.plans.prepared import Execution
from adj.compiler.relations.deferred_columns import load_as_one
from adj.compiler.relations.prefetch.caches import Fetched, fill, prepare_caches
from adj.compiler.relations.prefetch.djangos import take_level
from adj.compiler.relations.prefetch.entangled import entangled
from adj.compiler.relations.prefetch.steps import ByDjango, Carried, Fetch, LoadColumns, step_for
from adj.compiler.slots.row_keys import RowKeys
from adj.django_types import AnyPrefetch, PrivateModel
from adj.execution.deferred_columns import RESERVED_PARAMETERS, load_columns
from adj.execution.transaction import current_aliases
from adj.statement.structure import SEQUENCE_TYPES, Unkeyed
from adj.statement.text import Noted

P = ParamSpec("P")
T = TypeVar("T")

Rows: TypeAlias = Sequence[PrivateModel]
Lookups: TypeAlias = Sequence[AnyPrefetch]


class QueryRunner(Protocol):
    """The part of an executor that prefetching uses."""

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether only one query can run at a time."""
        ...

    async def answer(self, execution: Execution) -> Any:  # Any: what the terminal method returns
        """The rows of a query."""
        ...

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code on a connection."""
        ...

    def sibling(self, alias: str) -> Coroutine[object, None, QueryRunner]:
        """The executor of another database."""
        ...


async def prefetch(
    executor: QueryRunner, instances: Rows, lookups: Sequence[str | AnyPrefetch], *, loads_columns: bool = False
) -> None:
    """Fetch relations of instances, by the lookups of `prefetch_related()`: paths and `Prefetch` objects.

    With `loads_columns`, deferred keys are loaded by one query for all. Otherwise, as in Django, each instance
    loads its own. Raises the errors of Django's `prefetch_related_objects()`.
    """
    at_once = not executor.is_shared and not current_aliases()
    await _Prefetching(executor, at_once, loads_columns).follow(instances, normalized(lookups), 0)


@dataclass(frozen=True, slots=True)
class _Reached:
    """The rows that a level leads to.

    `lookups` are those of the query that fetched the rows; None if they were already loaded.
    """

    rows: Rows
    lookups: Sequence[str | AnyPrefetch] | None


class _Prefetching:
    """A prefetch of several lookups."""

    def __init__(self, executor: QueryRunner, at_once: bool, loads_columns: bool) -> None:
        self._executor, self._at_once, self._loads_columns = executor, at_once, loads_columns

    async def follow(self, instances: Rows, lookups: Lookups, level: int) -> None:
        """Fetch a level of the lookups, and the levels below it."""
        if not lookups or not instances or not prepare_caches(instances):
            return
        all_branches = branches(lookups, level)
        rest = entangled(instances, lookups, all_branches, level)
        dependent = [all_branches[number] for number in rest]
        independent = [number for number in range(len(all_branches)) if number not in rest]
        fetches = await self._all([self._begin(instances, all_branches[number][0], level) for number in independent])
        steps = dict(zip(independent, fetches, strict=True))
        below: list[tuple[Rows, Lookups, int]] = []
        # Caches are filled in the order of the lookups, whichever rows arrived first.
        for number, branch in enumerate(all_branches):
            if number in steps:
                reached = await self._end(steps[number], branch[0], level)
                below += _below(instances, reached, branch, level)
            elif number == rest[0]:
                await self._follow_entangled(instances, lookups, dependent, level)
        await self._all([self.follow(*arguments) for arguments in below])

    async def _follow_entangled(
        self, instances: Rows, lookups: Lookups, dependent: Sequence[Lookups], level: int
    ) -> None:
        """Follow branches that may reach the same instances; `lookups` are all lookups, in their order."""
        if len(dependent) > 1 or has_second_queryset(dependent[0], level):
            names = {holder(branch[0], level) for branch in dependent}
            ordered = [lookup for lookup in lookups if holder(lookup, level) in names]
            await self._follow_in_order(instances, ordered, level)
            return
        branch = dependent[0]
        reached = await self._follow_level(instances, branch[0], level)
        for rows, rest, depth in _below(instances, reached, branch, level):
            await self.follow(rows, rest, depth)

    async def _follow_in_order(self, instances: Rows, lookups: Lookups, level: int) -> None:
        """Follow lookups that may reach the same instances one after another, as `prefetch_related_objects()` does."""
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
                reached = await self._follow_level(rows, lookup, depth)
                rows = reached.rows
                if reached.lookups is not None:
                    done[where] = rows
                    waiting += reversed(normalized(reached.lookups, where))

    async def _follow_level(self, instances: Rows, lookup: AnyPrefetch, level: int) -> _Reached:
        """Follow one level of a lookup."""
        return await self._end(await self._begin(instances, lookup, level), lookup, level)

    async def _begin(self, instances: Rows, lookup: AnyPrefetch, level: int) -> Fetched | Carried | ByDjango:
        """Fetch the rows of a level, if adj has a query for them."""
        step = step_for(instances, lookup, level)
        if isinstance(step, LoadColumns):
            if not self._loads_columns:
                return ByDjango(instances)
            await load_columns(self._executor, step.instances, step.names)
            return await self._begin(instances, lookup, level)
        return await self._fetched(step, level) if isinstance(step, Fetch) else step

    async def _end(self, step: Fetched | Carried | ByDjango, lookup: AnyPrefetch, level: int) -> _Reached:
        """Store the rows of a level in the caches where Django stores them."""
        match step:
            case Carried(rows):
                return _Reached(rows, None)
            case ByDjango(instances):
                return _Reached(*await self._executor.run(take_level, [*instances], lookup, level))
            case _:
                await self._fill(step)
                return _Reached(step.rows, step.request.lookups)

    async def _fetched(self, fetch: Fetch, level: int) -> Fetched:
        request = fetch.request
        executor = await self._executor.sibling(request.alias)
        parts = [await _noted(executor, execution) for execution in _executions(fetch, executor.dialect)]
        rows = parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
        if request.relation.back_name is not None:
            # Django runs this query first, and only then sets the relation back to the instances.
            await self.follow(rows, normalized(request.lookups), 0)
        return Fetched(request, fetch.lookup, level, fetch.instances, fetch.keys, rows, executor.dialect.wrapper)

    async def _fill(self, fetched: Fetched) -> None:
        executor = await self._executor.sibling(fetched.request.alias)
        if self._loads_columns and fetched.lacks_keys() and load_as_one(fetched.rows):
            await load_columns(executor, fetched.rows, [fetched.request.relation.row_key])
        if fetched.calls_project_code():
            await executor.run(fill, fetched)
        else:
            fill(fetched)

    async def _all(self, coroutines: Sequence[Coroutine[object, None, T]]) -> list[T]:
        if self._at_once and len(coroutines) > 1:
            return await _at_once(coroutines)
        waiting = list(coroutines)
        try:
            return [await waiting.pop(0) for _ in coroutines]
        finally:
            for coroutine in waiting:
                coroutine.close()


def _below(instances: Rows, reached: _Reached, branch: Lookups, level: int) -> Iterator[tuple[Rows, Lookups, int]]:
    """The next level of the lookups of a branch, whose first lookup led to `reached`: instances, lookups, level."""
    first = branch[0]
    if reached.lookups is None:
        name = through(first, level)
        yield reached.rows, deeper([lookup for lookup in branch if through(lookup, level) == name], level), level + 1
        # Lookups through another attribute check again whether their rows are loaded.
        yield instances, [lookup for lookup in branch if through(lookup, level) != name], level
        return
    added = normalized(reached.lookups, path(first, level))
    yield reached.rows, [*deeper(branch[:1], level), *added, *deeper(branch[1:], level)], level + 1


async def _noted(executor: QueryRunner, execution: Execution) -> list[PrivateModel]:
    """The rows of a query, which is noted on errors of the database."""
    with Noted(execution.statement, execution.terminal):
        rows: list[PrivateModel] = await executor.answer(execution)
        return rows


def _executions(fetch: Fetch, dialect: Dialect) -> Iterator[Execution]:
    """One query, or several if the database does not accept so many keys; none without keys."""
    keys, most = fetch.distinct_keys(), dialect.most_parameters
    if not keys:
        return
    whole = fetch.request.execution(keys)
    if most is None or len(keys) + _operands(whole) <= most:
        yield whole
        return
    size = max(1, most - RESERVED_PARAMETERS)
    for start in range(0, len(keys), size):
        yield fetch.request.execution(RowKeys(keys[start : start + size]))


def _operands(execution: Execution) -> int:
    """How many parameters the values of a query become."""
    structure = execution.structure
    values: Sequence[object] = () if isinstance(structure, Unkeyed) else structure.values
    lists = [value for value in values if isinstance(value, SEQUENCE_TYPES)]
    return len(values) - len(lists) + sum(len(operands) for operands in lists if type(operands) is not RowKeys)


async def _at_once(coroutines: Sequence[Coroutine[object, None, T]]) -> list[T]:
    """The results of all coroutines; the first error cancels the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
