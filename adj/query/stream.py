"""`async with query.stream() as rows` fetches rows in chunks, and closes the cursor at the end of the block.

The stream is a class, not an asynchronous generator: an event loop that ends closes all unfinished generators at once,
and of two that wait for each other, one would be closed while it runs.
"""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Generic

from adj.compiler.plans.prepared import Execution
from adj.completion import deadline_in
from adj.errors import QueryTimeout
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.execution.executor import Chunks
from adj.statement.text import Noted
from adj.typevars import T

if TYPE_CHECKING:
    from typing import Self


class RowStream(Generic[T]):
    """The rows of a query, fetched `chunk_size` at a time; a context manager and an asynchronous iterator."""

    def __init__(self, alias: str, execution: Execution, chunk_size: int) -> None:
        self._alias, self._question, self._chunk_size = alias, execution, chunk_size
        self._rows: deque[T] = deque()
        self._chunks: Chunks | None = None

    async def __aenter__(self) -> Self:
        statement, terminal = self._question.statement, self._question.terminal
        async with within_time(statement, terminal):
            chunks = Chunks(await executor_for(self._alias), self._question, self._chunk_size)
            with Noted(statement, terminal):
                await chunks.__aenter__()
        self._chunks = chunks
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        chunks, self._chunks = self._chunks, None
        self._rows.clear()
        if chunks is None:
            return
        # After a timeout, closing does not wait for a server or a thread that does not respond.
        with deadline_in(0) if isinstance(error, QueryTimeout) else nullcontext():
            await chunks.__aexit__(error_type, error, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if not self._rows:
            await self._fetch()
        return self._rows.popleft()

    async def _fetch(self) -> None:
        if self._chunks is None:
            raise RuntimeError("A stream can be iterated only inside its `async with` block.")
        statement, terminal = self._question.statement, self._question.terminal
        with Noted(statement, terminal):
            async with within_time(statement, terminal):
                rows = await self._chunks.fetch()
        if not rows:
            raise StopAsyncIteration
        self._rows.extend(rows)
