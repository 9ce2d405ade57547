"""A connection to the server: psycopg's, which leaves nothing running when it is cancelled, with Django's wrapper."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import pq, waiting
from psycopg.types.numeric import Int2, Int4, Int8

from adj.abc import Command, Parameters
from adj.completion import keep, result_and_cancellation, seconds_to_clean
from adj.engines.outcome import record_outcome
from adj.engines.postgres.session import PgSession, with_prefix
from adj.engines.session.known_functions import SELECT_VOLATILE, KnownFunctions
from adj.engines.session.sql_effects import NO_EFFECTS, session_effects
from adj.errors import UnsupportedFeature

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")

CANCEL_SECONDS = 5.0
"""How long a server may take to undo something, or to give up a query that is cancelled; then its connection is closed.

Neither takes PostgreSQL long; a network that swallows what is sent, as a firewall does that has forgotten a connection,
would be waited for in vain.
"""

ABANDON_SECONDS = 1.0
"""How long the end of an event loop waits for a server that is told to stop a query."""

GRACE_SECONDS = 1.0
"""How much later than the client the server gives up a query that has taken too long."""

_SHOWN = 200
_SHARED = (
    "It would change a session that others get as well, since ADJ says that there is a pooler in transaction mode. "
    "Within atomic(), use its set_local=, SET LOCAL, or a lock or table that ends with the transaction."
)

# The types that Django gives whole numbers, and how many bits they have.
_INTEGERS: dict[type[Any], int] = {Int2: 16, Int4: 32, Int8: 64}
# The protocol counts the parameters of a statement in 16 bits.
_MOST_PARAMETERS = 65_535
_MOST_MILLISECONDS = 2**31 - 1
_INTEGER_TYPES = frozenset({int, *_INTEGERS})
_REMEMBERED_PARAMETERS = 50


def _are_many_integers(parameters: Parameters) -> bool:
    """Whether a statement is better merged here: the keys of a prefetch, for one.

    psycopg remembers how statements are taken apart, but not those of more parameters than these.
    """
    return len(parameters) > _REMEMBERED_PARAMETERS and all(type(number) in _INTEGER_TYPES for number in parameters)


def _are_placeholders(sql: str, count: int) -> bool:
    """Whether all percent signs are placeholders, so many of them, or doubled.

    An alias may have others, as Django lets it. Python would take `%900000000d` for a width; psycopg refuses it.
    """
    rest = sql.replace("%%", "")
    return rest.count("%s") == rest.count("%") == count


def merged(sql: str, integers: Iterable[Any]) -> str:
    """A statement with whole numbers in their places, as psycopg's client-side cursor sends it."""
    # psycopg, too, keeps a minus from making a comment of the minus before it.
    return sql % tuple(f" {int(number)}" if number < 0 else int(number) for number in integers)


class PgConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """One connection of a pool.

    `wrapper` is the Django wrapper whose code runs on this connection in a bridge; the pool sets it when it opens the
    connection. `session` applies the project's session settings, and `is_pooled` says that a pooler may give each
    transaction another session.

    The other attributes tell whether the connection is as the pool opened it: `is_session_changed` (a statement has
    changed the session in a way that outlives its transaction), `called_functions` (functions that may have done so;
    `functions` is what is known about them), `open_cursors` (Django's server-side cursors), `mode` (isolation,
    read-only and deferrable as they were when the connection was opened), `was_read_only` (the session could only read
    when it was opened) and `has_refused_write` (the server has refused a write since).
    """

    wrapper: BaseDatabaseWrapper
    is_session_changed = False
    has_refused_write = False
    was_read_only = False
    is_pooled = False
    mode: tuple[Any, ...] = ()
    _cleanups = 0
    expires_at = math.inf
    idle_since = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.open_cursors: set[object] = set()
        self.called_functions: set[str] = set()
        self.functions = KnownFunctions()
        self.session: PgSession | None = None
        # Those that receivers of `connection_created` have installed, for as long as the connection lives.
        self.execute_wrappers: list[object] = []

    def record_statement(self, sql: str) -> None:
        """Take note of what a statement may leave in the session, before it is sent.

        Raises `UnsupportedFeature` behind a pooler, where others get the session without adj.
        """
        effects = session_effects(sql)
        if effects is not NO_EFFECTS:
            if effects.is_lasting and self.is_pooled:
                raise UnsupportedFeature(query=sql[:_SHOWN], reason=_SHARED)
            self.is_session_changed = self.is_session_changed or effects.is_lasting
            self.called_functions |= effects.functions

    async def check_called_functions(self) -> None:
        """Find out whether a function that was called may have changed the session. Raises what psycopg raises."""
        called_functions, self.called_functions = self.called_functions, set()
        if self.functions.may_change_session(called_functions):
            self.is_session_changed = True
            if unknown := self.functions.unknown(called_functions):
                self.functions.learn(unknown, await (await self.execute(SELECT_VOLATILE, [unknown])).fetchall())
            self.is_session_changed = self.functions.may_change_session(called_functions)

    async def fetch(self, command: Command) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, or one with the number of rows that it has changed.

        It is prepared on the server, if `prepare_threshold` is set and the statement can be.
        """
        if self.session is not None:
            await self.session.apply(self)
        if prefix := self._prefix(command):
            return await self._fetch_prefixed(prefix, command)
        if self.prepare_threshold is not None and command.is_typed and _can_be_sent(command.parameters):
            try:
                # psycopg wants SQL to be literal text where types are checked; Django's is made.
                cursor = await psycopg.AsyncCursor(self).execute(cast("Any", command.sql), command.parameters)
                return await _rows_of(cursor, command)
            except psycopg.errors.FeatureNotSupported:
                if not self.autocommit:
                    raise
                # A table has changed since the statement was prepared.
                await self.execute("DEALLOCATE ALL")
        return await _rows_of(await self.execute(*self._sent(command)), command)

    def _sent(self, command: Command) -> tuple[Any, Parameters | None]:
        """The SQL and the parameters of a statement that is not prepared."""
        sql, parameters = command.sql, command.parameters
        if (
            self.cursor_factory is psycopg.AsyncClientCursor
            and _are_many_integers(parameters)
            and _are_placeholders(sql, len(parameters))
        ):
            return merged(sql, parameters), None
        return sql, parameters

    def _prefix(self, command: Command) -> list[str]:
        """What is sent together with a statement, so that all of it is one transaction, behind a pooler as well."""
        prefix = []
        if command.seconds is not None and self.autocommit and self.cursor_factory is psycopg.AsyncClientCursor:
            # The server ends the statement itself, should nobody be left to cancel it; later than whoever waits for it.
            milliseconds = min((command.seconds + GRACE_SECONDS) * 1000, _MOST_MILLISECONDS)
            prefix.append(f"SET LOCAL statement_timeout = {int(milliseconds)};\n")
        if self.session is not None and (settings := self.session.prefix(self)):
            prefix.append(settings)
        return prefix

    async def _fetch_prefixed(self, prefix: list[str], command: Command) -> list[tuple[Any, ...]]:
        sql, parameters = self._sent(command)
        cursor = await self.execute(with_prefix("".join(prefix), sql, parameters), parameters)
        for _ in prefix:
            cursor.nextset()
        return await _rows_of(cursor, command)

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109
        """Wait for an operation on the connection; cancelled, the server's query has ended before this returns.

        psycopg stops the query as well, but gives up, and leaves it running, when it is cancelled once more meanwhile.
        """
        # The signature is psycopg's, whose older versions do not know a timeout, and never pass one.
        options = {} if timeout is None else {"timeout": timeout}
        if self._cleanups:
            return await self._wait_for_cleanup(gen)
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, **options)
        except asyncio.CancelledError as error:
            if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                was_stopped, again = False, None
                with suppress(TimeoutError):
                    was_stopped, again = await result_and_cancellation(self._stop(gen))
                record_outcome(error := again or error, "stopped" if was_stopped else "unknown")
            raise error from None
        except psycopg.errors.ReadOnlySqlTransaction:
            self.has_refused_write = True
            raise
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            # The loop ends: nobody can wait for the server.
            self.abandon()
            raise

    @contextmanager
    def cleaning_up(self) -> Generator[None]:
        """What is sent in this block has a bounded time, after which the connection is closed.

        It raises psycopg's `OperationalError` then. For what cleans up, and may not be cancelled.
        """
        self._cleanups += 1
        try:
            yield
        finally:
            self._cleanups -= 1

    async def _wait_for_cleanup(self, gen: PQGen[T]) -> T:
        seconds = seconds_to_clean(CANCEL_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                return await waiting.wait_async(gen, self.pgconn.socket, interval=0.1)
        except TimeoutError:
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the server has not answered within {seconds:.3g} s; the connection is closed"
            ) from None
        except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit):
            self.pgconn.finish()
            raise

    async def _stop(self, gen: PQGen[Any]) -> bool:
        """End what the server is doing; close the connection if it does not end in time.

        The request to cancel goes over another connection. It is made also where nobody can wait for its answer.
        Returns whether the server says that it has stopped the statement.
        """
        cancelling = keep(self._request_cancellation())
        try:
            async with asyncio.timeout(seconds_to_clean(CANCEL_SECONDS)):
                await asyncio.shield(cancelling)
                await waiting.wait_async(gen, self.pgconn.socket, interval=0.1)
        except psycopg.errors.QueryCanceled:
            return True
        except BaseException as error:
            # In an unknown state, it is of no use to anybody.
            self.pgconn.finish()
            if not isinstance(error, Exception):
                raise
        return False

    async def _request_cancellation(self) -> None:
        # A server that does not answer this does not answer the query either, for which its connection is closed.
        with suppress(psycopg.Error, OSError):
            await self.cancel_safe(timeout=CANCEL_SECONDS)

    def abandon(self) -> None:
        """Close the connection without an event loop, after the server was told to stop what it does."""
        if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            # It blocks. A server that does not answer is not waited for.
            cancelling = threading.Thread(target=_send_cancel, args=(self.pgconn.get_cancel(),), daemon=True)
            cancelling.start()
            cancelling.join(ABANDON_SECONDS)
        self.pgconn.finish()

    def close_if_busy(self) -> None:
        """Close the connection if a statement still runs when its lease ends: a COPY that nobody has ended.

        psycopg would wait for its end, which does not come.
        """
        if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            self.pgconn.finish()

    @property
    def is_lost(self) -> bool:
        """Whether the connection is closed or broken."""
        return self.pgconn.status != pq.ConnStatus.OK

    @property
    def is_clean(self) -> bool:
        """Whether it is as it was when it was lent: idle, in autocommit, nothing open on it, its session unchanged."""
        wrapper: Any = self.wrapper
        return (
            self.pgconn.transaction_status == pq.TransactionStatus.IDLE
            and self.autocommit
            and not self.is_session_changed
            and not self.called_functions
            and not self.has_refused_write
            and not self.open_cursors
            and not wrapper.in_atomic_block
            and wrapper.connection is not None
            and wrapper.execute_wrappers == self.execute_wrappers
            and not wrapper.force_debug_cursor
            and self.mode == (self.isolation_level, self.read_only, self.deferrable)
        )


def _send_cancel(cancel: pq.abc.PGcancel) -> None:
    with suppress(psycopg.Error):
        cancel.cancel()


async def _rows_of(cursor: psycopg.AsyncCursor[tuple[Any, ...]], command: Command) -> list[tuple[Any, ...]]:
    return await cursor.fetchall() if command.returns_rows else [(cursor.rowcount,)]


def _can_be_sent(parameters: Parameters) -> bool:
    """Whether the server can be given the parameters beside the statement.

    A number that its type does not hold would lose bits on the way; as a literal it is compared as it is.
    """
    return len(parameters) <= _MOST_PARAMETERS and all(map(_is_held, parameters))


def _is_held(parameter: object) -> bool:
    bits = _INTEGERS.get(type(parameter))
    if bits is None:
        return True
    limit, number = 1 << (bits - 1), cast("int", parameter)
    return -limit <= number < limit
