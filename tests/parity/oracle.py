"""Asks Django and adj the same, and compares everything: SQL, parameters, rows, errors and warnings.

A case is a function that builds a query from whatever `start(Model)` gives it: a QuerySet on Django's side, an
AsyncQuery on adj's. It is called with one set of values after another, and the plan cache is emptied before the first
one only, so that the later ones are answered from the cache wherever adj thinks that they can be.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Manager, QuerySet
from django.db.models.query import RawQuerySet

import adj
from adj import q
from tests.parity.observing import Side, as_sent, observed, shown
from tests.parity.plain import difference, plain
from tests.parity.tally import TALLY
from tests.running import assert_no_worker_left
from tests.shop.models import Country

# Queries and values of every kind pass through here; `plain()` looks at their types at run time.
Build: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """The method that finishes a query, by adj's name, with its arguments."""

    name: str = "run"
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f".{self.name}({', '.join([*map(repr, self.args), *(f'{k}={v!r}' for k, v in self.kwargs.items())])})"


_DEPRECATED = (DeprecationWarning, PendingDeprecationWarning)

RUN = Ending()


def ending(name: str, /, *args: Any, **kwargs: Any) -> Ending:
    """A finishing method with its arguments."""
    return Ending(name, args, kwargs)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A value that one query consumes, such as a generator: created again for each side."""

    make: Callable[[], Any]


@dataclass(slots=True)
class Outcome(Side):
    """What came of asking one side."""

    sql: Any = None
    warned: set[tuple[type[Warning], str]] = field(default_factory=set)


def compare(
    build: Build,
    *value_sets: Any,
    finish: Ending | None = None,
    alias: str = "default",
    in_any_order: bool = False,
    refused_as: type[Exception] | None = None,
) -> None:
    """Fail unless adj does what Django does, for each set of values in turn.

    A set is a tuple of arguments for `build`, or its only argument. Without any, `build` is called without values,
    twice. `build` may return the ending beside the query, where the ending has a value. `in_any_order` is for queries
    whose order is random. `refused_as` is a class of adj's own, for what Django refuses with one that adj's class does
    not inherit.
    """
    with Session(alias) as session:
        session.compare(build, *value_sets, finish=finish, in_any_order=in_any_order, refused_as=refused_as)


class Session:
    """An event loop and a database on which cases are compared, one after another."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.runner = asyncio.Runner()

    def __enter__(self) -> Self:
        # What opening executes is not part of a case, nor what Django asks SQLite when it first compiles JSON.
        connections[self.alias].ensure_connection()
        _ = connections[self.alias].features.supports_json_field
        self.runner.run(self._warm_up())
        return self

    def __exit__(self, *exception: object) -> None:
        self.runner.close()
        assert_no_worker_left()

    def compare(
        self,
        build: Build,
        *value_sets: Any,
        finish: Ending | None = None,
        in_any_order: bool = False,
        refused_as: type[Exception] | None = None,
    ) -> list[Outcome]:
        """Compare the sides for each set of values, the first one without a plan; return what Django answered."""
        TALLY.take_over(adj.plan_cache)
        answers = []
        for number, values in enumerate(value_sets or ((), ())):
            given = values if isinstance(values, tuple) else (values,)
            is_first = not number
            answers.append(
                self.compare_once(
                    build, given, finish, is_first=is_first, in_any_order=in_any_order, refused_as=refused_as
                )
            )
        return answers

    def compare_once(
        self,
        build: Build,
        given: tuple[Any, ...],
        finish: Ending | None = None,
        *,
        is_first: bool = False,
        in_any_order: bool = False,
        refused_as: type[Exception] | None = None,
    ) -> Outcome:
        """Compare the sides for one set of values, with the plans that there are; return what Django answered."""
        django = ask_django(build, given, finish or RUN, self.alias)
        # In the caller's context, which the runner has noted when it began.
        ours = self.runner.run(ask_adj(build, given, finish or RUN, self.alias), context=copy_context())
        TALLY.comparisons += 1
        context = f"{'cold' if is_first else 'from the cache'}, {finish or RUN}, values {given!r}"
        if not is_first:
            # A query that was asked before is not built again, so that what is deprecated is told of once.
            _forget_deprecations(django, ours)
        if django.error is not None or ours.error is not None:
            _compare_errors(django, ours, context, refused_as)
        else:
            _compare_answers(django, ours, context, in_any_order)
        return django

    def settle(self) -> None:
        """Wait for what a query that has failed may have left running on other threads."""
        self.runner.run(adj.close())
        self.runner.run(self._warm_up())

    async def _warm_up(self) -> None:
        """Open the connection, so that what opening executes is not taken for part of a case."""
        await q(Country).using(self.alias).acount()


def _forget_deprecations(*outcomes: Outcome) -> None:
    for outcome in outcomes:
        outcome.warned = {warning for warning in outcome.warned if not issubclass(warning[0], _DEPRECATED)}


def _compare_errors(django: Outcome, ours: Outcome, context: str, refused_as: type[Exception] | None) -> None:
    """A caller's `except` clause that is written for Django has to catch adj's error."""
    expected = refused_as or type(django.error)
    if django.error is None or not isinstance(ours.error, expected):
        raise AssertionError(f"{context}: Django {_told(django)}, adj {_told(ours)}") from ours.error


def _compare_answers(django: Outcome, ours: Outcome, context: str, in_any_order: bool) -> None:
    if in_any_order:
        ours.answer, django.answer = (sorted(outcome.answer[2], key=repr) for outcome in (ours, django))
    for outcome in (ours, django):
        # The relations of a prefetch are fetched at the same time.
        outcome.executed = [*outcome.executed[:1], *sorted(map(_in_list, outcome.executed[1:]), key=repr)]
    for what in ("sql", "executed", "warned", "answer"):
        theirs, mine = getattr(django, what), getattr(ours, what)
        if theirs != mine:
            raise AssertionError(f"{context}: {what} differs{difference(theirs, mine)}\n{django.executed}")


def _in_list(executed: Any) -> Any:
    """A prefetch as one column in a list, where Django writes tuples of one member or, in 5.2, a chain of OR.

    The keys are sorted: where a relation is met on two ways, the ways may be gone in another order.
    """
    sql, parameters = executed
    without_tuples = re.sub(r"\(([^()]+)\) IN \((\(%s\)(?:, \(%s\))*)\)", _listed, sql)
    without_chains = re.sub(r"\((\S+) = %s((?: OR \1 = %s)+)\)", _listed, without_tuples)
    return re.sub(r"(?<= )([^ (]+) = (%s)", _listed, without_chains), tuple(sorted(parameters, key=repr))


def _listed(found: re.Match[str]) -> str:
    count = found[0].count("%s")
    return f"{found[1]} IN ({', '.join(['%s'] * count)})"


def _told(outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"raises {shown(outcome.error)}"
    return f"answers {str(outcome.answer)[:300]}, {str(outcome.executed)[:1_000]}"


# -- Django ------------------------------------------------------------------------------------------------------------


def ask_django(build: Build, values: tuple[Any, ...], finish: Ending, alias: str) -> Outcome:
    """Build and finish a query with Django's own code, on this thread."""

    def start(source: Any) -> Any:
        queryset = source.all() if isinstance(source, (QuerySet, Manager)) else source._default_manager.all()
        return queryset if alias == "default" else queryset.using(alias)

    outcome = Outcome()
    with _observed(outcome):
        queryset, finish = _with_ending(build(start, *_fresh(values)), finish)
        if finish.name in {"run", "arun"}:
            outcome.sql = _django_sql(queryset)
        outcome.answer = plain(_finish_in_django(queryset, finish))
    return outcome


def _django_sql(queryset: Any) -> Any:
    try:
        # A copy, as compiling adds columns to some queries.
        sql, parameters = queryset.query.clone().get_compiler(queryset.db).as_sql()
    except EmptyResultSet:
        return as_sent("", ())
    return as_sent(sql, parameters)


def _finish_in_django(queryset: Any, finish: Ending) -> Any:
    args, kwargs = _fresh(finish.args), finish.kwargs
    match finish.name:
        case "run" | "arun" | "async for":
            return list(queryset)
        case "aiterator" if isinstance(queryset, RawQuerySet):
            return list(queryset.iterator())
        case "aiterator" | "stream":
            return list(queryset.iterator(*args or (2_000,), **kwargs))
        case "aget_or_none":
            try:
                return queryset.get(*args, **kwargs)
            except queryset.model.DoesNotExist:
                return None
        case "[]":
            return queryset[args[0]]
        case name:
            return getattr(queryset, name.removeprefix("a"))(*args, **kwargs)


# -- adj ---------------------------------------------------------------------------------------------------------------


async def ask_adj(build: Build, values: tuple[Any, ...], finish: Ending, alias: str) -> Outcome:
    """Build and finish the same query with adj."""

    def start(source: Any) -> Any:
        return q(source) if alias == "default" else q(source).using(alias)

    outcome = Outcome()
    with _observed(outcome):
        query, finish = _with_ending(build(start, *_fresh(values)), finish)
        if finish.name in {"run", "arun"}:
            outcome.sql = as_sent(*query.sql())
        outcome.answer = plain(await _finish_in_adj(query, finish))
    return outcome


async def _finish_in_adj(query: Any, finish: Ending) -> Any:
    args, kwargs = _fresh(finish.args), finish.kwargs
    match finish.name:
        case "async for":
            return [row async for row in query]
        case "aiterator":
            return [row async for row in query.aiterator(*args, **kwargs)]
        case "stream":
            async with query.stream(*args, **kwargs) as rows:
                return [row async for row in rows]
        case "[]":
            return await query[args[0]].run()
        case name:
            return await getattr(query, name)(*args, **kwargs)


# -- both --------------------------------------------------------------------------------------------------------------


def _with_ending(built: Any, finish: Ending) -> tuple[Any, Ending]:
    return built if isinstance(built, tuple) else (built, finish)


def _fresh(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.make() if isinstance(value, Fresh) else value for value in values)


@contextmanager
def _observed(outcome: Outcome) -> Generator[None]:
    """Note what is executed on whatever thread, what is warned of, and the error that ends it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with observed(outcome):
            yield
    outcome.warned = {(warning.category, str(warning.message)) for warning in caught}
