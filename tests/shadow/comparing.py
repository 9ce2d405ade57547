"""adj's answer held against what Django did: the statement, the parameters in type and value, the rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import transaction
from django.db.models import QuerySet

from adj.compiler.plans.prepared import DjangoPath, KnownResult, Ready
from adj.compiler.relations.known_objects import set_known_related_objects
from adj.statement.shapes import Answer
from tests.parity.plain import difference, plain
from tests.shadow.asking import Asked, Ending
from tests.shadow.observing import Seen, Statement, fetched
from tests.shadow.recording import record_of
from tests.shadow.tally import TALLY


class Different(Exception):
    """What adj does otherwise: a short reason, and the two sides."""

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(reason)
        self.reason, self.details = reason, details


def compare(queryset: QuerySet[Any, Any], ending: Ending, asked: list[Asked], seen: Seen) -> None:
    """Note what differs."""
    TALLY.queries += 1
    has_prefetched = bool(getattr(queryset, "_prefetch_related_lookups", ()))
    compared = _Comparison(ending, seen, has_prefetched=has_prefetched)
    for one in asked:
        TALLY.comparisons += 1
        try:
            compared.check(one)
        except Different as different:
            if one.form == "chain" and _was_changed(queryset):
                TALLY.changed_in_place += 1
                continue
            TALLY.differs(f"{ending.name}: {different.reason}", str(one), different.details)


def _was_changed(queryset: QuerySet[Any, Any]) -> bool:
    record = record_of(queryset)
    return record is None or record.was_changed(queryset)


class _Comparison:
    """Of one evaluation, with everything that adj said to it."""

    def __init__(self, ending: Ending, seen: Seen, *, has_prefetched: bool) -> None:
        self.ending, self.seen = ending, seen
        self.has_rows = not ending.writes and not seen.has_failed and not has_prefetched
        self.answer = plain(seen.answer) if seen.error is None else None
        self._fetched: list[tuple[Any, ...]] | None = None

    def check(self, asked: Asked) -> None:
        """Raise `Different` if adj's answer is another."""
        prepared = asked.prepared
        if asked.error is not None:
            self._check_error(asked.error)
        elif isinstance(prepared, KnownResult):
            TALLY.answered += 1
            self._check_answered(prepared.result)
        elif isinstance(prepared, DjangoPath):
            TALLY.foreign += 1
            self._check_foreign(prepared)
        elif isinstance(prepared, Ready):
            self._check_ready(asked, prepared)

    def _check_error(self, error: Exception) -> None:
        if not isinstance(self.seen.error, Exception) or not isinstance(error, type(self.seen.error)):
            told = repr(self.seen.error) if self.seen.error is not None else "answers"
            raise Different(f"adj raises {type(error).__name__}", f"{error!r}, Django {told}") from error

    def _check_answered(self, answer: Any) -> None:
        if self.seen.executed:
            raise Different("adj does not ask", f"adj answers {answer!r}, Django asks {self.seen.executed}")
        if self.seen.error is not None:
            raise Different("adj answers", f"{answer!r}, Django raises {self.seen.error!r}")
        self._check_same(answer)

    def _check_foreign(self, foreign: DjangoPath) -> None:
        if self.ending.name != "rows" or not self.seen.executed:
            return
        queryset: Any = foreign.source
        try:
            sql, parameters = queryset.query.clone().get_compiler(queryset.db).as_sql()
        except EmptyResultSet:
            sql, parameters = "", ()
        self._check_statement(Statement(queryset.db, sql, tuple(parameters)), "the QuerySet for Django has other ")

    def _check_ready(self, asked: Asked, ready: Ready) -> None:
        seen = self.seen
        if not seen.executed:
            if ready.plan.locks_rows and isinstance(seen.error, transaction.TransactionManagementError):
                # adj raises it where the statement is sent.
                return
            told = repr(seen.error) if seen.error is not None else repr(seen.answer)
            raise Different("adj asks", f"{ready.sql}, Django answers {told}")
        sent = Statement(ready.plan.dialect.alias, ready.sql, tuple(ready.parameters))
        self._check_statement(sent)
        if self.has_rows and asked.question is not None:
            TALLY.rows += 1
            if self._fetched is None:
                self._fetched = fetched(sent)
            self._check_rows(asked.question.statement, ready, sent, self._fetched)

    def _check_statement(self, ours: Statement, what: str = "") -> None:
        if any(_are_same_statement(statement, ours) for statement in self.seen.executed):
            return
        django = self.seen.executed[-1]
        differing = next(
            (name for name in ("sql", "alias") if getattr(django, name) != getattr(ours, name)), "parameters"
        )
        raise Different(f"{what}{differing}", f"Django {tuple(django)!r}\n    adj    {tuple(ours)!r}")

    def _check_rows(self, statement: Any, ready: Ready, sent: Statement, rows: list[tuple[Any, ...]]) -> None:
        try:
            made = ready.plan.hydrate(rows) if self.ending.answer is not Answer.EXISTS else rows
            if self.ending.answer is not Answer.EXISTS:
                set_known_related_objects(statement, made)
            answer = _CONCLUSIONS[self.ending.name](statement.model, made)
        except Exception as error:  # noqa: BLE001  # whatever it is, Django has to have raised the like
            self._check_error(error)
            return
        if self.seen.error is not None:
            raise Different("adj answers", f"{answer!r}, Django raises {self.seen.error!r}")
        self._check_same(answer, sent)

    def _check_same(self, answer: Any, sent: Statement | None = None) -> None:
        ours = plain(answer)
        if ours != self.answer and (sent is None or not _changes(sent)):
            raise Different("rows", difference(self.answer, ours))


def _changes(statement: Statement) -> bool:
    """Whether a statement answers something else each time, as what is random does, or the time of day."""
    first = repr(fetched(statement))
    for _ in range(5):
        # SQLite's time of day is in milliseconds.
        time.sleep(0.002)
        if repr(fetched(statement)) != first:
            return True
    return False


def _are_same_statement(one: Statement, other: Statement) -> bool:
    if one[:2] != other[:2] or len(one.parameters) != len(other.parameters):
        return False
    return all(map(_are_same, one.parameters, other.parameters))


def _are_same(one: object, other: object) -> bool:
    # Some drivers' wrappers do not compare; NaN is not equal to itself.
    return type(one) is type(other) and (repr(one) == repr(other) or bool(one == other))


def _only(model: Any, rows: list[Any]) -> Any:
    if not rows:
        raise model.DoesNotExist
    if len(rows) > 1:
        raise model.MultipleObjectsReturned
    return rows[0]


def _first(model: Any, rows: list[Any]) -> Any:
    return rows[0] if rows else None


_CONCLUSIONS: Mapping[str, Callable[[Any, list[Any]], Any]] = {
    "rows": lambda model, rows: rows,
    "item": lambda model, rows: rows[0],
    "get": _only,
    "earliest": _only,
    "latest": _only,
    "first": _first,
    "last": _first,
    "count": lambda model, rows: rows[0],
    "aggregate": lambda model, rows: rows[0],
    "exists": lambda model, rows: bool(rows),
}
"""What an ending makes of the rows; the errors have no words, as only their classes are compared."""
