"""Lets Django and adj write the same, each in a transaction that is rolled back, and compares the results."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from django.db import DatabaseError, Error, connections, transaction
from django.db.models import Model, signals
from psycopg.pq import TransactionStatus

import adj
from adj import atomic, q
from tests.engines.places import Place
from tests.parity.observing import Side, observed, shown
from tests.parity.oracle import Ending
from tests.parity.plain import difference, plain
from tests.receivers import receiving
from tests.running import run

Start: TypeAlias = Callable[[Any], Any]
Tables: TypeAlias = tuple[type[Model], ...]
Case: TypeAlias = Callable[..., tuple[Any, Ending]]
"""From `start(Model)` and values to a query and the method that ends it."""

_SIGNALS = {
    "pre_save": signals.pre_save,
    "post_save": signals.post_save,
    "pre_delete": signals.pre_delete,
    "post_delete": signals.post_delete,
    "m2m_changed": signals.m2m_changed,
}


@dataclass(slots=True)
class Written(Side):
    """What came of writing on one side."""

    signals: list[Any] = field(default_factory=list)
    must_roll_back: bool = False
    is_refused_by_driver: bool = False
    data: Any = None


def compare(place: Place, case: Case, *value_sets: Any, tables: Iterable[type[Model]], listens: bool = True) -> None:
    """Fail unless adj writes what Django writes: for each set of values in turn, the first one without a plan.

    Compared are the answer or the error, every statement with its parameters, the signals with their arguments, the
    rows of `tables` afterwards, and whether the transaction has failed.
    `listens` connects receivers, which keep deletions from being fast.
    """
    adj.plan_cache.clear()
    for values in value_sets or ((), ()):
        given = values if isinstance(values, tuple) else (values,)
        django = write_in_django(place, case, given, tuple(tables), listens)
        ours = run(write_in_adj(place, case, given, tuple(tables), listens))
        assert_same(django, ours, given)


def assert_same(django: Written, ours: Written, given: Any) -> None:
    """Fail where two sides differ."""
    sides = [f"{shown(side.error)} {side.executed}" for side in (django, ours)]
    context = f"values {given!r}\nDjango: {sides[0]}\nadj:    {sides[1]}"
    if django.error is not None or ours.error is not None:
        assert django.error is not None, context
        assert isinstance(ours.error, type(django.error)), context
    if not django.executed or (django.is_refused_by_driver and len(django.executed) == 1):
        # Django gives up a transaction for a value that it, or its driver, refuses before anything was sent; adj need
        # not.
        django.must_roll_back = django.must_roll_back and ours.must_roll_back
    for what in ("answer", "signals", "must_roll_back", "data"):
        theirs, mine = getattr(django, what), getattr(ours, what)
        assert theirs == mine, f"{what} differs{difference(theirs, mine)}\n{context}"
    assert told(django.executed) == told(ours.executed), context


def told(executed: list[Any]) -> list[str]:
    """Statements as text; the name of a savepoint has the number of a thread in it."""
    return [re.sub(r"[`\"]?s\d+_x\d+[`\"]?", "savepoint", repr(statement)) for statement in executed]


def managed(source: Any) -> Any:
    """The manager of a model, or what is one already."""
    return source._default_manager if hasattr(source, "_meta") else source.all()


def write_in_django(
    place: Place, case: Case, values: tuple[Any, ...], tables: tuple[type[Model], ...], listens: bool
) -> Written:
    """Write with Django's synchronous methods."""
    written = Written()
    with transaction.atomic(using=place.alias):
        with listening(written.signals, listens), observed(written):
            queryset, ending = case(lambda source: managed(source).using(place.alias), *values)
            method = getattr(queryset, ending.name.removeprefix("a"))
            written.answer = plain(method(*ending.args, **ending.kwargs))
        written.is_refused_by_driver = written.error is not None and _is_unsent(place.alias, written.error)
        look(written, place.alias, tables)
        transaction.set_rollback(True, using=place.alias)
    return written


async def write_in_adj(
    place: Place, case: Case, values: tuple[Any, ...], tables: tuple[type[Model], ...], listens: bool
) -> Written:
    """Write with adj."""
    written = Written()
    await q(tables[0]).using(place.alias).acount()
    async with atomic(place.alias):
        with listening(written.signals, listens), observed(written):
            query, ending = case(lambda source: q(source).using(place.alias), *values)
            written.answer = plain(await getattr(query, ending.name)(*ending.args, **ending.kwargs))
        await adj.run_sync(look, written, place.alias, tables)
        await adj.set_rollback(using=place.alias)
    return written


def look(written: Written, alias: str, tables: Tables) -> None:
    """The rows as they are now, and the state of the transaction; runs where the connection is."""
    connection: Any = connections[alias]
    written.must_roll_back = connection.needs_rollback
    if written.error is None:
        written.data = [_stored(model, alias) for model in tables]


def _is_unsent(alias: str, error: BaseException) -> bool:
    """Whether a failed statement has not reached the server: PostgreSQL would have aborted the transaction."""
    connection: Any = connections[alias]
    if connection.vendor == "postgresql":
        intact: bool = connection.connection.info.transaction_status == TransactionStatus.INTRANS
        return intact
    return not isinstance(error, Error)


def _stored(model: type[Model], alias: str) -> Any:
    """The rows of a table as the driver returns them, or why it cannot: SQLite stores anything anywhere."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(*_all_rows(model, alias))
            return [repr([bytes(v) if isinstance(v, memoryview) else v for v in row]) for row in cursor.fetchall()]
    except (ValueError, TypeError, ArithmeticError, DatabaseError) as error:
        return repr(error)


@cache
def _all_rows(model: type[Model], alias: str) -> tuple[str, Any]:
    sql, parameters = rows_of(model, alias).query.get_compiler(alias).as_sql()
    return sql, parameters


def rows_of(model: type[Model], alias: str) -> Any:
    """All rows of a table as tuples."""
    return model._base_manager.using(alias).order_by("pk").values_list()


@contextmanager
def listening(log: list[Any], listens: bool) -> Generator[None]:
    """Note every signal of a model: its sender, its arguments, and whether it was sent in a transaction."""

    def receiver(name: str) -> Callable[..., None]:
        def receive(sender: Any, **arguments: Any) -> None:
            arguments.pop("signal")
            instance = arguments.pop("instance", None)
            origin = type(arguments.pop("origin", None)).__name__
            connection = connections[arguments["using"]]
            told_arguments = sorted((key, str(value)) for key, value in arguments.items())
            log.append((name, sender.__name__, instance.pk, origin, told_arguments, connection.in_atomic_block))

        return receive

    with ExitStack() as connected:
        for name, signal in _SIGNALS.items() if listens else ():
            connected.enter_context(receiving(signal, receiver(name)))
        yield
