"""What happens to each query, for metrics and tracing: `adj.observe(callback)`."""

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
    """One query of adj that has been answered, or has failed.

    - `alias`: the database; `sql`: what was sent, without its parameters; `query`: the chain, without its values.
    - `waited`: seconds until there was a connection; `executed`: seconds until its rows were there; `hydrated`: seconds
      in which they became the answer's. Each relation of a prefetch is a query of its own.
    - `rows`: how many the database sent. `was_cached`: whether the plan was there already.
    - `caller`: `file:line` of the code that awaited the query, where that is not an event loop's.
    - `error`: what the query raised.

    A query on the Django path, such as one of a project's own QuerySet class, may send several statements: `sql` has
    them all, `executed` includes making the rows, and `rows` counts the rows of the result. Iterating a stream, and
    what runs by `run_sync()`, are not told of; Django's execute wrappers see these.
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
    """A callback that is called; ends with `close()`, or with its `with` block."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        _observers.append(observer)

    def close(self) -> None:
        """Call it no more. Safe to call twice."""
        if self._observer in _observers:
            _observers.remove(self._observer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def observe(observer: Observer) -> Observation:
    """Call a function with a `QueryEvent` after each query of this process, until the result is closed.

    It is called where the query was awaited, on the event loop, and must not wait. An error of its own is logged, and
    does not reach the query.
    """
    return Observation(observer)


def is_observed() -> bool:
    """Whether anybody wants to know."""
    return bool(_observers)


class Stopwatch:
    """Takes the times of one query; a context manager, whose end tells them to those who observe."""

    def __init__(self, alias: str, sql: str, query: str, *, was_cached: bool) -> None:
        self._facts = {"alias": alias, "sql": sql, "query": query, "was_cached": was_cached, "caller": _caller()}
        self._started = self._lent = self._fetched = self._made = time.perf_counter()
        self._rows = 0

    def lent(self) -> None:
        """There is a connection."""
        self._lent = self._fetched = self._made = time.perf_counter()

    def timed(self, receive: Callable[[Sequence[Any]], T]) -> Callable[[Sequence[Any]], T]:
        """`receive`, with its times taken; may run on another thread."""

        def received(rows: Sequence[Any]) -> T:
            self._fetched, self._rows = time.perf_counter(), len(rows)
            try:
                return receive(rows)
            finally:
                self._made = time.perf_counter()

        return received

    def running(self, alias: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code, and note its statements; may run on another thread."""
        sent: list[str] = []

        def noted(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
            sent.append(sql)
            return execute(sql, *arguments)

        try:
            with connections[alias].execute_wrapper(noted):
                found = function(*args, **kwargs)
            self._rows = len(found) if isinstance(found, (list, dict)) else int(found is not None)
        finally:
            self._facts["sql"] = ";\n".join(sent)
            self._fetched = self._made = time.perf_counter()
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Tell everybody who observes."""
        if error is not None and self._made == self._lent:
            self._fetched = self._made = time.perf_counter()
        facts: dict[str, Any] = self._facts
        event = QueryEvent(
            **facts,
            waited=self._lent - self._started,
            executed=self._fetched - self._lent,
            hydrated=self._made - self._fetched,
            rows=self._rows,
            error=error,
        )
        for observer in tuple(_observers):
            try:
                observer(event)
            except Exception:
                logger.exception("Error calling %r in observe().", observer)


def _caller() -> str | None:
    """`file:line` of the innermost code on the stack that is neither adj's nor an event loop's."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # named so by Python itself, and documented
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(("adj.", "asyncio.", "uvloop", "contextlib")):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None
