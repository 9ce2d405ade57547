"""Asks Django and adj for a case, cold and again from the cache with other values, and notes what differs."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.test import override_settings

import adj
from adj.compiler.django.dialect import forget_dialects
from tests.engines.places import Place as Engine
from tests.fuzz.known import reason_for
from tests.fuzz.places import Place
from tests.fuzz.values import Given
from tests.parity.oracle import RUN, Session, ask_django
from tests.shop.data import know_content_types
from tests.writes.comparing import assert_same, write_in_adj, write_in_django

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "sqlite": ("default", {}),
    "client": ("postgres", {}),
    "server": ("postgres", {"server_side_binding": True}),
    "prepared": ("postgres", {"prepare_threshold": 0}),
    "server, prepared": ("postgres", {"server_side_binding": True, "prepare_threshold": 0}),
}
"""How adj and Django reach a database: the alias, and the OPTIONS of its connections."""


@dataclass(frozen=True)
class Case:
    """One or two places of one model, a value for each, and perhaps others that may be taken for them."""

    places: tuple[Place, ...]
    given: tuple[Given, ...]
    others: tuple[Given, ...] = ()

    def __str__(self) -> str:
        return " | ".join(f"{place.name}: {given.name}" for place, given in zip(self.places, self.given, strict=True))

    @property
    def tables(self) -> tuple[Any, ...]:
        """The tables that it writes."""
        return self.places[-1].tables

    def build(self, start: Any, *given: Given) -> Any:
        """The query, perhaps with its ending, for these values."""
        built = start(self.places[0].model)
        for place, value in zip(self.places, given, strict=True):
            built = place.step(built, start, value.make(start))
        return built

    def usual(self, number: int) -> tuple[Given, ...]:
        """Usual values for its places."""
        return tuple(place.usual[number % len(place.usual)] for place in self.places)

    def rounds(self) -> Iterator[list[tuple[Given, ...]]]:
        """Values in their order, for an empty cache each: the hostile ones first, and the usual ones first."""
        yield [self.given, self.given, self.usual(0), self.given]
        yield [self.usual(0), self.usual(1), self.given, self.usual(0)]
        if self.others:
            yield [self.others, self.given, self.others]


@dataclass
class Tally:
    """What was compared."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        counts = self.counts
        told = [
            f"{counts[name]:,} {name}"
            for name in ("queries", "cold", "hot", "refused on both sides", "endless in Django")
        ]
        return f"{', '.join(told)}, {sum(self.known.values())} known to differ, {len(self.differences)} differences"


_ENDLESS_SECONDS = 4


class _Endless(Exception):
    pass


class Fuzzer:
    """Compares case after case on one event loop."""

    def __init__(self, way: str, session: Session) -> None:
        self.way, self.session = way, session
        self.alias = WAYS[way][0]
        self.tally = Tally()
        self._engine = Engine(way, self.alias, "")

    def takes(self, place: Place) -> bool:
        """Whether the database has what a place needs."""
        return not place.needs or connections[self.alias].vendor == place.needs

    def check(self, case: Case) -> list[str]:
        """Compare a case, and return how it differs, if it is not known to."""
        before = len(self.tally.differences)
        if self._is_endless(case):
            self.tally.counts["endless in Django"] += 1
            return []
        for values in case.rounds():
            adj.plan_cache.clear()
            for number, given in enumerate(values):
                self.tally.counts["queries"] += 1
                try:
                    self._compare(case, given, is_first=not number)
                except AssertionError as error:
                    self._differs(case, f"{[value.name for value in given]}, number {number}", error)
                    break
            self._count_plans()
            if len(self.tally.differences) > before:
                break
        return self.tally.differences[before:]

    def _is_endless(self, case: Case) -> bool:
        """Whether Django never ends, as it does with an F where it iterates: an F can be indexed by any number."""
        with _limited(_ENDLESS_SECONDS):
            if case.tables:
                found: Any = write_in_django(self._engine, case.build, case.given, case.tables, False)
            else:
                found = ask_django(case.build, case.given, RUN, self.alias)
        return isinstance(found.error, _Endless)

    def _compare(self, case: Case, given: tuple[Given, ...], *, is_first: bool) -> None:
        if not case.tables:
            self._count_refusal(self.session.compare_once(case.build, given, is_first=is_first))
            return
        django = write_in_django(self._engine, case.build, given, case.tables, False)
        ours = self.session.runner.run(write_in_adj(self._engine, case.build, given, case.tables, False))
        assert_same(django, ours, [value.name for value in given])
        self._count_refusal(django)

    def _count_refusal(self, django: Any) -> None:
        if django.error is not None:
            self.tally.counts["refused on both sides"] += 1

    def _count_plans(self) -> None:
        stats = adj.plan_cache.stats()
        self.tally.counts["hot"] += stats.hits
        self.tally.counts["cold"] += stats.misses + stats.refusals + stats.uncacheable

    def _differs(self, case: Case, when: str, error: AssertionError) -> None:
        reason = reason_for(case, str(error))
        if reason is not None:
            self.tally.known[reason] += 1
            return
        self.tally.differences.append(f"{self.way}: {case} ({when})\n  {str(error)[:2_000]}")


@contextmanager
def _limited(seconds: int) -> Generator[None]:
    """Raise `_Endless` in the block on this thread, which has to be the main one, when the time is over."""

    def end(number: int, frame: object) -> None:
        raise _Endless

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def fuzzing(way: str) -> Generator[Fuzzer]:
    """A fuzzer for a database, whose plans are trusted from their first run on."""
    alias, options = WAYS[way]
    settings = connections.settings[alias]
    before = settings.get("OPTIONS", {})
    engine = {alias: {"engine": "psycopg"}} if alias == "postgres" else {}
    settings["OPTIONS"] = {**before, **options}
    _forget(alias)
    try:
        know_content_types(alias)
        # With DEBUG messages have values, whose own methods may raise when they are written out. On the native engine
        # statements go another way then, through Django's cursors.
        debug = alias == "default"
        trusting = override_settings(ADJ=engine, ADJ_VERIFY=0, ADJ_PROBATION_RUNS=0, DEBUG=debug)
        with trusting, Session(alias) as session:
            yield Fuzzer(way, session)
    finally:
        settings["OPTIONS"] = before
        _forget(alias)


def _forget(alias: str) -> None:
    """Let the next query open connections with the options of now."""
    connections[alias].close()
    del connections[alias]
    forget_dialects()
    adj.plan_cache.clear()
