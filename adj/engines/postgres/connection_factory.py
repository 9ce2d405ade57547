"""Opens, checks and closes the connections of a PostgreSQL pool.

Private Django API used here: `DatabaseWrapper.get_connection_params`, for the parameters that Django would use.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg
from django.db import connections

from adj.engines.bridge.greenlets import BridgeConnections, run_in_bridge
from adj.engines.django_wrapper import ConnectionParameters
from adj.engines.lease.refused_connections import is_temporary
from adj.engines.postgres.connection import PgConnection, PgWrapper
from adj.engines.postgres.wrapper import async_parameters, wrapper_for_bridge
from adj.engines.session.known_functions import KnownFunctions
from adj.engines.session.server_state import has_unread_data, is_read_only
from adj.errors import EngineNotOpen
from adj.settings import alias_settings


class PgConnectionFactory:
    """The connections of one alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._functions = KnownFunctions()

    async def open(self) -> PgConnection:
        """Open a connection, and let Django's backend prepare it: time zone, role, `connection_created`.

        The backend's parameters are read each time, since they may contain a password that is rotated.
        """
        wrapper = wrapper_for_bridge(None, self._alias)
        parameters = await _parameters(wrapper)
        try:
            connection = await PgConnection.connect(**async_parameters(parameters, wrapper))
        except (psycopg.Error, OSError) as error:
            raise self._not_open(error) from error
        try:
            connection.wrapper, wrapper.raw, wrapper.opening_parameters = wrapper, connection, parameters
            await run_in_bridge(BridgeConnections({self._alias: wrapper}), wrapper.ensure_connection)
            connection.functions, connection.is_pooled = self._functions, alias_settings(self._alias).pooler is not None
            connection.is_session_changed = connection.has_refused_write = False
            connection.called_functions.clear()
            connection.execute_wrappers = list(wrapper.execute_wrappers)
            connection.was_read_only = is_read_only(connection.pgconn)
            connection.mode = (connection.isolation_level, connection.read_only, connection.deferrable)
        except BaseException as error:
            was_lost = connection.is_lost
            connection.pgconn.finish()
            if was_lost and isinstance(error, Exception):
                # The server has closed it, as a pooler does with a connection that it cannot serve.
                raise self._not_open(error) from error
            raise
        return connection

    def is_ready(self, connection: PgConnection) -> bool:
        """Whether the server has sent nothing since the connection was returned. Costs one poll of the socket."""
        return not has_unread_data(connection.pgconn.socket)

    async def check(self, connection: PgConnection) -> bool:
        """Whether a connection with unread data still works, and has not become read-only."""
        with suppress(psycopg.Error), connection.cleaning_up():
            await connection.execute("")
        return not connection.is_lost and (connection.was_read_only or not is_read_only(connection.pgconn))

    def close(self, connection: PgConnection) -> None:
        """Close a connection."""
        connection.abandon()

    def is_temporary(self, error: EngineNotOpen, *, was_open: bool) -> bool:
        """Whether the server may accept a connection soon."""
        return is_temporary(error.reason, was_open=was_open)

    def _not_open(self, error: Exception) -> EngineNotOpen:
        name = connections.settings[self._alias]["NAME"]
        return EngineNotOpen(
            alias=self._alias,
            reason=f'cannot connect to the PostgreSQL database "{name}": {str(error).strip()}.',
            advice=f'Check DATABASES["{self._alias}"], and that the server is running and the database exists.',
        )


async def _parameters(wrapper: PgWrapper) -> ConnectionParameters:
    """The backend's parameters for `psycopg.connect()`."""
    cls = next(cls for cls in type(wrapper).__mro__[2:] if "get_connection_params" in vars(cls))
    if cls.__module__.startswith("django."):
        return dict(wrapper.get_connection_params())
    # A project's method may block, for example to fetch a token.
    return dict(await asyncio.to_thread(wrapper.get_connection_params))
