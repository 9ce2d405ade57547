"""Chooses the engine of an alias by its settings, its backend's class and the installed packages."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.engines.choice.backends import display_name, inherits_from_djangos, overrides
from adj.settings import EngineName, alias_settings, check_alias

ServingEngine: TypeAlias = Literal["psycopg", "threads", "django"]

# The requirements of `adj[postgres]`.
_NATIVE_PACKAGES = {"psycopg": (3, 2), "greenlet": (3, 1)}

PIP = 'pip install "adj[postgres]"'

PROACTOR = (
    "psycopg cannot use the ProactorEventLoop, which is asyncio's default on Windows. Start the program with "
    "asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop), or the server with a selector loop, as "
    "`uvicorn --loop asyncio:SelectorEventLoop` does."
)


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine serves an alias, and why.

    `engine` is `psycopg`, `threads` or `django`. `reason` is a sentence. `advice` says what to change in order to use
    the native engine; it is None if the native engine is used, or cannot serve the alias.
    """

    alias: str
    engine: ServingEngine
    reason: str
    advice: str | None = None

    def __str__(self) -> str:
        return f'"{self.alias}" is served by the engine "{self.engine}": {self.reason}'


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the native engine cannot serve an alias, and what the project can change."""

    reason: str
    advice: str | None = None


def engine_of(alias: str = DEFAULT_DB_ALIAS) -> EngineChoice:
    """Return the engine that serves an alias of `DATABASES`, and the reason. Does not connect.

    On Windows, the answer depends on the running event loop, or on asyncio's default outside an event loop. In tests,
    the transaction of Django's `TestCase` or of `native_sandbox()` is used instead of this engine.

    Raises `UnknownDatabase` for an alias that is not in `DATABASES`, and `ImproperlyConfigured` for invalid settings,
    or settings that the backend cannot honor.
    """
    check_alias(alias)
    chosen = alias_settings(alias).engine
    return choice_for(connections.create_connection(alias), chosen)


def choice_for(wrapper: BaseDatabaseWrapper, chosen: EngineName) -> EngineChoice:
    """The engine for the database of a new wrapper, if `ADJ` names the engine `chosen`.

    Raises `ImproperlyConfigured` for an engine that the backend cannot honor.
    """
    alias = wrapper.alias
    if chosen == "psycopg":
        check_native(wrapper)
    if chosen != "auto":
        return EngineChoice(alias, chosen, f'ADJ["{alias}"]["engine"] names it.')
    if (objection := objection_to_native(wrapper)) is None:
        return EngineChoice(alias, "psycopg", _reason_for_native(wrapper))
    # Another connection would open another database, or wait for a lock on a shared one.
    if getattr(wrapper, "is_in_memory_db", lambda: False)():
        return EngineChoice(alias, "django", "its SQLite database is in memory, which only Django's connection sees.")
    return EngineChoice(alias, "threads", objection.reason, objection.advice)


def _reason_for_native(wrapper: BaseDatabaseWrapper) -> str:
    backend_class = type(wrapper)
    if backend_class.__module__ == "django.db.backends.postgresql.base":
        return "its backend is Django's PostgreSQL backend."
    return f"its backend {_dotted_name(backend_class)} overrides only what the native engine calls."


def _dotted_name(backend_class: type) -> str:
    return f"{backend_class.__module__}.{backend_class.__qualname__}"


def check_native(wrapper: BaseDatabaseWrapper) -> None:
    """Raise `ImproperlyConfigured`, with the reason, for a database that the native engine cannot serve."""
    if (objection := objection_to_native(wrapper)) is not None:
        otherwise = f'Choose another engine in ADJ["{wrapper.alias}"]["engine"].'
        raise ImproperlyConfigured(
            f'ADJ["{wrapper.alias}"]: the engine "psycopg" cannot serve this database: {objection.reason} '
            f"{objection.advice or otherwise}"
        )


def objection_to_native(wrapper: BaseDatabaseWrapper) -> Objection | None:
    """Why the native engine cannot serve a database, in sentences; None if it can."""
    if wrapper.vendor != "postgresql":
        return Objection(f"the native engine needs PostgreSQL; this database is {display_name(wrapper)}.")
    if missing := missing_packages():
        return Objection(f"the native engine needs {' and '.join(missing)}.", f"Install the missing packages: {PIP}.")
    if not inherits_from_djangos(wrapper):
        return Objection(
            f"its backend {_dotted_name(type(wrapper))} does not inherit from Django's PostgreSQL backend."
        )
    if ignored := overrides(wrapper):
        return Objection(
            f"its backend {_dotted_name(type(wrapper))} overrides {', '.join(ignored)}, "
            "which the native engine does not call."
        )
    return _objection_to_settings(wrapper) or _objection_to_loop()


def _objection_to_settings(wrapper: BaseDatabaseWrapper) -> Objection | None:
    where = f'DATABASES["{wrapper.alias}"]'
    if not wrapper.settings_dict["AUTOCOMMIT"]:
        return Objection(f"{where} sets AUTOCOMMIT to False, which the native engine does not honor.")
    for option in ("cursor_factory", "row_factory"):
        if option in wrapper.settings_dict["OPTIONS"]:
            return Objection(f'{where}["OPTIONS"] sets "{option}", which the native engine does not honor.')
    return None


def _objection_to_loop() -> Objection | None:
    if sys.platform == "win32" and _is_proactor():
        return Objection("the event loop is a ProactorEventLoop, which psycopg cannot use.", PROACTOR)
    return None


def _is_proactor() -> bool:
    """Whether the running event loop, or the one that `asyncio.run()` would create, is a ProactorEventLoop."""
    # On Windows only.
    proactor = getattr(asyncio, "ProactorEventLoop", ())
    try:
        return isinstance(asyncio.get_running_loop(), proactor)
    except RuntimeError:
        return not _chooses_selector()


def _chooses_selector() -> bool:
    """Whether the program has set an event loop policy that creates selector loops."""
    if sys.version_info >= (3, 14):
        return False
    # Deprecated since Python 3.14, where it is not called.
    policy = asyncio.get_event_loop_policy()  # type: ignore[deprecated]
    return type(policy).__name__ == "WindowsSelectorEventLoopPolicy"


@cache
def missing_packages() -> tuple[str, ...]:
    """The requirements of `adj[postgres]` that are not installed, or installed in an older version.

    Found out once per process: reading the metadata of packages takes milliseconds, and each event loop asks.
    """
    return tuple(
        f"{name}>={'.'.join(map(str, least))}" for name, least in _NATIVE_PACKAGES.items() if _is_older(name, least)
    )


def _is_older(package: str, least: tuple[int, ...]) -> bool:
    if find_spec(package) is None:
        return True
    try:
        installed = version(package)
    except PackageNotFoundError:
        # The package is bundled with the program, without metadata.
        return False
    return tuple(int(part) for part in installed.split(".")[: len(least)] if part.isdigit()) < least
