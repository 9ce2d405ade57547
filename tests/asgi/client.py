"""A client of HTTP that costs little, so that a server's throughput can be measured beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers to one request."""

    status: int
    body: bytes

    def json(self) -> Any:
        """What the body says. Raises `AssertionError` with the body for any other status than 200."""
        assert self.status == 200, self.body.decode()
        return json.loads(self.body)


PATIENCE = 120.0
"""The seconds that all requests together may take: a server that hangs fails the test."""


async def get_all(socket: Path, targets: Sequence[str], at_once: int) -> list[Answer]:
    """The answers to GET requests, in their order, over so many connections. Raises `TimeoutError`."""
    answers: dict[int, Answer] = {}
    waiting = iter(enumerate(targets))
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(_get_some(socket, waiting, answers))
    return [answers[number] for number in range(len(targets))]


async def _get_some(socket: Path, waiting: Iterator[tuple[int, str]], answers: dict[int, Answer]) -> None:
    """Send one request after another, over one connection."""
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        for number, target in waiting:
            writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answers[number] = await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", maxsplit=1) for line in lines if line)
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await _chunks(reader)
    return Answer(int(first.split()[1]), body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
