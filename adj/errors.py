"""The errors that adj raises, in one tree; each class takes facts and writes its own message.

```
AdjError
  QueryError                              the query makes no sense for the model; raised on the line that writes it
    UnknownField       (FieldError)       .model .path .part .choices
      UnknownColumn    (FieldDoesNotExist)  a name that is not a column
      UnknownRelation  (AttributeError)   a name that is not a relation
    UnknownLookup      (FieldError)       .model .path .field .lookup .choices
    InvalidOperand     (TypeError, ValueError)  .model .path .expected .got
      InvalidFormat    (ValidationError)  text that cannot be parsed
    RowTypeMismatch    (TypeError)        .row_type .field .annotation .source .got: into() a field of another type
    ShapeError         (TypeError)        .query .reason .advice: only() after values(), filter() after a slice
      InvalidOrder     (FieldError)       an argument of order_by() that is neither a name nor an expression
    InvalidCursor      (ValueError)       .reason: page() got a malformed cursor, or one of another query
    NotLoaded          (FieldFetchBlocked where Django has it, SynchronousOnlyOperation)
    CannotLoad         (TypeError, ValueError)  .reason .advice
    UnsupportedRelation  (AttributeError)  .relation .method .field
    UnusableModel      (TypeError, AttributeError)  .model .reason .advice: an abstract or swapped model
  UnknownDatabase      (ConnectionDoesNotExist)  .alias .choices: an alias that is not in DATABASES
  CompileError
    UnsupportedFeature (NotSupportedError)
    PlanMismatch                          .query .found: a cached plan and Django's SQL differ; raised in tests
  ResourceError        (OperationalError)
    EngineNotOpen                         the database cannot be reached, or no event loop is running
    PoolTimeout                           .size .seconds .in_use .opening .holders .failure: no connection in time
    TooManyWaiting                        .waiting .size: the limit of queries waiting for a connection is reached
    QueryTimeout                          .seconds .outcome: the query took longer than its `.timeout()`
  TransactionError     (TransactionManagementError)
    CrossTaskTransaction                  a query in the transaction of another task, or in one that has ended
    TransactionAborted                    a block ended normally, but its work had been rolled back
    NestingError                          blocks were left out of order, or a block in another task
    SessionChanged                        the project's session settings changed during a transaction
```

Classes in parentheses are base classes too, so `except` clauses written for Django keep working. Errors of the database
server keep Django's classes. `aget()` raises the model's `DoesNotExist` and `MultipleObjectsReturned`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from django.core import exceptions
from django.core.exceptions import FieldDoesNotExist, FieldError, SynchronousOnlyOperation, ValidationError
from django.db import NotSupportedError, OperationalError
from django.db.transaction import TransactionManagementError
from django.utils.connection import ConnectionDoesNotExist

from adj.suggestions import listed, nearest

if TYPE_CHECKING:
    from django.core.exceptions import FieldFetchBlocked
else:
    # Django 6.1 introduced it, with the fetch modes that raise it.
    FieldFetchBlocked = getattr(exceptions, "FieldFetchBlocked", FieldError)


class AdjError(Exception):
    """The base class of all errors that adj raises itself."""

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled by test runners and worker processes, but the classes take facts instead of a message.
        # The facts are sent as state, not as arguments: a ValidationError contains itself in its list of errors.
        return _restored, (type(self), self.args), self.__dict__


def _restored(error_class: type[AdjError], args: tuple[object, ...]) -> AdjError:
    return error_class.__new__(error_class, *args)


class QueryError(AdjError):
    """The query makes no sense for its model; raised on the line that writes it."""


class UnknownField(QueryError, FieldError):
    """A name in a path is not a field, relation or annotation of the model it is looked up on.

    `problem` replaces the first sentence of the message where the name exists but cannot be used.
    """

    def __init__(
        self,
        *,
        model: str,
        path: str,
        part: str,
        choices: Iterable[str],
        kind: str = "field",
        problem: str | None = None,
    ) -> None:
        self.model, self.path, self.part, self.choices = model, path, part, tuple(sorted(choices))
        problem = problem or f'{model} has no {kind} "{part}"{_within(path, part)}{nearest(part, self.choices)}'
        super().__init__(f"{problem}{listed(part, self.choices)}")


class UnknownColumn(UnknownField, FieldDoesNotExist):
    """A name passed to `only()`, `defer()`, `aupdate()`, `returning()` or `acopy()` is not a column of the model.

    Django raises `FieldDoesNotExist` here.
    """


class UnknownRelation(UnknownField, AttributeError):
    """A name passed to `prefetch_related()`, `load()` or `related()` is not a relation of the model.

    Django raises `AttributeError` here; for a prefetch, only once there are rows.
    """


class UnknownLookup(QueryError, FieldError):
    """The name after a field in a path is neither a lookup nor a transform of that field."""

    def __init__(self, *, model: str, path: str, field: str, lookup: str, choices: Iterable[str]) -> None:
        self.model, self.path, self.field, self.lookup = model, path, field, lookup
        self.choices = tuple(sorted(choices))
        super().__init__(
            f'{field} has no lookup or transform "{lookup}"{_within(path, lookup)}'
            f"{nearest(lookup, self.choices)}{listed(lookup, self.choices)}"
        )


class InvalidOperand(QueryError, TypeError, ValueError):
    """A value has a type that its path cannot be compared with."""

    def __init__(self, *, model: str, path: str, expected: str, got: str) -> None:
        self.model, self.path, self.expected, self.got = model, path, expected, got
        super().__init__(f'{model}: "{path}" expects {expected}; got {got}.')


class InvalidFormat(InvalidOperand, ValidationError):
    """Text cannot be parsed as a value of its field. Django raises `ValidationError` here."""

    def __init__(self, *, model: str, path: str, expected: str, got: str) -> None:
        InvalidOperand.__init__(self, model=model, path=path, expected=expected, got=got)
        ValidationError.__init__(self, f'{model}: "{path}" expects {expected}; got {got} that cannot be parsed.')

    def __str__(self) -> str:
        return str(self.message)


class RowTypeMismatch(QueryError, TypeError):
    """A field of a class passed to `into()` is annotated with a type that does not accept its column's values.

    `source` is the column or relation, `got` the type of its values; `got` is "None" for a column that can be NULL.
    """

    def __init__(self, *, row_type: str, field: str, annotation: str, source: str, got: str) -> None:
        self.row_type, self.field, self.annotation, self.source, self.got = row_type, field, annotation, source, got
        problem = (
            f"can be NULL. Annotate the field as {annotation} | None."
            if got == "None"
            else f"has values of type {got}."
        )
        super().__init__(f"{row_type}.{field} is annotated as {annotation}, but {source} {problem}")


class ShapeError(QueryError, TypeError):
    """A query method got arguments that it does not accept, or cannot follow the methods before it."""

    def __init__(self, *, query: str, reason: str, advice: str) -> None:
        self.query, self.reason, self.advice = query, reason, advice
        sentences = (reason, advice, f"The query so far: {query}")
        super().__init__(" ".join(filter(None, sentences)))


class InvalidOrder(ShapeError, FieldError):
    """`order_by()`, `aearliest()` or `alatest()` got an argument that is neither a name nor an expression."""


class InvalidCursor(QueryError, ValueError):
    """`page()` got a malformed cursor, or one of a query with another model, order or database."""

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The cursor cannot be used: {reason}. Pass `page.next` or `page.previous` of the same query, or no cursor "
            "to get the first page."
        )


class NotLoaded(QueryError, FieldFetchBlocked, SynchronousOnlyOperation):
    """An attribute of a row was not fetched, and async code cannot fetch it on access."""

    def __init__(self, *, model: str, field: str, is_relation: bool) -> None:
        self.model, self.field = model, field
        fix = (
            f'Add .select_related("{field}") to the query'
            if is_relation
            else f'Remove "{field}" from defer(), or add it to only()'
        )
        super().__init__(
            f"{model}.{field} is not loaded, and async code cannot fetch it on access. {fix}, "
            f'or load it with `await adj.load(instance, "{field}")`.'
        )


class CannotLoad(QueryError, TypeError, ValueError):
    """`adj.load()` expects saved instances of one model and one database."""

    def __init__(self, *, reason: str, advice: str) -> None:
        self.reason, self.advice = reason, advice
        super().__init__(f"load() {reason}. {advice}")


class UnsupportedRelation(QueryError, AttributeError):
    """`aremove()` or `aclear()` of a relation whose foreign key cannot be NULL; Django's manager has no such method."""

    def __init__(self, *, relation: str, method: str, field: str) -> None:
        self.relation, self.method, self.field = relation, method, field
        super().__init__(
            f"{relation} has no a{method}(), because {field} cannot be NULL. Delete the rows, or add them to another "
            "instance's relation."
        )


class UnusableModel(QueryError, TypeError, AttributeError):
    """A model has no rows to query: it is abstract, or it has been swapped for another model.

    Django has no manager there, and raises `AttributeError`.
    """

    def __init__(self, *, model: str, reason: str, advice: str) -> None:
        self.model, self.reason, self.advice = model, reason, advice
        super().__init__(f"q() cannot query {model}: {reason}. {advice}")


class UnknownDatabase(AdjError, ConnectionDoesNotExist):
    """`using()` or a router names an alias that is not in `settings.DATABASES`; raised when the query runs."""

    def __init__(self, *, alias: str, choices: Iterable[str]) -> None:
        self.alias, self.choices = alias, tuple(choices)
        super().__init__(
            f'"{alias}" is not an alias in settings.DATABASES{nearest(alias, self.choices)}'
            f"{listed(alias, self.choices)}"
        )


class CompileError(AdjError):
    """The query is valid, but it cannot be compiled to SQL."""


class UnsupportedFeature(CompileError, NotSupportedError):
    """The database, or this query, does not support the operation."""

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
            f"The cached plan of {query} differs from Django's SQL: {found}. Django's SQL is used, and the plan is "
            "discarded. Please report this to adj, with the query and its models."
        )


class ResourceError(AdjError, OperationalError):
    """A connection, a thread or the server is not available."""


class EngineNotOpen(ResourceError):
    """A database cannot be used: it cannot be reached, or no event loop is running."""

    def __init__(self, *, alias: str, reason: str, advice: str) -> None:
        self.alias, self.reason, self.advice = alias, reason, advice
        super().__init__(f'Database "{alias}" is not open: {reason} {advice}')


class PoolTimeout(ResourceError):
    """A query got no connection within its pool's `timeout`; the query was not sent.

    `in_use` of `size` connections were in use, and `opening` were being opened. `holders` describes the tasks that hold
    them, the longest holder first. `failure` is the error of the last attempt to open one, if it failed.
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
        failed = f" The last attempt to open one failed: {failure}" if failure else ""
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
    """All connections are in use, and `max_waiting` queries are already waiting for one; the query was not sent."""

    def __init__(self, *, alias: str, waiting: int, size: int) -> None:
        self.alias, self.waiting, self.size = alias, waiting, size
        super().__init__(
            f'All {size} connections to "{alias}" are in use, and {waiting} queries are already waiting. Run fewer '
            f'queries at once, or raise ADJ["{alias}"]["pool"]["max_waiting"].'
        )


class QueryTimeout(ResourceError):
    """A query took longer than its `.timeout()` allows.

    `outcome` is "stopped", "continues" for a query on a thread that cannot be stopped, or "unknown" where the server's
    response was lost.
    """

    def __init__(self, *, query: str, seconds: float, outcome: Outcome = "stopped") -> None:
        self.query, self.seconds, self.outcome = query, seconds, outcome
        super().__init__(f"The query took longer than {seconds:g} s{_OUTCOMES[outcome]} The query: {query}")


Outcome: TypeAlias = Literal["stopped", "continues", "unknown"]

_OUTCOMES: Mapping[Outcome, str] = {
    "stopped": " and was stopped.",
    "continues": ". It could not be stopped: it continues on its thread, and may still write data.",
    "unknown": ". It is unknown whether it was stopped: the server's response was lost, and it may have written data.",
}


class TransactionError(AdjError, TransactionManagementError):
    """A transaction was used in a way that would lose data or mix it up."""


class CrossTaskTransaction(TransactionError):
    """A query would have run in a transaction that another task owns, or that has ended. It was not sent."""

    def __init__(self, *, alias: str, owner: str, task: str, has_ended: bool) -> None:
        self.alias, self.owner, self.task, self.has_ended = alias, owner, task, has_ended
        super().__init__(f"{self._problem()} {self._advice()}")

    @classmethod
    def after_the_end(cls, alias: str) -> CrossTaskTransaction:
        """For code that still uses a connection, cursor or stream of a block that has ended."""
        return cls(alias=alias, owner="", task=_name_of_task(), has_ended=True)

    def _problem(self) -> str:
        if not self.owner:
            return f'The block on "{self.alias}" has ended; the query of task {self.task} was not sent.'
        state = "has since ended" if self.has_ended else f"belongs to task {self.owner}"
        return (
            f'Task {self.task} was started inside a transaction on "{self.alias}" that {state}; the query was not sent.'
        )

    def _advice(self) -> str:
        if not self.owner:
            return "Use its connections, cursors and streams only inside the block."
        return (
            "Use `await adj.gather(...)`, which runs queries one after another inside a transaction, or start the task "
            "outside the block."
        )


class TransactionAborted(TransactionError):
    """A block ended without an error, but its work is lost: a database error was caught inside it."""

    def __init__(self, *, alias: str) -> None:
        self.alias = alias
        super().__init__(
            f'The transaction on "{alias}" was rolled back, because a database error was caught inside the block. '
            "Catch the error outside the block, or wrap the statements that may fail in their own "
            "`async with atomic():`."
        )


class NestingError(TransactionError):
    """Blocks were left out of order, a block was left in another task, or an inner block asked for a mode."""

    def __init__(self, *, alias: str, reason: str, advice: str = "It has been rolled back.") -> None:
        self.alias, self.reason, self.advice = alias, reason, advice
        super().__init__(f'The transaction on "{alias}" {reason}. {advice}')


class SessionChanged(TransactionError):
    """A query would run with other session settings than its code expects. The query was not sent."""

    def __init__(self, *, alias: str, names: Sequence[str], is_djangos: bool = False) -> None:
        self.alias, self.names, self.is_djangos = alias, tuple(names), is_djangos
        settings = ", ".join(self.names)
        if is_djangos:
            message = (
                f"This request set {settings} on Django's own connection to \"{alias}\", and adj's connections do not "
                f'have that setting; the query was not sent. Return the setting from ADJ["{alias}"]["session"], or add '
                '"adj.asgi.NativeMiddleware" before the middleware that sets it.'
            )
        else:
            message = (
                f'ADJ["{alias}"]["session"] returns other settings ({settings}) than at the beginning of the '
                f'transaction on "{alias}"; the query was not sent. Change session settings before the block begins.'
            )
        super().__init__(message)

    @classmethod
    def on_django(cls, alias: str, names: Sequence[str]) -> SessionChanged:
        """The error for settings that only Django's own connection has."""
        return cls(alias=alias, names=names, is_djangos=True)


def _name_of_task() -> str:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        # Synchronous code, in a greenlet or on a thread.
        task = None
    return repr(task.get_name()) if task else "(none)"


def _within(path: str, part: str) -> str:
    return "" if path == part else f' (in "{path}")'
