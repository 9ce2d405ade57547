"""Two tenants at once through uvicorn: no request finds a row of the other one's schema."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.db import connections

from tests.asgi.client import PATIENCE
from tests.asgi.serving import APPLICATION, served
from tests.asgi.views import REFUSED
from tests.asgi.wrong_rows import wrong_rows
from tests.engines.schemas import tenants_schemas

WAYS_OF_ADJ = {"q", "run_sync", "stream", "atomic", "q, again"}
FEW = 20
"""How many requests are sent at once if each has a Django connection."""

ENGINES: dict[str, dict[str, Any]] = {
    "psycopg": {"engine": "psycopg", "pool": {"max_size": 5, "timeout": PATIENCE}},
    "threads": {"engine": "threads", "threads": 5, "pool": {"timeout": PATIENCE}},
}


@pytest.fixture(params=ENGINES)
def engine(request: Any) -> dict[str, Any]:
    """The settings of an engine with few connections, which are never the same tenant's for long."""
    return ENGINES[request.param]


@pytest.fixture
def database(postgres: str) -> Generator[dict[str, Any]]:
    """The database of the two tenants."""
    with tenants_schemas(postgres):
        yield dict(connections.settings[postgres])


def serving(database: dict[str, Any], engine: dict[str, Any], middleware: str, *, is_native: bool) -> Any:
    """A server with one of the tenants' middlewares."""
    options = {"middleware": [f"tests.asgi.tenants.{middleware}"], "is_native": is_native}
    return served(APPLICATION, {"database": database, "adj": engine, **options})


@pytest.mark.parametrize("is_native", [False, True], ids=["plain", "NativeMiddleware"])
def test_the_session_of_a_context_is_its_tenants(
    database: dict[str, Any], engine: dict[str, Any], is_native: bool
) -> None:
    engine = {**engine, "session": "tests.asgi.tenants.session"}
    with serving(database, engine, "by_context", is_native=is_native) as server:
        if is_native:
            assert wrong_rows(server) == wrong_rows(server, "native") == []
        else:
            # Django's own connection has no tenant, and each request its own: at once, more than the server allows.
            assert {way for _, way, _ in wrong_rows(server, at_once=FEW)} == {"Django", "sync_to_async"}
            assert wrong_rows(server, "native", at_once=FEW) == []


@pytest.mark.parametrize("middleware", ["by_statement", "by_sync_statement"])
def test_a_statement_of_a_middleware_holds_for_its_request(
    database: dict[str, Any], engine: dict[str, Any], middleware: str
) -> None:
    """In `NativeMiddleware`, adj's queries use the connection whose session the middleware has changed."""
    with serving(database, engine, middleware, is_native=True) as server:
        assert wrong_rows(server) == wrong_rows(server, "native") == []


@pytest.mark.parametrize("middleware", ["by_statement", "by_sync_statement"])
def test_a_statement_on_djangos_connection_is_refused_where_adj_has_another(
    database: dict[str, Any], engine: dict[str, Any], middleware: str
) -> None:
    """Without `NativeMiddleware`, the search path of adj's connections would be the database's."""
    with serving(database, engine, middleware, is_native=False) as server:
        wrong = wrong_rows(server, at_once=FEW)
        assert {(way, *names) for _, way, names in wrong} == {(way, *REFUSED) for way in WAYS_OF_ADJ}
