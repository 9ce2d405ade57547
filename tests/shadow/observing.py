"""What Django sends while a test evaluates a QuerySet, and statements of our own that the test does not see."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connections


class Statement(NamedTuple):
    """What is sent to a database."""

    alias: str
    sql: str
    parameters: tuple[Any, ...]


_OF_TRANSACTIONS = re.compile(r"(SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT|SET CONSTRAINTS)\b")


@dataclass(slots=True, eq=False)
class Seen:
    """What Django did: the statements that it sent, whether the last one failed, and how it ended."""

    executed: list[Statement] = field(default_factory=list)
    has_failed: bool = False
    answer: Any = None
    error: Exception | None = None


class _Watched(threading.local):
    """What is being watched in this thread, the innermost last."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []


_watched = _Watched()


@contextmanager
def observed() -> Generator[Seen]:
    """Note what is sent to the databases; what a block within this one notes is not noted here."""
    seen = Seen()

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if _watched.seen[-1] is not seen or _OF_TRANSACTIONS.match(sql):
            return execute(sql, params, many, context)
        seen.executed.append(Statement(context["connection"].alias, sql, tuple(params or ())))
        seen.has_failed = True
        result = execute(sql, params, many, context)
        seen.has_failed = False
        return result

    _watched.seen.append(seen)
    wrappers = [connections[alias].execute_wrappers for alias in connections]
    for installed in wrappers:
        installed.append(note)
    try:
        yield seen
    finally:
        for installed in wrappers:
            installed.remove(note)
        _watched.seen.pop()


@contextmanager
def unseen(alias: str) -> Generator[Any]:
    """A Django connection whose statements are neither logged nor counted."""
    connection: Any = connections[alias]
    kept = {name: getattr(connection, name) for name in ("queries_log", "execute_wrappers", "force_debug_cursor")}
    connection.queries_log, connection.execute_wrappers, connection.force_debug_cursor = deque(), [], False
    try:
        yield connection
    finally:
        for name, value in kept.items():
            setattr(connection, name, value)


@contextmanager
def undone(connection: Any) -> Generator[None]:
    """A block whose error leaves the test's transaction usable."""
    if not connection.in_atomic_block:
        yield
        return
    with ExitStack() as stack:
        cursor = stack.enter_context(connection.cursor())
        cursor.execute("SAVEPOINT adj_shadow")
        try:
            yield
        except Exception:
            cursor.execute("ROLLBACK TO SAVEPOINT adj_shadow")
            raise
        finally:
            cursor.execute("RELEASE SAVEPOINT adj_shadow")


def fetched(statement: Statement) -> list[tuple[Any, ...]]:
    """The database's rows of a statement, on the connection that the test uses."""
    with unseen(statement.alias) as connection, connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
