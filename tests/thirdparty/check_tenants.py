"""django-tenants behind uvicorn: two tenants at once, and requests that have none."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.asgi.serving import APPLICATION, served
from tests.asgi.wrong_rows import wrong_rows
from tests.engines.schemas import TENANTS, creating
from tests.servers import postgresql_server, temporary_database

COUNTRIES = """
CREATE TABLE shop_country (
    code varchar(2) PRIMARY KEY, name varchar(80) NOT NULL, population bigint, is_member boolean
)
"""


@pytest.fixture
def database() -> Generator[dict[str, Any]]:
    """The database of the two tenants; the public schema has a country as well."""
    with postgresql_server() as server, temporary_database(server) as name:
        with server.connect(name) as connection:
            statements = [COUNTRIES, "INSERT INTO shop_country (code, name) VALUES ('xx', 'public')"]
            for statement in (*statements, *(made for tenant in TENANTS for made in creating(tenant))):
                connection.execute(statement.encode())
        yield {**server.django_database(name), "ENGINE": "django_tenants.postgresql_backend"}


@pytest.mark.parametrize("is_native", [False, True], ids=["plain", "NativeMiddleware"])
def test_each_request_finds_its_tenants_rows(database: dict[str, Any], is_native: bool) -> None:
    engine = {"engine": "auto", "threads": 5, "session": "tests.asgi.tenants.session"}
    options = {"database": database, "adj": engine, "middleware": ["tests.asgi.tenants.by_set_schema"]}
    with served(APPLICATION, {**options, "is_native": is_native}) as server:
        # Without `NativeMiddleware` each request has a connection of Django's beside adj's.
        at_once = 200 if is_native else 20
        assert wrong_rows(server, at_once=at_once) == wrong_rows(server, "native", at_once=at_once) == []
        # Requests without a tenant, between those of tenants.
        targets = ["/country-names/", *(f"/tenant/{name}/" for name in TENANTS)] * 60
        others = [answer.json() for answer in server.get(targets, at_once)[::3]]
        assert {tuple(names) for ways in others for names in ways.values()} == {("public",)}
