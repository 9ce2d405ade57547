"""A block of `atomic()` on its connection: Django's own `Atomic` begins and ends it, in synchronous code.

Private Django API used here: `Atomic.__enter__`, `Atomic.__exit__`, `DatabaseWrapper.atomic_blocks`,
`DatabaseWrapper.run_on_commit`, `DatabaseWrapper.set_rollback`, `DatabaseWrapper.needs_rollback`,
`DatabaseWrapper.rollback_exc`, `DatabaseWrapper.savepoint_ids`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic

from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper
from adj.engines.driver_errors import is_definite_failure
from adj.engines.outcome import add_outcome_note, remove_outcome_note
from adj.engines.session.local_settings import SET_LOCAL
from adj.engines.threads.thread_call import uninterrupted
from adj.errors import NestingError, TransactionAborted, UnsupportedFeature

Isolation: TypeAlias = Literal["read uncommitted", "read committed", "repeatable read", "serializable"]
Hook: TypeAlias = tuple[Callable[[], object], bool]
"""A callback of `on_commit()`, and whether its errors are only logged."""

ISOLATIONS: tuple[Isolation, ...] = ("read uncommitted", "read committed", "repeatable read", "serializable")


@dataclass(frozen=True, slots=True)
class Mode:
    """The options of a transaction that differ from the server's defaults."""

    isolation: Isolation | None = None
    read_only: bool = False
    deferrable: bool = False
    set_local: Mapping[str, str] | None = None

    @property
    def is_default(self) -> bool:
        """Whether all options have the server's defaults."""
        return self == Mode()

    def clauses(self) -> str:
        """The SQL after `SET TRANSACTION`."""
        words = []
        if self.isolation is not None:
            words.append(f"ISOLATION LEVEL {self.isolation.upper()}")
        if self.read_only:
            words.append("READ ONLY")
        if self.deferrable:
            words.append("DEFERRABLE")
        return ", ".join(words)


@uninterrupted
def enter(block: Atomic, mode: Mode) -> BaseDatabaseWrapper:
    """Begin a block with a mode, and return its connection.

    Raises Django's own errors, `NestingError` and `UnsupportedFeature`.
    """
    alias = block.using or DEFAULT_DB_ALIAS
    if mode.clauses() and connections[alias].in_atomic_block:
        # Such as that of a `TestCase`: the server refuses some modes, and others would hold for the rest of it.
        raise NestingError(
            alias=alias,
            reason="was begun by Django's own code, so its isolation, read_only and deferrable can no longer be set",
            advice="If this is a TestCase, use a TransactionTestCase.",
        )
    connection = thread_wrapper(alias)
    try:
        block.__enter__()
    except Error as error:
        # No statement was sent before, so the outcome is known.
        remove_outcome_note(error)
        raise
    _Rollbacks.watch(connection, block)
    if not mode.is_default:
        try:
            _set_mode(alias, mode)
        except BaseException as error:
            abandon(block, error)
            raise
    return connection


class _Rollbacks:
    """Replaces a connection's `set_rollback()` during a transaction, to tell calls of the user from those after errors.

    A call of the user holds for the innermost savepoint, or for the whole transaction if there is none.
    """

    def __init__(self, connection: DjangoWrapper, block: Atomic) -> None:
        self._connection, self.block = connection, block
        self._is_requested = False
        self._savepoint: str | None = None

    @classmethod
    def watch(cls, connection: DjangoWrapper, block: Atomic) -> None:
        """Start with adj's first block on a connection."""
        if "set_rollback" not in vars(connection):
            connection.rollback_exc = None
            vars(connection)["set_rollback"] = cls(connection, block)

    @staticmethod
    def stop(connection: DjangoWrapper, block: Atomic) -> None:
        """Stop at the end of that block."""
        watching = vars(connection).get("set_rollback")
        if isinstance(watching, _Rollbacks) and watching.block is block:
            del vars(connection)["set_rollback"]

    @staticmethod
    def was_requested(connection: DjangoWrapper) -> bool:
        """Whether the rollback that a connection needs was requested by `set_rollback(True)`."""
        watching = vars(connection).get("set_rollback")
        return isinstance(watching, _Rollbacks) and watching.holds()

    def __call__(self, rollback: bool) -> None:
        """Do what Django does, and remember the call."""
        type(self._connection).set_rollback(self._connection, rollback)
        self._is_requested, self._savepoint = rollback, self._innermost_savepoint()

    def holds(self) -> bool:
        """Whether a rollback is requested."""
        return self._is_requested and (self._savepoint is None or self._savepoint in self._connection.savepoint_ids)

    def _innermost_savepoint(self) -> str | None:
        return next((sid for sid in reversed(self._connection.savepoint_ids) if sid is not None), None)


def note_commit(connection: DjangoWrapper, failure: Error) -> None:
    """Add a note to the error of a COMMIT if its outcome is unknown."""
    if is_definite_failure(connection, failure):
        remove_outcome_note(failure)
    else:
        add_outcome_note(failure)


def _set_mode(alias: str, mode: Mode) -> None:
    connection = connections[alias]
    if connection.vendor != "postgresql":
        raise UnsupportedFeature(
            query="atomic()",
            reason=f"isolation, read_only, deferrable and set_local require PostgreSQL; "
            f'"{alias}" is {connection.display_name}.',
        )
    with connection.cursor() as cursor:
        if clauses := mode.clauses():
            cursor.execute(f"SET TRANSACTION {clauses}")
        for name, value in (mode.set_local or {}).items():
            cursor.execute(SET_LOCAL, [name, str(value)])


@uninterrupted
def abandon(block: Atomic, error: BaseException) -> None:
    """Roll back a block, if it has begun."""
    connection = thread_wrapper(block.using or DEFAULT_DB_ALIAS)
    if connection.atomic_blocks[-1:] == [block]:
        try:
            block.__exit__(type(error), error, error.__traceback__)
        finally:
            _Rollbacks.stop(connection, block)


@uninterrupted
def leave(alias: str, block: Atomic, error: BaseException | None) -> list[Hook]:
    """End a block: commit it, or roll it back for an error; return the on_commit callbacks.

    Raises Django's own errors, and `TransactionAborted`.
    """
    connection = thread_wrapper(alias)
    of_body = error
    nested = _end_inner_blocks(connection, block, error)
    error = error or nested
    is_outermost = connection.atomic_blocks == [block]
    aborted = TransactionAborted(alias=alias) if error is None and _is_aborted(connection) else None
    error = error or aborted
    hooks: list[tuple[set[str], Callable[[], object], bool]] = []
    if is_outermost and error is None:
        # adj calls them in their order, since some are async. Django calls only this one, which collects them.
        pending, connection.run_on_commit = connection.run_on_commit, []
        connection.run_on_commit.append((set(), partial(hooks.extend, pending), False))
    try:
        block.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
    except Error as failure:
        if is_outermost and error is None and failure.__cause__ is not None:
            note_commit(connection, failure)
        if of_body is None:
            raise
        # Django opens a new connection at the end of a block whose connection was lost. The server may not be there
        # yet, and has rolled back already.
    finally:
        _Rollbacks.stop(connection, block)
    if aborted is not None:
        raise aborted from connection.rollback_exc
    if nested is not None:
        raise nested
    return [(function, robust) for _, function, robust in hooks]


def _end_inner_blocks(connection: DjangoWrapper, block: Atomic, error: BaseException | None) -> NestingError | None:
    """Roll back inner blocks that are still open, since Django would end the innermost one instead of `block`.

    Returns the error to raise, unless the block has an error already.
    """
    nested: NestingError | None = None
    while block in connection.atomic_blocks and connection.atomic_blocks[-1] is not block:
        nested = inner_blocks_are_open(connection.alias)
        reason = error or nested
        connection.atomic_blocks[-1].__exit__(type(reason), reason, reason.__traceback__)
    return nested if error is None else None


def inner_blocks_are_open(alias: str) -> NestingError:
    """The error of a block that is left before its inner blocks."""
    return NestingError(alias=alias, reason="was left while inner blocks were still open")


def unanswered_commit() -> OperationalError:
    """The error of a commit that the server did not respond to in time."""
    failure = OperationalError("The server did not respond to the COMMIT before the deadline.")
    add_outcome_note(failure)
    return failure


def _is_aborted(connection: DjangoWrapper) -> bool:
    """Whether a block's work is lost although the block ends normally.

    Django does not report this: it rolls back after an error, and PostgreSQL answers COMMIT with ROLLBACK.
    """
    if connection.needs_rollback:
        return not _Rollbacks.was_requested(connection)
    if connection.vendor != "postgresql" or connection.connection is None:
        return False
    status = getattr(connection.connection.info, "transaction_status", None)
    return getattr(status, "name", "") == "INERROR"
