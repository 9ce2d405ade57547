"""Every error adj raises, in one tree; each class takes facts and writes its own message.

```
AdjError
  QueryError                              the question has no meaning; raised where it is written
    UnknownField       (FieldError)       .model .path .part .choices
      UnknownColumn    (FieldDoesNotExist)  a column is named that is none
      UnknownRelation  (AttributeError)   a relation is named that is none
    UnknownLookup      (FieldError)       .model .path .field .lookup .choices
    InvalidOperand     (TypeError, ValueError)  .model .path .expected .got
      InvalidFormat    (ValidationError)  text that does not parse
    ShapeError         (TypeError)        only() after values(), filter() after a slice
    InvalidCursor      (ValueError)       .reason: page() got a cursor that is none, or another query's
    NotLoaded          (FieldFetchBlocked where Django has it, SynchronousOnlyOperation)
    CannotLoad         (TypeError, ValueError)  .reason .advice
    UnsupportedRelation  (AttributeError)  .relation .method .field
    UnusableModel      (TypeError, AttributeError)  .model .reason .advice: an abstract or a swapped model
  UnknownDatabase      (ConnectionDoesNotExist)  .alias .choices: an alias that is not in DATABASES
  CompileError
    UnsupportedFeature (NotSupportedError)
    PlanMismatch                          .query .found: a kept plan and Django's SQL differ; raised in tests
  ResourceError        (OperationalError)
    EngineNotOpen                         the database cannot be reached, or there is no event loop
    PoolTimeout                           .size .seconds .in_use .opening .holders .failure: no connection in time
    TooManyWaiting                        .waiting .size: as many queries wait for a connection as are allowed
    QueryTimeout                          .seconds .outcome: the query took longer than its `.timeout()`
  TransactionError     (TransactionManagementError)
    CrossTaskTransaction                  a task that does not own the transaction asked in it, or after its end
    TransactionAborted                    the block ends normally, and the server has thrown its work away
    NestingError                          a block was left out of order, or in another task
```

Classes in parentheses are inherited as well, so that an `except` clause written for Django keeps working. Errors
of the database server are Django's own classes. No row and many rows are the model's `DoesNotExist` and
`MultipleObjectsReturned`.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from django.core import exceptions
from django.core.exceptions import FieldDoesNotExist, FieldError, SynchronousOnlyOperation, ValidationError
from django.db import NotSupportedError, OperationalError
from django.db.transaction import TransactionManagementError
from django.utils.connection import ConnectionDoesNotExist

if TYPE_CHECKING:
    from django.core.exceptions import FieldFetchBlocked
else:
    # Django 6.1 introduced it, with the fetch modes that raise it.
    FieldFetchBlocked = getattr(exceptions, "FieldFetchBlocked", FieldError)


class AdjError(Exception):
    """The root of everything adj raises itself."""

    def __reduce__(self) -> tuple[object, ...]:
        # The classes take facts, not the message; a worker process or a test runner sends errors by pickle.
        # The facts go as state and not as an argument: a ValidationError has itself in its list of errors.
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[AdjError], args: tuple[object, ...]) -> AdjError:
    return kind.__new__(kind, *args)


class QueryError(AdjError):
    """The question has no meaning for this model; raised on the line that asks it."""


class UnknownField(QueryError, FieldError):
    """A name in a path is neither a field, nor a relation, nor an annotation of the model it is looked up on."""

    def __init__(self, *, model: str, path: str, part: str, choices: Iterable[str], kind: str = "field") -> None:
        self.model, self.path, self.part, self.choices = model, path, part, tuple(sorted(choices))
        super().__init__(
            f'{model} has no {kind} "{part}"{_within(path, part)}{_suggestion(part, self.choices)} '
            f"Choices are: {', '.join(self.choices)}."
        )


class UnknownColumn(UnknownField, FieldDoesNotExist):
    """The same where columns are named, as in `only()`, `defer()`, `aupdate()`, `returning()` and `acopy()`.

    Django raises `FieldDoesNotExist` there.
    """


class UnknownRelation(UnknownField, AttributeError):
    """The same, from `prefetch_related()`, `load()` and `related()`.

    Django raises `AttributeError` there, for a prefetch once it has rows.
    """


class UnknownLookup(QueryError, FieldError):
    """The last names in a path are neither a lookup nor a transform of the field before them."""

    def __init__(self, *, model: str, path: str, field: str, lookup: str, choices: Iterable[str]) -> None:
        self.model, self.path, self.field, self.lookup = model, path, field, lookup
        self.choices = tuple(sorted(choices))
        super().__init__(
            f'{field} has no lookup or transform "{lookup}"{_within(path, lookup)}'
            f"{_suggestion(lookup, self.choices)} Choices are: {', '.join(self.choices)}."
        )


class InvalidOperand(QueryError, TypeError, ValueError):
    """A value cannot be compared with what its path names."""

    def __init__(self, *, model: str, path: str, expected: str, got: str) -> None:
        self.model, self.path, self.expected, self.got = model, path, expected, got
        super().__init__(f'{model}: "{path}" takes {expected}, got {got}.')


class InvalidFormat(InvalidOperand, ValidationError):
    """The same, for text that does not parse, where Django raises `ValidationError`."""

    def __init__(self, *, model: str, path: str, expected: str, got: str) -> None:
        InvalidOperand.__init__(self, model=model, path=path, expected=expected, got=got)
        ValidationError.__init__(self, f'{model}: "{path}" takes {expected}, got {got} that does not parse.')

    def __str__(self) -> str:
        return str(self.message)


class ShapeError(QueryError, TypeError):
    """The clause does not fit the clauses before it, such as `only()` after `values()`."""

    def __init__(self, *, query: str, reason: str, advice: str) -> None:
        self.query, self.reason, self.advice = query, reason, advice
        super().__init__(f"{reason} {advice} The query so far: {query}")


class InvalidCursor(QueryError, ValueError):
    """`page()` got a cursor that was not made by it, or by a query that has another order."""

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the cursor cannot be used: {reason}. Take it from `page.next` or `page.previous` of the same query, and "
            "begin with the first page where there is none."
        )


class NotLoaded(QueryError, FieldFetchBlocked, SynchronousOnlyOperation):
    """An attribute of a row was not fetched, and code on the event loop cannot fetch it on access."""

    def __init__(self, *, model: str, field: str, is_relation: bool) -> None:
        self.model, self.field = model, field
        fix = (
            f'add .select_related("{field}") to the query'
            if is_relation
            else f'take "{field}" out of defer(), or name it in only()'
        )
        super().__init__(
            f"{model}.{field} is not loaded, and code on the event loop cannot wait for it here: {fix}, "
            f'or load it now, with `await adj.load(instance, "{field}")`.'
        )


class CannotLoad(QueryError, TypeError, ValueError):
    """What was given to `adj.load()` are no rows of one model in one database."""

    def __init__(self, *, reason: str, advice: str) -> None:
        self.reason, self.advice = reason, advice
        super().__init__(f"load() {reason}. {advice}")


class UnsupportedRelation(QueryError, AttributeError):
    """A relation whose rows cannot be taken from their instance; Django's manager has no such method."""

    def __init__(self, *, relation: str, method: str, field: str) -> None:
        self.relation, self.method, self.field = relation, method, field
        super().__init__(
            f"{relation} has no a{method}(): {field} cannot be NULL. Delete the rows, or give them to another one."
        )


class UnusableModel(QueryError, TypeError, AttributeError):
    """A model has no rows to query: it is abstract, or another model has been swapped in for it.

    Django has no manager there, and raises `AttributeError`.
    """

    def __init__(self, *, model: str, reason: str, advice: str) -> None:
        self.model, self.reason, self.advice = model, reason, advice
        super().__init__(f"q() cannot query {model}: {reason}. {advice}")


class UnknownDatabase(AdjError, ConnectionDoesNotExist):
    """`using()` or a router names a database that is not in `settings.DATABASES`; raised when the query runs."""

    def __init__(self, *, alias: str, choices: Iterable[str]) -> None:
        self.alias, self.choices = alias, tuple(choices)
        super().__init__(
            f'"{alias}" is not an alias in settings.DATABASES{_suggestion(alias, self.choices)} '
            f"Choices are: {', '.join(self.choices)}."
        )


class CompileError(AdjError):
    """The query has a meaning, but no SQL could be made of it."""


class UnsupportedFeature(CompileError, NotSupportedError):
    """The database, or this kind of query, cannot do what is asked."""

    def __init__(self, *, query: str, reason: str) -> None:
        self.query, self.reason = query, reason
        super().__init__(f"{reason} The query: {query}")


class PlanMismatch(CompileError):
    """A plan from the cache differs from what Django compiles; raised in tests, where `ADJ_VERIFY` compares them.

    Elsewhere the difference is logged to `adj.plans`, and Django's SQL is used.
    """

    def __init__(self, *, query: str, found: str) -> None:
        self.query, self.found = query, found
        super().__init__(
            f"The cached plan of {query} differs from Django's SQL: {found}. Django's SQL is used, and the plan is not "
            "used again. Please report it to adj, with the query and its models."
        )


class ResourceError(AdjError, OperationalError):
    """A thread, a connection or a server is missing."""


class EngineNotOpen(ResourceError):
    """The database of an alias cannot be used: it does not open, or nothing is there to run the query on."""

    def __init__(self, *, alias: str, reason: str, advice: str) -> None:
        self.alias, self.reason, self.advice = alias, reason, advice
        super().__init__(f'database "{alias}" is not open: {reason} {advice}')


class PoolTimeout(ResourceError):
    """A query got no connection within the `timeout` of its pool; the query was not sent.

    `in_use` of `size` connections were in use, `opening` were being opened. `holders` describes the tasks that hold
    them, the longest holder first. `failure` is why the last attempt to open one failed, if it did.
    """

    def __init__(
        self,
        *,
        alias: str,
        size: int,
        seconds: float,
        in_use: int,
        opening: int,
        holders: Iterable[str],
        failure: str,
        setting: str,
    ) -> None:
        self.alias, self.size, self.seconds = alias, size, seconds
        self.in_use, self.opening, self.holders = in_use, opening, tuple(holders)
        self.failure, self.setting = failure, setting
        held = f" Held by: {'; '.join(self.holders)}." if self.holders else ""
        failed = f" Opening another one failed: {failure}" if failure else ""
        advice = (
            f"Shorten transactions and streams, or raise {setting}."
            if in_use >= size
            else f'Check that the server of DATABASES["{alias}"] can be reached and accepts more connections.'
        )
        super().__init__(
            f'Timed out after {seconds:g} s waiting for a connection to "{alias}" ({in_use} of {size} in use, '
            f"{opening} opening).{held}{failed} {advice}"
        )


class TooManyWaiting(ResourceError):
    """All connections are in use, and `max_waiting` queries wait for one already; the query was not sent."""

    def __init__(self, *, alias: str, waiting: int, size: int) -> None:
        self.alias, self.waiting, self.size = alias, waiting, size
        super().__init__(
            f'All {size} connections to "{alias}" are in use, and {waiting} queries are waiting already. Send fewer '
            f'queries at once, or raise ADJ["{alias}"]["pool"]["max_waiting"].'
        )


class QueryTimeout(ResourceError):
    """A query took longer than its `.timeout()` allows.

    `outcome` is what is known of it: "stopped", "continues" on a thread that cannot be stopped, or "unknown" where the
    server's answer was lost.
    """

    def __init__(self, *, query: str, seconds: float, outcome: Outcome = "stopped") -> None:
        self.query, self.seconds, self.outcome = query, seconds, outcome
        super().__init__(f"the query took longer than {seconds:g} s{_OUTCOMES[outcome]} The query: {query}")


Outcome: TypeAlias = Literal["stopped", "continues", "unknown"]

_OUTCOMES: Mapping[Outcome, str] = {
    "stopped": " and was stopped.",
    "continues": ". It was not stopped: it continues on its thread, and what it writes may still be written.",
    "unknown": ". Whether it was stopped is unknown: the answer was lost, and what it writes may be done or not.",
}


class TransactionError(AdjError, TransactionManagementError):
    """A transaction was used in a way that would lose or mix up data."""


class CrossTaskTransaction(TransactionError):
    """A task asked within a transaction that another task owns, or that has ended."""

    def __init__(self, *, alias: str, owner: str, task: str, has_ended: bool) -> None:
        self.alias, self.owner, self.task, self.has_ended = alias, owner, task, has_ended
        state = "has ended" if has_ended else f"belongs to the task {owner}"
        super().__init__(
            f'the transaction on "{alias}" that the task {task} was started in {state}, and nothing was sent. '
            "Use `await adj.gather(...)`, which runs queries one after another inside a transaction, or start the "
            "task outside of the block."
        )

    @classmethod
    def after_the_end(cls, alias: str) -> CrossTaskTransaction:
        """For code that still has a connection, a cursor or a stream of a block that has ended."""
        return cls(alias=alias, owner="", task=_name_of_task(), has_ended=True)


class TransactionAborted(TransactionError):
    """A block ends without an error, but the server has thrown its work away: an error in it was caught."""

    def __init__(self, *, alias: str) -> None:
        self.alias = alias
        super().__init__(
            f'the transaction on "{alias}" failed inside the block, where its error was caught, and has been rolled '
            "back. Catch the error outside of the block, or put `async with atomic():` around what may fail."
        )


class NestingError(TransactionError):
    """A block was left out of order, or in another task than it was entered in; or it asks for a mode too late."""

    def __init__(self, *, alias: str, reason: str, advice: str = "It is rolled back.") -> None:
        self.alias, self.reason, self.advice = alias, reason, advice
        super().__init__(f'the transaction on "{alias}" {reason}. {advice}')


class SessionChanged(TransactionError):
    """A query would run with other session settings than its code expects: nothing was sent."""

    def __init__(self, *, alias: str, names: Sequence[str], is_djangos: bool = False) -> None:
        self.alias, self.names, self.is_djangos = alias, tuple(names), is_djangos
        settings = ", ".join(self.names)
        if is_djangos:
            message = (
                f"code of this request has set {settings} on Django's own connection to \"{alias}\". adj's "
                "connections do not have that setting, so the query was not sent. Return it from "
                f'ADJ["{alias}"]["session"], or add "adj.asgi.NativeMiddleware" before the middleware that sets it.'
            )
        else:
            message = (
                f'the transaction on "{alias}" began with other session settings than ADJ["{alias}"]["session"] '
                f"returns now ({settings}), and nothing was sent. Change them before the block begins."
            )
        super().__init__(message)

    @classmethod
    def on_django(cls, alias: str, names: Sequence[str]) -> SessionChanged:
        """Settings that Django's own connection has, and adj's connections do not."""
        return cls(alias=alias, names=names, is_djangos=True)


def _name_of_task() -> str:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        # Synchronous code in a bridge or on a thread.
        task = None
    return repr(task.get_name()) if task else "(none)"


def _within(path: str, part: str) -> str:
    return "" if path == part else f' (in "{path}")'


def _suggestion(name: str, choices: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(choices), n=1)
    return f'; did you mean "{near[0]}"?' if near else "."
