"""A process whose first query is adj's: what Django would find out by connecting, and who listens for connections."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import JSONObject
from django.test import override_settings
from django.utils.functional import cached_property

from adj import EngineNotOpen, q
from adj.compiler.django.dialect import Dialect, forget_dialects
from adj.execution.databases import executor_for
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country

ROOT = Path(__file__).parents[2]

# Django finds these out by writing to the database, or its own tests alone ask for them.
NOT_ASKED = ("supports_transactions", "introspected_", "django_test_", "test_")


def features_that_are_computed(features: Any) -> Iterator[str]:
    """The names of features that Django computes, some of them by connecting."""
    for kind in type(features).__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, (property, cached_property)) and not name.startswith(NOT_ASKED):
                yield name


def test_every_feature_is_known_on_the_loop_without_a_connection(place: Place) -> None:
    """P2: a cold dialect learns them from the first connection, and says what Django's own connection says."""
    forget_dialects()
    theirs: Any = connections[place.alias].features
    names = sorted(set(features_that_are_computed(theirs)))
    expected = {name: getattr(theirs, name) for name in names}

    async def main() -> dict[str, Any]:
        dialect: Dialect = (await executor_for(place.alias)).dialect
        return {name: getattr(dialect.wrapper.features, name) for name in names}

    assert run(main()) == expected
    assert len(expected) > 5


@pytest.mark.parametrize("engine", ["psycopg", "threads"])
def test_a_first_query_that_fails_leaves_no_server_half_known(postgres: str, engine: str) -> None:
    """Facts that are read while the session's settings raise would be missing for the life of the process."""
    forget_dialects()

    def session() -> Mapping[str, str]:
        raise LookupError("no tenant")

    async def refused() -> None:
        with pytest.raises(LookupError, match="no tenant"):
            await q(Country).using(postgres).acount()

    async def served() -> Dialect:
        await q(Country).using(postgres).acount()
        return (await executor_for(postgres)).dialect

    with override_settings(ADJ={postgres: {"engine": engine, "session": session}}):
        run(refused())
    with override_settings(ADJ={postgres: {"engine": engine}}):
        assert run(served()).wrapper.pg_version >= 140_000


def test_sql_that_depends_on_the_server_is_refused_before_the_first_query(postgres: str) -> None:
    forget_dialects()
    query = q(Country).using(postgres).annotate(found=JSONObject(name="name"))

    async def main() -> None:
        with pytest.raises(EngineNotOpen, match="Run a query on this alias first"):
            query.sql()
        await q(Country).using(postgres).acount()
        assert "JSON" in query.sql().sql

    run(main())


COLD = """
import asyncio, json, sys
import django
from django.conf import settings
settings.configure(
    DATABASES={"default": json.loads(sys.argv[1])},
    ADJ={"default": {"engine": sys.argv[2]}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.postgres", "tests.shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
import adj
from adj import q
from django.db import connections
from django.db.backends.signals import connection_created
from tests.shop.models import Book, Country
seen = []

def ask(connection, **kwargs):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        seen.append(cursor.fetchone()[0])

connection_created.connect(ask)

async def main():
    counts = await asyncio.gather(*(q(Book).acount() for _ in range(3)))
    async with adj.atomic():
        assert await Country.objects.filter(name__isnull=False).aexists()
    async with adj.native():
        assert await Country.objects.filter(name__isnull=False).aexists()
    assert len(set(counts)) == 1
    assert set(seen) == {settings.DATABASES["default"]["NAME"]}, seen

asyncio.run(main())
print(len(seen))
"""


@pytest.mark.parametrize("engine", ["psycopg", "threads", "django"])
def test_who_listens_for_connections_may_use_them_in_a_cold_process(postgres: str, engine: str) -> None:
    """P52: `django.contrib.postgres` asks each new connection for the types of its extensions."""
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
    database = {name: str(connections.settings[postgres].get(name, "")) for name in names}
    result = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", COLD, json.dumps(database), engine],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert int(result.stdout) >= 1
