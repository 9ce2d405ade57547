"""A block of `atomic()` on its connection: Django's own `Atomic` begins and ends it, in Django's synchronous way.

Private Django API used here: `Atomic.__enter__`, `Atomic.__exit__`, `DatabaseWrapper.atomic_blocks`,
`DatabaseWrapper.run_on_commit`, `DatabaseWrapper.set_rollback`, `DatabaseWrapper.needs_rollback`,
`DatabaseWrapper.rollback_exc`, `DatabaseWrapper.savepoint_ids`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic

from adj.engines.driver_errors import is_definite_failure
from adj.engines.outcome import add_outcome_note, remove_outcome_note
from adj.engines.session.local_settings import SET_LOCAL
from adj.engines.threads.thread_call import uninterrupted
from adj.errors import NestingError, TransactionAborted, UnsupportedFeature

Isolation: TypeAlias = Literal["read uncommitted", "read committed", "repeatable read", "serializable"]
Hook: TypeAlias = tuple[Callable[[], object], bool]
"""A function to call after the commit, and whether its errors are only logged."""

ISOLATIONS: tuple[Isolation, ...] = ("read uncommitted", "read committed", "repeatable read", "serializable")


@dataclass(frozen=True, slots=True)
class Mode:
    """How a transaction runs, as far as it is not the server's default."""

    isolation: Isolation | None = None
    read_only: bool = False
    deferrable: bool = False
    set_local: Mapping[str, str] | None = None

    @property
    def is_default(self) -> bool:
        """Whether the server need not be told anything."""
        return self == Mode()

    def clauses(self) -> str:
        """The words after `SET TRANSACTION`."""
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
    """Begin a block, in a mode; its connection. Raises what Django raises, `NestingError` and `UnsupportedFeature`."""
    alias = block.using or DEFAULT_DB_ALIAS
    if mode.clauses() and connections[alias].in_atomic_block:
        # That of a `TestCase`, for one: the server refuses some of the modes, and others would hold for the rest of it.
        raise NestingError(
            alias=alias,
            reason="is within one that Django's own code has begun, whose mode cannot change",
            advice="Where that is a TestCase, test modes in a TransactionTestCase.",
        )
    connection: Any = connections[alias]
    try:
        block.__enter__()
    except Error as error:
        # Nothing was done yet.
        remove_outcome_note(error)
        raise
    _Rollbacks.watch(connection, block)
    if not mode.is_default:
        try:
            _set_mode(alias, mode)
        except BaseException as error:
            abandon(block, error)
            raise
    wrapper: BaseDatabaseWrapper = connection
    return wrapper


class _Rollbacks:
    """Stands in for a connection's `set_rollback()` during a transaction, to tell a user's wish from an error's mark.

    A wish holds for the innermost savepoint, or for the whole transaction where there is none.
    """

    def __init__(self, connection: Any, block: Atomic) -> None:
        self._connection, self.block = connection, block
        self._is_wished = False
        self._savepoint: str | None = None

    @classmethod
    def watch(cls, connection: Any, block: Atomic) -> None:
        """Begin with the first block of adj on a connection."""
        if "set_rollback" not in vars(connection):
            connection.rollback_exc = None
            connection.set_rollback = cls(connection, block)

    @staticmethod
    def stop(connection: Any, block: Atomic) -> None:
        """End with that block."""
        watching = vars(connection).get("set_rollback")
        if isinstance(watching, _Rollbacks) and watching.block is block:
            del connection.set_rollback

    @staticmethod
    def was_asked_for(connection: Any) -> bool:
        """Whether the rollback that a connection needs was asked for by `set_rollback(True)`."""
        watching = vars(connection).get("set_rollback")
        return isinstance(watching, _Rollbacks) and watching.holds()

    def __call__(self, rollback: bool) -> None:
        """What Django does, with a note."""
        type(self._connection).set_rollback(self._connection, rollback)
        self._is_wished, self._savepoint = rollback, self._innermost_savepoint()

    def holds(self) -> bool:
        """Whether a rollback is wished for."""
        return self._is_wished and (self._savepoint is None or self._savepoint in self._connection.savepoint_ids)

    def _innermost_savepoint(self) -> str | None:
        return next((sid for sid in reversed(self._connection.savepoint_ids) if sid is not None), None)


def note_commit(connection: Any, failure: Error) -> None:
    """Say of a COMMIT that failed whether anybody knows its outcome."""
    if is_definite_failure(connection, failure):
        remove_outcome_note(failure)
    else:
        add_outcome_note(failure)


def _set_mode(alias: str, mode: Mode) -> None:
    connection = connections[alias]
    if connection.vendor != "postgresql":
        raise UnsupportedFeature(
            query="atomic()",
            reason="isolation, read_only, deferrable and set_local need PostgreSQL; "
            f"this is {connection.display_name}.",
        )
    with connection.cursor() as cursor:
        if clauses := mode.clauses():
            cursor.execute(f"SET TRANSACTION {clauses}")
        for name, value in (mode.set_local or {}).items():
            cursor.execute(SET_LOCAL, [name, str(value)])


@uninterrupted
def abandon(block: Atomic, error: BaseException) -> None:
    """Undo a block, if it has begun."""
    connection: Any = connections[block.using or DEFAULT_DB_ALIAS]
    if connection.atomic_blocks[-1:] == [block]:
        try:
            block.__exit__(type(error), error, error.__traceback__)
        finally:
            _Rollbacks.stop(connection, block)


@uninterrupted
def leave(alias: str, block: Atomic, error: BaseException | None) -> list[Hook]:
    """End a block: commit, or undo it for an error; what is to be called after the commit.

    Raises what Django raises, and `TransactionAborted`.
    """
    connection: Any = connections[alias]
    nested = _end_inner_blocks(connection, block, error)
    error = error or nested
    is_outermost = connection.atomic_blocks == [block]
    aborted = TransactionAborted(alias=alias) if error is None and _is_aborted(connection) else None
    error = error or aborted
    hooks: list[tuple[Any, Callable[[], object], bool]] = []
    if is_outermost and error is None:
        # Called by adj in their order, since some are asynchronous; Django calls this one at the moment of the commit.
        pending, connection.run_on_commit = connection.run_on_commit, []
        connection.run_on_commit.append((set(), partial(hooks.extend, pending), False))
    try:
        block.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
    except Error as failure:
        if is_outermost and error is None and failure.__cause__ is not None:
            note_commit(connection, failure)
        raise
    finally:
        _Rollbacks.stop(connection, block)
    if aborted is not None:
        raise aborted from connection.rollback_exc
    if nested is not None:
        raise nested
    return [(function, robust) for _, function, robust in hooks]


def _end_inner_blocks(connection: Any, block: Atomic, error: BaseException | None) -> NestingError | None:
    """Undo the blocks in a block that have not ended: Django would take the end of this one for theirs.

    Returns the error of a block that has no other one.
    """
    nested: NestingError | None = None
    while block in connection.atomic_blocks and connection.atomic_blocks[-1] is not block:
        nested = inner_blocks_are_open(connection.alias)
        reason = error or nested
        connection.atomic_blocks[-1].__exit__(type(reason), reason, reason.__traceback__)
    return nested if error is None else None


def inner_blocks_are_open(alias: str) -> NestingError:
    """The error of a block that is left before those in it."""
    return NestingError(alias=alias, reason="has inner blocks that have not ended")


def unanswered_commit() -> OperationalError:
    """The error of a commit whose answer was not waited for any longer."""
    failure = OperationalError("The server did not answer the commit before the deadline.")
    add_outcome_note(failure)
    return failure


def _is_aborted(connection: Any) -> bool:
    """Whether what a block has done is lost, although its end says that all is well.

    Django is silent about it: it rolls back where an error was noted, and PostgreSQL answers COMMIT with ROLLBACK.
    """
    if connection.needs_rollback:
        return not _Rollbacks.was_asked_for(connection)
    if connection.vendor != "postgresql" or connection.connection is None:
        return False
    status = getattr(connection.connection.info, "transaction_status", None)
    return getattr(status, "name", "") == "INERROR"
