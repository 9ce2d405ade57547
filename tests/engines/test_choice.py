"""Which engine serves an alias: decided by the backend's class, the settings, what is installed, and the event loop."""

from __future__ import annotations

import asyncio
import importlib.metadata
import select
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import override_settings

import adj
from adj import q
from adj.engines import engine_for, native_aliases
from adj.engines.choice import choice
from adj.engines.choice.backends import HONORED, overrides
from adj.engines.session.server_state import has_unread_data
from adj.errors import EngineNotOpen, UnknownDatabase
from tests.backends.counted import base as counted
from tests.backends.opening import base as opening
from tests.engines.sessions import native_engine
from tests.running import run
from tests.shop.models import Author


@contextmanager
def database(alias: str, **settings: Any) -> Generator[str]:
    """Another alias, of the same database with other settings."""
    connections.settings["another"] = {**connections.settings[alias], **settings}
    try:
        yield "another"
    finally:
        connections.close_all()
        del connections.settings["another"]


def wrapper_of(kind: type[Any]) -> Any:
    return kind(connections.settings["postgres"], "postgres")


# -- backends ----------------------------------------------------------------------------------------------------------


def test_django_s_own_backend_is_served_natively(postgres: str) -> None:
    assert adj.engine_of(postgres) == adj.EngineChoice(
        postgres, "psycopg", "its backend is Django's PostgreSQL backend."
    )
    assert str(adj.engine_of(postgres)).startswith('"postgres" is served by the engine "psycopg": ')


def test_a_backend_that_opens_connections_itself_gets_threads(postgres: str) -> None:
    async def main(alias: str) -> str:
        opening.opened.clear()
        assert await q(Author).using(alias).acount() >= 0
        assert opening.opened
        return type(engine_for(alias)).__name__

    with database(postgres, ENGINE="tests.backends.opening") as alias:
        found = adj.engine_of(alias)
        assert (found.engine, found.advice) == ("threads", None)
        assert "tests.backends.opening.base.DatabaseWrapper overrides get_new_connection" in found.reason
        assert run(main(alias)) == "ThreadsEngine"


def test_a_backend_that_makes_cursors_itself_sees_every_statement(postgres: str) -> None:
    async def main(alias: str) -> list[str]:
        await q(Author).using(alias).afirst()
        counted.statements.clear()
        await q(Author).using(alias).filter(name="missing").acount()
        return list(counted.statements)

    with database(postgres, ENGINE="tests.backends.counted") as alias:
        assert "create_cursor" in adj.engine_of(alias).reason
        assert len(run(main(alias))) == 1


def test_a_backend_that_overrides_only_what_adj_honors_stays_native(postgres: str) -> None:
    async def main(alias: str) -> tuple[Any, Any]:
        await native_engine(alias)
        rows = q(Author).using(alias).raw("SELECT 1 AS id, current_setting('adj.tenant') AS name")
        (row,) = [row async for row in rows]
        named = q(Author).using(alias).raw("SELECT 1 AS id, current_setting('application_name') AS name")
        return row.name, [each.name async for each in named]

    with database(postgres, ENGINE="tests.backends.honored") as alias:
        assert "overrides only what the native engine calls" in adj.engine_of(alias).reason
        assert run(main(alias)) == ("seven", ["honored"])


IGNORED = [
    "get_new_connection",
    "create_cursor",
    "chunked_cursor",
    "cursor",
    "_cursor",
    "make_cursor",
    "make_debug_cursor",
    "_prepare_cursor",
    "connect",
    "ensure_connection",
    "is_usable",
    "close",
    "_close",
    "pool",
    "set_autocommit",
    "_set_autocommit",
    "close_if_unusable_or_obsolete",
    "execute_wrapper",
    "Database",
    "connection",
    "execute_wrappers",
    "settings_dict",
    "__getattribute__",
    "__getattr__",
    "__setattr__",
]


@pytest.mark.parametrize("name", IGNORED)
def test_what_the_native_engine_would_ignore_is_named(name: str) -> None:
    # Python's own hooks have to work; of the others nothing is called.
    wrapper = wrapper_of(PostgreSQL)
    wrapper.__class__ = type("Judged", (PostgreSQL,), {name: getattr(object, name, property(lambda self: None))})
    assert overrides(wrapper) == (name,)


@pytest.mark.parametrize("name", sorted(HONORED))
def test_what_is_honored_is_a_name_of_django_s(name: str) -> None:
    plain = wrapper_of(PostgreSQL)
    assert hasattr(plain, name) or name == "pg_version"
    assert overrides(wrapper_of(type("Judged", (PostgreSQL,), {}))) == ()


def test_a_mixin_counts_as_the_backend_and_so_does_an_instance() -> None:
    class Mixin:
        def get_new_connection(self, conn_params: Any) -> Any:
            """Of a package."""

    assert overrides(wrapper_of(type("Judged", (Mixin, PostgreSQL), {}))) == ("get_new_connection",)

    class Instance(PostgreSQL):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.cursor = lambda: None  # type: ignore[method-assign,assignment,return-value]

    assert overrides(wrapper_of(Instance)) == ("cursor",)


def test_another_ops_class_is_honored_and_a_backend_that_is_not_django_s_is_not() -> None:
    class Operations(DatabaseOperations):
        pass

    assert overrides(wrapper_of(type("Judged", (PostgreSQL,), {"ops_class": Operations}))) == ()

    class Foreign:
        vendor, alias = "postgresql", "postgres"

    objection = choice.objection_to_native(cast("Any", Foreign()))
    assert objection is not None
    assert "does not inherit from Django's PostgreSQL backend" in objection.reason


def test_a_method_that_was_replaced_on_django_s_class_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgreSQL, "create_cursor", lambda self, name=None: None)
    assert overrides(wrapper_of(PostgreSQL)) == ("create_cursor",)


def test_settings_that_only_threads_honor_choose_them(postgres: str) -> None:
    for settings in ({"AUTOCOMMIT": False}, {"OPTIONS": {"cursor_factory": psycopg.ClientCursor}}):
        with database(postgres, **settings) as alias:
            found = adj.engine_of(alias)
            assert found.engine == "threads"
            assert "does not honor" in found.reason or "not honor" in found.reason


def test_an_engine_that_was_named_is_refused_loudly(postgres: str) -> None:
    with (
        database(postgres, ENGINE="tests.backends.opening") as alias,
        override_settings(ADJ={alias: {"engine": "psycopg"}}),
        pytest.raises(ImproperlyConfigured, match="overrides get_new_connection"),
    ):
        adj.engine_of(alias)


def test_parameters_that_cannot_be_honored_are_refused_when_it_connects(postgres: str) -> None:
    async def main(alias: str) -> None:
        with pytest.raises(ImproperlyConfigured, match="returns a cursor_factory or row_factory"):
            await q(Author).using(alias).afirst()

    with database(postgres, ENGINE="tests.backends.tokens") as alias:
        run(main(alias))


def test_a_sandbox_is_for_backends_that_the_native_engine_serves(postgres: str) -> None:
    with database(postgres, ENGINE="tests.backends.opening") as alias:
        assert alias not in native_aliases()
        assert postgres in native_aliases()


def test_other_databases_and_what_settings_name() -> None:
    assert adj.engine_of().engine == "threads"
    assert "this database is SQLite" in adj.engine_of("default").reason
    with override_settings(ADJ={"default": {"engine": "django"}}):
        assert adj.engine_of() == adj.EngineChoice("default", "django", 'ADJ["default"]["engine"] names it.')
    with database("default", NAME=":memory:") as alias:
        assert adj.engine_of(alias).engine == "django"
    with pytest.raises(UnknownDatabase, match='did you mean "default"'):
        adj.engine_of("defualt")


# -- packages and platforms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["psycopg", "greenlet"])
def test_the_error_of_a_missing_package_shows_the_command(
    postgres: str, packages: pytest.MonkeyPatch, package: str
) -> None:
    packages.setattr(choice, "find_spec", lambda name: None if name == package else object())
    found = adj.engine_of(postgres)
    assert found.engine == "threads"
    assert f"needs {package}>=" in found.reason
    assert found.advice == 'Install the missing packages: pip install "adj[postgres]".'
    with (
        override_settings(ADJ={postgres: {"engine": "psycopg"}}),
        pytest.raises(ImproperlyConfigured, match=rf'{package}>=.* pip install "adj\[postgres\]"'),
    ):
        adj.engine_of(postgres)


def test_a_package_that_is_too_old_counts_as_missing(postgres: str, packages: pytest.MonkeyPatch) -> None:
    packages.setattr(choice, "version", lambda name: "3.1.18")
    assert "needs psycopg>=3.2" in adj.engine_of(postgres).reason


def test_a_package_without_metadata_is_taken_as_it_is(postgres: str, packages: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    packages.setattr(choice, "version", unknown)
    assert adj.engine_of(postgres).engine == "psycopg"


def test_the_proactor_of_windows_means_threads(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(asyncio, "ProactorEventLoop", asyncio.SelectorEventLoop, raising=False)
    found = adj.engine_of(postgres)
    assert found.engine == "threads"
    assert "ProactorEventLoop" in found.reason
    assert "SelectorEventLoop" in (found.advice or "")

    async def main() -> tuple[str, str]:
        return adj.engine_of(postgres).engine, type(engine_for(postgres)).__name__

    assert run(main()) == ("threads", "ThreadsEngine")
    monkeypatch.setattr(asyncio, "ProactorEventLoop", type("ProactorEventLoop", (), {}))
    assert run(main()) == ("psycopg", "PsycopgEngine")


def test_a_platform_without_poll_looks_at_sockets_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    with here, there:
        for _ in range(2):
            assert not has_unread_data(here.fileno())
            there.send(b"x")
            assert has_unread_data(here.fileno())
            here.recv(1)
            monkeypatch.delattr(select, "poll", raising=False)
        there.close()
        assert has_unread_data(here.fileno())


def test_the_native_engine_runs_without_poll(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "poll")

    async def main() -> int:
        await native_engine(postgres)
        return sum([await q(Author).using(postgres).acount() for _ in range(2)])

    assert run(main()) >= 0


# -- options -----------------------------------------------------------------------------------------------------------

BAD_OPTIONS = [
    ("postgres", "psycopg", "conect_timeout", 'did you mean "connect_timeout"?'),
    ("postgres", "threads", "conect_timeout", "the driver of PostgreSQL does not accept"),
    ("default", "threads", "timout", "the driver of SQLite does not accept"),
    ("default", "django", "timout", "the driver of SQLite does not accept"),
    ("mariadb", "threads", "conect_timeout", "the driver of M"),
]


@pytest.mark.parametrize(("alias", "engine", "option", "message"), BAD_OPTIONS)
def test_an_option_that_the_driver_does_not_know_is_named(
    request: pytest.FixtureRequest, alias: str, engine: str, option: str, message: str
) -> None:
    if alias != "default":
        request.getfixturevalue(alias)

    async def main(another: str) -> None:
        with pytest.raises(ImproperlyConfigured) as raised:
            await q(Author).using(another).afirst()
        assert 'DATABASES["another"]["OPTIONS"]' in str(raised.value)
        assert f'"{option}"' in str(raised.value)
        assert message in str(raised.value)

    given = {**connections.settings[alias]["OPTIONS"], option: 5}
    with database(alias, OPTIONS=given) as another, override_settings(ADJ={another: {"engine": engine}}):
        run(main(another))


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ({"max_size": 0}, r'\["OPTIONS"\]\["pool"\]\["max_size"\] must be a positive integer; got 0'),
        ({"timeout": "5"}, r'\["OPTIONS"\]\["pool"\]\["timeout"\] must be a positive number of seconds'),
    ],
)
def test_a_wrong_pool_of_django_s_is_named(postgres: str, pool: dict[str, Any], message: str) -> None:
    async def main(alias: str) -> None:
        with pytest.raises(ImproperlyConfigured, match=message):
            await q(Author).using(alias).afirst()

    with database(postgres, OPTIONS={"pool": pool}) as alias:
        run(main(alias))


def test_a_pool_of_django_s_may_leave_its_size_open(postgres: str) -> None:
    async def main(alias: str) -> int:
        return await q(Author).using(alias).acount()

    with database(postgres, OPTIONS={"pool": {"max_size": None, "num_workers": 2}}) as alias:
        assert run(main(alias)) >= 0


@pytest.mark.parametrize("value", ["soon", -1])
def test_a_value_that_psycopg_refuses_is_adj_s_error(postgres: str, value: Any) -> None:
    async def main(alias: str) -> None:
        with pytest.raises(EngineNotOpen, match=r"connect_timeout|sslmode"):
            await q(Author).using(alias).afirst()

    with database(postgres, OPTIONS={"connect_timeout": "soon"} if value == "soon" else {"sslmode": "no"}) as alias:
        run(main(alias))
