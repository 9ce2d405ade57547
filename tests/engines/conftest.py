"""The fixtures of engines: a test that takes `place` runs once on each."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from adj.engines.choice import choice
from tests.engines.aliases import alias_at
from tests.engines.bouncer import bounced
from tests.engines.places import NATIVE, PLACES, POSTGRESQL_PLACES, Place
from tests.servers import Server, private_server, temporary_database

__all__ = ["bounced"]


@pytest.fixture(params=PLACES, ids=lambda place: place.name)
def place(request: Any) -> Generator[Place]:
    """An engine on a database."""
    if request.param.alias != "default":
        # Starts the server, or skips where there is none.
        request.getfixturevalue(request.param.alias)
    with request.param.chosen():
        yield request.param


@pytest.fixture(params=POSTGRESQL_PLACES, ids=lambda place: place.name)
def postgres_place(postgres: str, request: Any) -> Generator[Place]:
    """An engine on PostgreSQL."""
    with request.param.chosen():
        yield request.param


@pytest.fixture
def packages() -> Generator[pytest.MonkeyPatch]:
    """Replaces how adj finds the installed packages, which it asks for once per process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "missing_packages", choice.missing_packages.__wrapped__)
        yield patch
    # Others may have asked as well.
    choice.missing_packages.cache_clear()


@pytest.fixture
def native(postgres: str) -> Generator[Place]:
    """The native engine on PostgreSQL."""
    with NATIVE.chosen():
        yield NATIVE


@pytest.fixture
def five_connections(native: Place) -> Generator[str]:
    """The native engine with at most five connections."""
    with override_settings(ADJ={native.alias: {"pool": {"max_size": 5, "timeout": 5}}}):
        yield native.alias


@pytest.fixture
def own_server(postgres: str) -> Generator[Server]:
    """A server for this test alone, as the database of the alias `postgres`."""
    with private_server() as server, temporary_database(server) as name:
        database = {**connections.settings[postgres], **server.django_database(name)}
        with alias_at(postgres, database), override_settings(ADJ={postgres: {"pool": {"max_size": 8}}}):
            call_command("migrate", database=postgres, run_syncdb=True, verbosity=0, interactive=False)
            yield server
