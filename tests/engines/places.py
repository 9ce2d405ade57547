"""The engines and databases on which a contract is tried: each is an alias with the settings that choose its engine."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.test import override_settings

from tests.shop.models import Country


@dataclass(frozen=True, slots=True)
class Place:
    """An engine on a database."""

    name: str
    alias: str
    engine: str

    @contextmanager
    def chosen(self) -> Generator[None]:
        """Let adj use the engine; what the block writes as countries is deleted at its end."""
        with override_settings(ADJ={self.alias: {"engine": self.engine}}):
            before = set(self.codes())
            # Tests end sessions, and those of this thread and of Django's own would be among them.
            self._close()
            asyncio.run(sync_to_async(self._close)())
            try:
                yield
            finally:
                # Without signals or related rows: the countries of a test have none.
                for code in set(self.codes()) - before:
                    self.execute("DELETE FROM shop_country WHERE code = %s", code)

    def _close(self) -> None:
        connections[self.alias].close()

    def codes(self) -> list[str]:
        """The countries that are there, asked on a connection that is not adj's."""
        return list(Country.objects.using(self.alias).order_by().values_list("code", flat=True))

    def execute(self, statement: str, *parameters: Any) -> None:
        """Execute a statement on a connection that is not adj's."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(statement, parameters)


NATIVE = Place("psycopg", "postgres", "psycopg")
PLACES = [
    NATIVE,
    Place("threads on PostgreSQL", "postgres", "threads"),
    Place("django on PostgreSQL", "postgres", "django"),
    Place("threads on SQLite", "default", "threads"),
    Place("django on SQLite", "default", "django"),
    Place("threads on MariaDB", "mariadb", "threads"),
]
POSTGRESQL_PLACES = [place for place in PLACES if place.alias == "postgres"]
