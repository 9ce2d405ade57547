"""psycopg's asynchronous connection, which stops the server's query when it is cancelled, with Django's wrapper."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import psycopg
from psycopg import IsolationLevel, pq, waiting
from psycopg.rows import tuple_row

from adj.abc import Command, DatabaseRow, Parameters
from adj.completion import keep, result_and_cancellation, seconds_to_clean
from adj.engines.django_wrapper import ConnectionParameters, DjangoWrapper
from adj.engines.outcome import record_outcome
from adj.engines.postgres.query_parameters import can_be_merged, can_be_sent_apart, merged
from adj.engines.postgres.query_text import literal, with_prefix
from adj.engines.postgres.session import PgSession
from adj.engines.session.known_functions import SELECT_FUNCTIONS, KnownFunctions
from adj.engines.session.sql_effects import NO_EFFECTS, session_effects
from adj.errors import UnsupportedFeature

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")

Mode: TypeAlias = "tuple[IsolationLevel | None, bool | None, bool | None]"
"""The isolation level, read-only and deferrable of transactions to come. None is the server's default."""

CANCEL_SECONDS = 5.0
"""How long a rollback, or stopping a cancelled query, may take before the connection is closed.

PostgreSQL needs much less. Without a limit, a network that drops packets silently, such as a firewall that has
forgotten the connection, would block the caller forever.
"""

ABANDON_SECONDS = 1.0
"""How long the end of an event loop waits for the server to accept a request to stop a query."""

GRACE_SECONDS = 1.0
"""How much later than the client's deadline the server stops a query itself."""

_SHOWN = 200
_SHARED = (
    "It would change a session that other clients use as well, since ADJ says that there is a pooler in transaction "
    "mode. Inside atomic(), use set_local=, SET LOCAL, or a lock or table that ends with the transaction."
)

_MOST_MILLISECONDS = 2**31 - 1

if TYPE_CHECKING:

    class PgWrapper(DjangoWrapper):
        """Django's wrapper on a `PgConnection`, with what `wrapper.py` adds to the backend's class."""

        raw: PgConnection | None
        isolation_level: IsolationLevel
        is_managed_by_adj: bool
        opening_parameters: ConnectionParameters | None
else:
    PgWrapper = DjangoWrapper


class PgConnection(psycopg.AsyncConnection[DatabaseRow]):
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

    wrapper: PgWrapper
    is_session_changed = False
    has_refused_write = False
    was_read_only = False
    is_pooled = False
    mode: Mode = (None, None, None)
    _cleanups = 0
    expires_at = math.inf
    idle_since = 0.0

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        super().__init__(pgconn, tuple_row)
        self.open_cursors: set[object] = set()
        self.called_functions: set[str] = set()
        self.functions = KnownFunctions()
        self.session: PgSession | None = None
        # Execute wrappers that receivers of `connection_created` have installed; they stay with the connection.
        self.execute_wrappers: list[object] = []

    def record_statement(self, sql: str) -> None:
        """Record what a statement may change in the session, before the statement is sent.

        Raises `UnsupportedFeature` behind a pooler, where other clients use the session as well.
        """
        effects = session_effects(sql)
        if effects is not NO_EFFECTS:
            if effects.is_lasting and self.is_pooled:
                raise UnsupportedFeature(query=sql[:_SHOWN], reason=_SHARED)
            self.is_session_changed = self.is_session_changed or effects.is_lasting
            self.called_functions |= effects.functions

    async def check_called_functions(self) -> None:
        """Find out whether a called function may have changed the session. Raises psycopg's errors."""
        called_functions, self.called_functions = self.called_functions, set()
        if self.functions.may_change_session(called_functions):
            self.is_session_changed = True
            while unknown := self.functions.unknown(called_functions):
                self.functions.learn(unknown, await (await self.execute(SELECT_FUNCTIONS, [unknown])).fetchall())
            self.is_session_changed = self.functions.may_change_session(called_functions)

    def send(self, command: Command) -> Awaitable[psycopg.AsyncCursor[DatabaseRow]]:
        """Run a statement. `rows_of()` reads the rows of the cursor that it returns.

        The server prepares the statement if `prepare_threshold` is set and all its parameters have known types.
        """
        is_prepared = self.prepare_threshold is not None and command.is_typed
        if is_prepared or self.session is not None or command.seconds is not None:
            return self._send_with_care(command)
        # psycopg's own coroutine: few frames stand between a user's `await` and the driver.
        sql, parameters = self._sent(command)
        return self.execute(literal(sql), parameters)

    async def _send_with_care(self, command: Command) -> psycopg.AsyncCursor[DatabaseRow]:
        if self.session is not None:
            await self.session.apply(self)
        if prefix := self._prefix(command):
            return await self._send_prefixed(prefix, command)
        if self.prepare_threshold is not None and command.is_typed and can_be_sent_apart(command.parameters):
            try:
                return await psycopg.AsyncCursor(self).execute(literal(command.sql), command.parameters)
            except psycopg.errors.FeatureNotSupported:
                if not self.autocommit:
                    raise
                # "cached plan must not change result type": a table was altered since the statement was prepared.
                await self.execute("DEALLOCATE ALL")
        sql, parameters = self._sent(command)
        return await self.execute(literal(sql), parameters)

    def _sent(self, command: Command) -> tuple[str, Parameters | None]:
        """The SQL and the parameters of a statement that is not prepared."""
        sql, parameters = command.sql, command.parameters
        if self.cursor_factory is psycopg.AsyncClientCursor and can_be_merged(sql, parameters):
            return merged(sql, parameters), None
        return sql, parameters

    def _prefix(self, command: Command) -> list[str]:
        """The statements to send together with this one, in one transaction, also behind a pooler."""
        prefix = []
        if command.seconds is not None and self.autocommit and self.cursor_factory is psycopg.AsyncClientCursor:
            # The server stops the statement a bit later, in case the client hangs and cannot cancel it.
            milliseconds = min((command.seconds + GRACE_SECONDS) * 1000, _MOST_MILLISECONDS)
            prefix.append(f"SET LOCAL statement_timeout = {int(milliseconds)};\n")
        if self.session is not None and (settings := self.session.prefix(self)):
            prefix.append(settings)
        return prefix

    async def _send_prefixed(self, prefix: list[str], command: Command) -> psycopg.AsyncCursor[DatabaseRow]:
        sql, parameters = self._sent(command)
        cursor = await self.execute(literal(with_prefix("".join(prefix), sql, parameters)), parameters)
        for _ in prefix:
            cursor.nextset()
        return cursor

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109
        """Wait for an operation on the connection. If cancelled, stop the server's query before this returns.

        psycopg stops the query as well, but a second cancellation makes it give up and leave the query running.
        """
        # The signature is psycopg's. Its older versions do not have `timeout`, and never pass one.
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
            # The loop is ending, so nothing can wait for the server.
            self.abandon()
            raise

    @contextmanager
    def cleaning_up(self) -> Generator[None]:
        """A block for cleanup: its statements are not cancelled, but their time is limited.

        When the time is over, the connection is closed and psycopg's `OperationalError` is raised.
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
                f"the server did not answer within {seconds:.3g} s; the connection was closed"
            ) from None
        except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit):
            self.pgconn.finish()
            raise

    async def _stop(self, gen: PQGen[object]) -> bool:
        """Cancel the running statement; close the connection if the server does not stop it before the deadline.

        The request goes over another connection, and is sent even if the deadline has passed. Returns whether the
        server confirmed that it stopped the statement.
        """
        cancelling = keep(self._request_cancellation())
        try:
            async with asyncio.timeout(seconds_to_clean(CANCEL_SECONDS)):
                await asyncio.shield(cancelling)
                await waiting.wait_async(gen, self.pgconn.socket, interval=0.1)
        except psycopg.errors.QueryCanceled:
            return True
        except BaseException as error:
            # Its state is unknown, so it cannot be used again.
            self.pgconn.finish()
            if not isinstance(error, Exception):
                raise
        return False

    async def _request_cancellation(self) -> None:
        # A server that does not answer this does not answer the query either, and the connection is closed.
        with suppress(psycopg.Error, OSError):
            await self.cancel_safe(timeout=CANCEL_SECONDS)

    def abandon(self) -> None:
        """Close the connection without an event loop, after asking the server to stop its query."""
        if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            # The call blocks, so a thread makes it: a server that does not answer must not block the end.
            cancelling = threading.Thread(target=_send_cancel, args=(self.pgconn.get_cancel(),), daemon=True)
            cancelling.start()
            cancelling.join(ABANDON_SECONDS)
        self.pgconn.finish()

    def close_if_busy(self) -> None:
        """Close the connection if a COPY is still open when the lease ends: psycopg would wait forever for its end."""
        if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            self.pgconn.finish()

    @property
    def is_lost(self) -> bool:
        """Whether the connection is closed or broken."""
        return self.pgconn.status != pq.ConnStatus.OK

    @property
    def is_clean(self) -> bool:
        """Whether it can go back to the pool: idle, in autocommit, with nothing open and an unchanged session."""
        wrapper = self.wrapper
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


async def rows_of(cursor: psycopg.AsyncCursor[DatabaseRow], command: Command) -> list[DatabaseRow]:
    """The rows of a statement, or a single row with the number of changed rows."""
    return await cursor.fetchall() if command.returns_rows else [(cursor.rowcount,)]
