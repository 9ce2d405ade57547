"""A network that may swallow everything: a proxy that stops forwarding and closes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from django.db import connections

from tests.engines.aliases import alias_at


class Network:
    """The way between adj and a server: `is_up` while it carries what is sent."""

    def __init__(self, database: dict[str, Any]) -> None:
        self._host, self._port = database["HOST"], int(database["PORT"])
        self._up = asyncio.Event()
        self._up.set()
        # What becomes of a server's answer; None breaks the line, and the answer is lost.
        self.answer: Callable[[bytes], bytes | None] = lambda data: data
        self._tasks: set[asyncio.Task[None]] = set()

    def go_down(self) -> None:
        """Swallow what is sent from now on, also what opens a connection."""
        self._up.clear()

    def come_back(self) -> None:
        """Carry again, what was sent meanwhile included."""
        self._up.set()

    def lose_an_answer(self) -> None:
        """Break the line instead of carrying the next answer; others are carried again."""

        def lose(data: bytes) -> None:
            self.answer = carried

        carried, self.answer = self.answer, lose

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client to the server."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await self._up.wait()
            if self._host.startswith("/"):
                opened = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
            else:
                opened = await asyncio.open_connection(self._host, self._port)
            await asyncio.gather(self._carry(reader, opened[1]), self._carry(opened[0], writer, is_answer=True))
        writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        try:
            while data := await reader.read(65_536):
                await self._up.wait()
                carried = self.answer(data) if is_answer else data
                if carried is None:
                    return
                writer.write(carried)
                await writer.drain()
        finally:
            writer.close()

    async def end(self) -> None:
        """Break what is still connected."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def network_to(alias: str) -> AsyncGenerator[Network]:
    """Let an alias reach its server over a network that the test controls, for as long as the block."""
    database = connections.settings[alias]
    network = Network(database)
    server = await asyncio.start_server(network.accept, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    try:
        with alias_at(alias, {**database, "HOST": "127.0.0.1", "PORT": port}):
            yield network
    finally:
        server.close()
        await network.end()
