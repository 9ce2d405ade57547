"""Which functions of a database may change their session: asked of the server, once for each name."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import psycopg

from adj.engines.session_words import WHICH_LAST


class Functions:
    """What is known of the functions of one database, by name."""

    def __init__(self) -> None:
        self._may_last: dict[str, bool] = {}

    def may_last(self, names: AbstractSet[str]) -> bool:
        """Whether one of the functions may have changed its session, as far as is known."""
        return any(self._may_last.get(name, True) for name in names)

    async def ask(self, connection: psycopg.AsyncConnection[Any], names: AbstractSet[str]) -> None:
        """Find out about names that are not known yet. Raises what psycopg raises."""
        if unknown := names - self._may_last.keys():
            rows = await (await connection.execute(WHICH_LAST, [sorted(unknown)])).fetchall()
            # A name that is no function is that of a table or a type.
            self._may_last.update(dict.fromkeys(unknown, False), **{str(name): True for (name,) in rows})
