"""Sets Django up, makes the bookshop's databases once per session, and guards every test's connections."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any

import django
import pymysql
import pytest

from tests import mariadb as mariadb_server
from tests import postgres_versions

mariadb_server.install_driver()
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

# Django's models, and what imports them, can be imported only after setup().
from django.db import connections  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402

import adj  # noqa: E402
from adj.compiler.plans.trust import raise_on_mismatch  # noqa: E402
from tests.diary.models import MODELS as DIARY  # noqa: E402
from tests.parity.tally import TALLY, Tally  # noqa: E402
from tests.shop.making import make_shop, postgresql_shop  # noqa: E402
from tests.shop.models import Country  # noqa: E402

pytest_plugins = ["adj_pytest"]

# A difference that `ADJ_VERIFY` finds fails the test.
raise_on_mismatch(True)

_servers: dict[str, str] = {}
_SEEN = "adj"
"""The key of what a worker of xdist hands over."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that talk to PostgreSQL, so that they can be run on further versions of it."""
    for item in items:
        if isinstance(item, pytest.Function) and _uses_postgresql(item):
            item.add_marker("postgresql")


def _uses_postgresql(item: pytest.Function) -> bool:
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "postgres" in item.fixturenames or any(getattr(value, "alias", "") == "postgres" for value in parameters)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker of xdist send what it has seen to the process that prints the summary."""
    TALLY.take_over(adj.plan_cache)
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_SEEN] = {"servers": _servers, "tally": asdict(TALLY)}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker of xdist has seen; one that crashed has sent nothing."""
    if seen := getattr(node, "workeroutput", {}).get(_SEEN):
        _servers.update(seen["servers"])
        TALLY.add(Tally(**seen["tally"]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was compared with Django, which servers the tests talked to, and which they did without."""
    if TALLY.comparisons:
        terminalreporter.section("parity with Django")
        terminalreporter.line(str(TALLY))
    if not _servers:
        return
    terminalreporter.section("servers")
    for name, found in _servers.items():
        terminalreporter.line(f"{name}: {found}")
    # A run on a further version has no cache, and is part of another that tells of it.
    cache: pytest.Cache | None = getattr(terminalreporter.config, "cache", None)
    if cache is not None and (used := _servers.get("PostgreSQL")) is not None:
        cache.set(postgres_versions.REMEMBERED, used)
        others = " and ".join(map(str, postgres_versions.without(used)))
        terminalreporter.line(f"PostgreSQL {others}: not in this run, but in `make postgres-versions`")


@pytest.fixture(scope="session", autouse=True)
def _sqlite(_no_connection_on_a_loop: list[str]) -> Generator[None]:
    """The bookshop on SQLite, as `default`."""
    make_shop("default")
    yield
    connections.close_all()


@pytest.fixture(scope="session")
def postgres(_sqlite: None) -> Generator[str]:
    """The alias of the bookshop on PostgreSQL. Fails where no server can be had."""
    with postgresql_shop("postgres") as server:
        _servers["PostgreSQL"] = f"{server.release}, {server.origin}"
        yield "postgres"


@pytest.fixture(scope="session")
def mariadb(_sqlite: None) -> Generator[str]:
    """The alias of a database on MariaDB, with countries and diaries; skips where no server is, and none was named."""
    with _on_mariadb("mariadb") as alias:
        wrapper: Any = connections[alias]
        with wrapper.schema_editor() as editor:
            for model in (Country, *DIARY):
                editor.create_model(model)
        yield alias


@pytest.fixture(scope="session")
def mariadb_shop(_sqlite: None) -> Generator[str]:
    """The alias of the bookshop on MariaDB, where upper and lower case differ as elsewhere; skips like `mariadb`."""
    with _on_mariadb("mariadb_shop", collation="utf8mb4_bin") as alias:
        make_shop(alias)
        yield alias


@contextmanager
def _on_mariadb(alias: str, collation: str = "utf8mb4_general_ci") -> Generator[str]:
    """Let an alias be a new database on MariaDB, until the block ends."""
    with ExitStack() as stack:
        try:
            database = stack.enter_context(mariadb_server.temporary_database(collation))
        except pymysql.OperationalError as error:
            if mariadb_server.named_server():
                raise
            _servers["MariaDB"] = "none"
            pytest.skip(f"no MariaDB on this machine: {error}")
        connections.settings[alias].update(database)
        wrapper: Any = connections[alias]
        _servers["MariaDB"] = ".".join(map(str, wrapper.mysql_version))
        try:
            yield alias
        finally:
            wrapper.close()


@pytest.fixture(scope="session", autouse=True)
def _no_connection_on_a_loop() -> Generator[list[str]]:
    """Refuse, for the whole session, every synchronous connection on a thread whose event loop runs (P56)."""
    opened: list[str] = []
    connect = BaseDatabaseWrapper.connect

    def guarded(wrapper: Any) -> None:
        if asyncio._get_running_loop() is not None:
            opened.append(wrapper.alias)
            raise AssertionError(f"a synchronous connection to {wrapper.alias!r} on the event loop's thread")
        connect(wrapper)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "connect", guarded)
        yield opened


@pytest.fixture(autouse=True)
def _opened_no_connection_on_a_loop(_no_connection_on_a_loop: list[str]) -> Generator[None]:
    """Fail the test that opened a connection on a loop, also when it caught the error (P56)."""
    _no_connection_on_a_loop.clear()
    yield
    assert not _no_connection_on_a_loop, f"synchronous connections on the event loop: {_no_connection_on_a_loop}"


@pytest.fixture
def empty_plan_cache() -> None:
    """Start the test with no plan in the cache, and its counts at zero."""
    adj.plan_cache.clear()
