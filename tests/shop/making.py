"""Makes the shop's databases: once per session of pytest, and for programs of the tests."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connections

from tests.graphs import data as graphs
from tests.servers import Server, create_database, drop_database, postgresql_server
from tests.shop import data


def make_shop(alias: str) -> None:
    """The tables of all models, with their rows."""
    call_command("migrate", database=alias, run_syncdb=True, verbosity=0, interactive=False)
    data.load(alias)
    graphs.load(alias)


@contextmanager
def postgresql_shop(alias: str) -> Generator[Server]:
    """Let an alias be a new database with the shop, on a server that is found or started, until the block ends."""
    with postgresql_server() as server:
        name = create_database(server)
        connections.settings[alias].update(server.django_database(name))
        try:
            make_shop(alias)
            yield server
        finally:
            connections.close_all()
            drop_database(server, name)
