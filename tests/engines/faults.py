"""A network with faults: a proxy between adj and a server that swallows, delays, cuts off or resets what it carries."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Any

from django.db import connections

from tests.engines.aliases import alias_at


class Fault(Enum):
    """What happens to one connection, from a moment on."""

    SILENT = "swallows both ways"
    ONE_WAY = "swallows what the server sends"
    TRUNCATED = "ends in the middle of an answer"
    RESET = "is reset before the server gets anything"
    DELAYED = "delays what the server sends"


class Network:
    """The way between adj and a server: carries everything while it is up and no fault is set."""

    def __init__(self, database: dict[str, Any]) -> None:
        self._host, self._port = database["HOST"], int(database["PORT"])
        self._up = asyncio.Event()
        self._up.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: Fault | None = None
        self.moment = b""
        self.delay = 0.5
        """Seconds of a delay."""
        self.connections = 0
        """How many connections were opened over it."""
        self.answer: Callable[[bytes], bytes | None] = lambda data: data
        """What becomes of what the server sends; None breaks the line."""

    def go_down(self) -> None:
        """Swallow what is sent from now on, also what opens a connection."""
        self._up.clear()

    def come_back(self) -> None:
        """Carry again, what was sent meanwhile included; no fault begins from now on."""
        self.fault = None
        self._up.set()

    def break_at(self, fault: Fault, moment: str = "") -> None:
        """Let a fault begin on each connection over which these words are sent to the server; at once without words."""
        self.fault, self.moment = fault, moment.encode()

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
        self.connections += 1
        with suppress(OSError, asyncio.CancelledError):
            await self._up.wait()
            if self._host.startswith("/"):
                opened = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
            else:
                opened = await asyncio.open_connection(self._host, self._port)
            line = _Line(self, (reader, writer), opened)
            await asyncio.gather(line.carry_up(), line.carry_down())
        writer.close()

    async def carried(self) -> None:
        """Wait while the network swallows everything."""
        await self._up.wait()

    async def end(self) -> None:
        """Break what is still connected."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Line:
    """One connection over the network."""

    def __init__(self, network: Network, client: _Streams, server: _Streams) -> None:
        self._network = network
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._fault: Fault | None = None

    async def carry_up(self) -> None:
        """Carry what the client sends."""
        network = self._network
        try:
            while data := await self._from_client.read(65_536):
                await network.carried()
                if network.fault is not None and network.moment in data:
                    self._fault = network.fault
                if self._fault is Fault.SILENT:
                    await asyncio.Event().wait()
                if self._fault is Fault.RESET:
                    self._reset()
                    return
                self._to_server.write(data)
                await self._to_server.drain()
        finally:
            self._to_server.close()

    async def carry_down(self) -> None:
        """Carry what the server sends."""
        try:
            while data := await self._from_server.read(65_536):
                await self._network.carried()
                if self._fault in {Fault.SILENT, Fault.ONE_WAY}:
                    await asyncio.Event().wait()
                if self._fault is Fault.DELAYED:
                    await asyncio.sleep(self._network.delay)
                if self._fault is Fault.TRUNCATED:
                    self._to_client.write(data[: len(data) // 2])
                    return
                carried = self._network.answer(data)
                if carried is None:
                    return
                self._to_client.write(carried)
                await self._to_client.drain()
        finally:
            self._to_client.close()

    def _reset(self) -> None:
        found = self._to_client.get_extra_info("socket")
        # Closing does not say goodbye then.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._to_client.transport.abort()


@asynccontextmanager
async def network_to(alias: str) -> AsyncGenerator[Network]:
    """Let an alias reach its server over a network that the test controls, inside the block."""
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
