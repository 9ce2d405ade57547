"""`adj.observe(callback)`: an event for each query, for metrics and tracing."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from django.db import connections

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("adj.events")


@dataclass(frozen=True, slots=True)
class QueryEvent:
    """A query of adj that has succeeded or failed.

    - `alias`: the database; `sql`: the SQL, without parameters; `query`: the code of the query, without values.
    - `waited`: seconds until it had a connection; `executed`: seconds until the database had sent its rows;
      `hydrated`: seconds for turning them into the result. Each relation of a prefetch is a separate query.
    - `rows`: how many rows the database sent; `was_cached`: whether the plan came from the cache.
    - `caller`: `file:line` of the code that awaited the query, or None if that was an event loop.
    - `error`: the error that the query raised, or None.

    A query on the Django path, such as one of a project's own QuerySet class, may send several statements: `sql`
    contains all, `executed` includes creating the rows, and `rows` is the number of rows of the result. Streams and
    functions in `run_sync()` have no events; Django's execute wrappers see their statements.
    """

    alias: str
    sql: str
    query: str
    waited: float
    executed: float
    hydrated: float
    rows: int
    was_cached: bool
    caller: str | None
    error: BaseException | None


Observer: TypeAlias = Callable[[QueryEvent], object]

_observers: list[Observer] = []


class Observation:
    """A registered callback; `close()`, or the end of its `with` block, removes it."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        _observers.append(observer)

    def close(self) -> None:
        """Remove the callback. It is safe to call this twice."""
        if self._observer in _observers:
            _observers.remove(self._observer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def observe(observer: Observer) -> Observation:
    """Call a function with a `QueryEvent` after each query of this process, until the result is closed.

    ```python
    with adj.observe(lambda event: print(event.executed, event.sql)):
        await q(Book).run()
    ```

    It is called on the event loop of the query and must not block. Its errors are logged and do not affect the query.
    """
    return Observation(observer)


def is_observed() -> bool:
    """Whether there are observers."""
    return bool(_observers)


class Stopwatch:
    """Measures the times of a query; a context manager that calls the observers at its end."""

    def __init__(self, alias: str, sql: str, query: str, *, was_cached: bool) -> None:
        self._facts = {"alias": alias, "sql": sql, "query": query, "was_cached": was_cached, "caller": _caller()}
        self._started = self._connected = self._fetched = self._hydrated = time.perf_counter()
        self._rows = 0

    def has_connection(self) -> None:
        """Note that the query has a connection."""
        self._connected = self._fetched = self._hydrated = time.perf_counter()

    def timed(self, receive: Callable[[Sequence[Any]], T]) -> Callable[[Sequence[Any]], T]:
        """`receive` with its times measured; it may run on another thread."""

        def received(rows: Sequence[object]) -> T:
            self._fetched, self._rows = time.perf_counter(), len(rows)
            try:
                return receive(rows)
            finally:
                self._hydrated = time.perf_counter()

        return received

    def running(self, alias: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code and note its statements; this may run on another thread."""
        sent: list[str] = []

        def noted(execute: Callable[..., Any], sql: str, *arguments: object) -> Any:
            sent.append(sql)
            return execute(sql, *arguments)

        try:
            with connections[alias].execute_wrapper(noted):
                result = function(*args, **kwargs)
            self._rows = len(result) if isinstance(result, (list, dict)) else int(result is not None)
        finally:
            self._facts["sql"] = ";\n".join(sent)
            self._fetched = self._hydrated = time.perf_counter()
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Call the observers."""
        if error is not None and self._hydrated == self._connected:
            self._fetched = self._hydrated = time.perf_counter()
        facts: dict[str, Any] = self._facts
        event = QueryEvent(
            **facts,
            waited=self._connected - self._started,
            executed=self._fetched - self._connected,
            hydrated=self._hydrated - self._fetched,
            rows=self._rows,
            error=error,
        )
        for observer in tuple(_observers):
            try:
                observer(event)
            except Exception:
                logger.exception("Error calling %r in observe().", observer)


def _caller() -> str | None:
    """`file:line` of the innermost frame that belongs neither to adj nor to an event loop."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # documented by Python under this name
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(("adj.", "asyncio.", "uvloop", "contextlib")):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None
