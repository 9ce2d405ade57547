"""Opens, checks and closes the connections of a pool.

Private Django API used here: `DatabaseWrapper.get_connection_params`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
from django.db import connections

from adj.engines.bridge.greenlets import Lent, run_in_bridge
from adj.engines.lease.refused_connections import may_pass
from adj.engines.postgres.connection import Link
from adj.engines.postgres.wrapper import asynchronous, wrapper_on
from adj.engines.session.known_functions import Functions
from adj.engines.session.server_state import has_news, is_read_only
from adj.errors import EngineNotOpen
from adj.settings import alias_settings


class LinkSource:
    """The connections of one alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._functions = Functions()

    async def open(self) -> Link:
        """Open a connection, and let Django's backend prepare it: time zone, role, `connection_created`.

        The backend is asked for its parameters each time, as they may hold a password that is rotated.
        """
        wrapper: Any = wrapper_on(None, self._alias)
        parameters = await _parameters(wrapper)
        try:
            link = await Link.connect(**asynchronous(parameters, wrapper))
        except (psycopg.Error, OSError) as error:
            raise self._not_open(error) from error
        try:
            link.wrapper, wrapper.link, wrapper.given_parameters = wrapper, link, parameters
            await run_in_bridge(Lent({self._alias: wrapper}), wrapper.ensure_connection)
            link.functions, link.is_pooled = self._functions, alias_settings(self._alias).pooler is not None
            link.is_marked = link.is_suspect = False
            link.called.clear()
            link.execute_wrappers = list(wrapper.execute_wrappers)
            link.was_read_only = is_read_only(link.pgconn)
            link.mode = (link.isolation_level, link.read_only, link.deferrable)
        except BaseException as error:
            was_lost = link.is_lost
            link.pgconn.finish()
            if was_lost and isinstance(error, Exception):
                # It is the server that has ended it, as a pooler does with one that it cannot serve.
                raise self._not_open(error) from error
            raise
        return link

    def is_ready(self, link: Link) -> bool:
        """Whether the server has sent nothing since the connection was returned. Costs one look at the socket."""
        return not has_news(link.pgconn.socket)

    async def check(self, link: Link) -> bool:
        """Whether a connection that the server has sent something to still answers, and may write if it could."""
        with suppress(psycopg.Error), link.undoing():
            await link.execute("")
        return not link.is_lost and (link.was_read_only or not is_read_only(link.pgconn))

    def close(self, link: Link) -> None:
        """Close a connection."""
        link.abandon()

    def may_pass(self, error: EngineNotOpen, *, was_open: bool) -> bool:
        """Whether the server may accept a connection soon."""
        return may_pass(error.reason, was_open=was_open)

    def _not_open(self, error: Exception) -> EngineNotOpen:
        name = connections.settings[self._alias]["NAME"]
        return EngineNotOpen(
            alias=self._alias,
            reason=f'the PostgreSQL database "{name}" does not open: {str(error).strip()}.',
            advice=f'Check DATABASES["{self._alias}"], and that the database exists and its server runs.',
        )


async def _parameters(wrapper: Any) -> dict[str, Any]:
    """What the backend passes to `psycopg.connect()`."""
    kind = next(kind for kind in type(wrapper).__mro__[2:] if "get_connection_params" in vars(kind))
    if kind.__module__.startswith("django."):
        return dict(wrapper.get_connection_params())
    # A project's own may fetch a token, which takes its time.
    return dict(await asyncio.to_thread(wrapper.get_connection_params))
