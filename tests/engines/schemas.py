"""Schemas of tenants in the bookshop on PostgreSQL: in each, a country has the tenant's name."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from django.db import connections

TENANTS = ("adj_red", "adj_blue")


@contextmanager
def tenants_schemas(alias: str) -> Generator[None]:
    """Let the tenants have their schemas until the block ends."""
    _execute(alias, *(statement for name in TENANTS for statement in creating(name)))
    try:
        yield
    finally:
        _execute(alias, *(f"DROP SCHEMA {name} CASCADE" for name in TENANTS))


def _execute(alias: str, *statements: str) -> None:
    """Execute statements on a connection that is not adj's; a new one, since tests end sessions."""
    connections[alias].close()
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def creating(name: str) -> list[str]:
    """The statements that make the schema of a tenant."""
    return [
        f"CREATE SCHEMA {name}",
        f"CREATE TABLE {name}.shop_country (LIKE public.shop_country INCLUDING ALL)",
        f"INSERT INTO {name}.shop_country (code, name) VALUES ('xx', '{name}')",
    ]
