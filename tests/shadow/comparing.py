"""adj's answer held against what Django did: the statement, the parameters in type and value, the rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import transaction
from django.db.models import QuerySet

from adj.compiler.prepare import Answered, Foreign, Ready
from adj.compiler.related import set_known_related_objects
from adj.shapes import Answer
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
        self._fetched: dict[str, list[tuple[Any, ...]]] = {}

    def check(self, asked: Asked) -> None:
        """Raise `Different` if adj's answer is another."""
        prepared = asked.prepared
        if asked.error is not None:
            self._check_error(asked.error)
        elif isinstance(prepared, Answered):
            TALLY.answered += 1
            self._check_answered(prepared.answer)
        elif isinstance(prepared, Foreign):
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

    def _check_foreign(self, foreign: Foreign) -> None:
        if self.ending.name != "rows" or not self.seen.executed:
            return
        queryset: Any = foreign.queryset
        try:
            compiled = queryset.query.clone().get_compiler(queryset.db).as_sql()
        except EmptyResultSet:
            compiled = ("", ())
        self._check_statement(compiled, "the QuerySet for Django has other ")

    def _check_ready(self, asked: Asked, ready: Ready) -> None:
        seen = self.seen
        if not seen.executed:
            if ready.plan.locks_rows and isinstance(seen.error, transaction.TransactionManagementError):
                # adj raises it where the statement is sent.
                return
            told = repr(seen.error) if seen.error is not None else repr(seen.answer)
            raise Different("adj asks", f"{ready.sql}, Django answers {told}")
        self._check_statement((ready.sql, ready.parameters))
        if not self.has_rows:
            return
        TALLY.rows += 1
        alias = ready.plan.dialect.alias
        if alias not in self._fetched:
            self._fetched[alias] = fetched(alias, (ready.sql, ready.parameters))
        self._check_rows(asked, ready, self._fetched[alias])

    def _check_statement(self, ours: Any, what: str = "") -> None:
        if any(_are_same_statement(statement, ours) for statement in self.seen.executed):
            return
        sql, parameters = self.seen.executed[-1]
        details = f"Django {sql!r} {parameters!r}\n    adj    {ours[0]!r} {tuple(ours[1])!r}"
        raise Different(f"{what}SQL" if sql != ours[0] else f"{what}parameters", details)

    def _check_rows(self, asked: Asked, ready: Ready, rows: list[tuple[Any, ...]]) -> None:
        if asked.question is None:
            return
        statement = asked.question.statement
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
        self._check_same(answer, (ready.sql, ready.parameters), ready.plan.dialect.alias)

    def _check_same(self, answer: Any, statement: Statement | None = None, alias: str = "") -> None:
        ours = plain(answer)
        if ours == self.answer:
            return
        if statement is not None and _changes(alias, statement):
            return
        raise Different("rows", difference(self.answer, ours))


def _changes(alias: str, statement: Statement) -> bool:
    """Whether a statement answers something else each time, as what is random does, or the time of day."""
    first = repr(fetched(alias, statement))
    for _ in range(5):
        # SQLite's time of day is in milliseconds.
        time.sleep(0.002)
        if repr(fetched(alias, statement)) != first:
            return True
    return False


def _are_same_statement(one: Statement, other: Any) -> bool:
    if one[0] != other[0] or len(one[1]) != len(other[1]):
        return False
    return all(map(_are_same, one[1], other[1]))


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
