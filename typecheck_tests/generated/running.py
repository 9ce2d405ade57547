"""Runs the queries by adj and by Django, and compares rows with the types that mypy revealed for them."""

from __future__ import annotations

import asyncio
import datetime
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet, MultipleObjectsReturned, ObjectDoesNotExist
from django.core.management import call_command
from django.db import models

import adj
from tests.shop import data
from typecheck_tests.generated import module, revealed
from typecheck_tests.generated.chains import Query
from typecheck_tests.generated.rows import rows_problem


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a query gave: rows, or the error that refused it. Finding no row, or too many, is not a refusal."""

    rows: Any = None
    plain: Any = None
    """The rows as they came, before anything was read from them."""
    error: Exception | None = None
    is_empty: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether the query was wrong."""
        return self.error is not None


@dataclass(frozen=True, slots=True)
class Run:
    """One query, run by adj and by Django; why its rows have not the revealed type."""

    asked: Outcome
    django: Outcome
    late: Exception | None = None
    """What Django has to say of parts that this run did not need, as an alias that nothing names."""

    wrong_type: str | None = None


def make_shop() -> None:
    """Make and fill the tables."""
    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    data.load("default")
    data.know_content_types("default")


def run_all(queries: Sequence[Query], types_of_rows: Mapping[str, str]) -> dict[str, Run]:
    """The outcome of each query."""
    asking, in_django = _module(queries, django=False), _module(queries, django=True)
    django = {query: _outcome(getattr(in_django, query.name)) for query in queries}
    late = {query: _late(getattr(in_django, f"{query.name}_source")) for query in queries}
    asked = asyncio.run(_run_all({query: getattr(asking, query.name) for query in queries}, types_of_rows))
    return {query.name: Run(asked[query][0], django[query], late[query], asked[query][1]) for query in queries}


def _module(queries: Sequence[Query], *, django: bool) -> types.ModuleType:
    made = types.ModuleType(module.NAME)
    exec(compile(module.source(queries, django=django), module.NAME, "exec"), vars(made))  # noqa: S102  # our own text
    vars(made)["reveal_type"] = lambda value: value
    if django:
        vars(made)["q"] = lambda source: source._default_manager.all()
    return made


def _late(source: Callable[[], Any]) -> Exception | None:
    """Why Django would refuse an annotation, if the query asked for it."""
    try:
        query = source().query
        compiler = query.get_compiler("default")
        compiler.setup_query()
        for annotation in query.annotations.values():
            compiler.compile(annotation)
            _ = annotation.output_field
        compiler.as_sql()
    except EmptyResultSet:
        return None
    except Exception as error:  # noqa: BLE001  # as in a run
        return error
    return None


class Look:
    """Takes what a query gives, before anything else is read from it."""

    def __init__(self) -> None:
        self.rows: Any = None
        self.plain: Any = None

    def __call__(self, rows: Any) -> None:
        self.rows, self.plain = rows, plain(rows)

    def outcome(self, error: Exception | None = None) -> Outcome:
        """What came, and how it ended."""
        if isinstance(error, (ObjectDoesNotExist, MultipleObjectsReturned)):
            return Outcome(self.rows, self.plain, is_empty=True)
        return Outcome(self.rows, self.plain, error)


def _outcome(function: Callable[[Look], Any]) -> Outcome:
    look = Look()
    try:
        function(look)
    except Exception as error:  # noqa: BLE001  # what Django refuses, it refuses in many ways
        return look.outcome(error)
    return look.outcome()


async def _run_all(
    asking: Mapping[Query, Callable[[Look], Any]], types_of_rows: Mapping[str, str]
) -> dict[Query, tuple[Outcome, str | None]]:
    found: dict[Query, tuple[Outcome, str | None]] = {}
    try:
        for query, function in asking.items():
            asked = await _asked(function)
            text = types_of_rows[query.name]
            wrong = None
            if text and not asked.is_refused and not asked.is_empty:
                wrong = rows_problem(revealed.Reader(text).read(), asked.rows)
            found[query] = asked, wrong
    finally:
        await adj.close()
    return found


async def _asked(function: Callable[[Look], Any]) -> Outcome:
    look = Look()
    try:
        await function(look)
    except Exception as error:  # noqa: BLE001  # as above
        return look.outcome(error)
    return look.outcome()


def plain(rows: Any) -> Any:
    """Rows as values that can be compared."""
    match rows:
        case models.Model():
            own = {name: value for name, value in vars(rows).items() if not name.startswith("_")}
            return type(rows).__name__, plain(own)
        case dict():
            return {key: plain(value) for key, value in rows.items()}
        case list() | tuple():
            return [plain(item) for item in rows]
        case datetime.datetime():
            return rows.isoformat()
        case _:
            return rows
