"""Requests of two tenants at once, and the rows that they have found and should not have."""

from __future__ import annotations

from tests.asgi.serving import Served
from tests.engines.schemas import TENANTS

REQUESTS = 200


def wrong_rows(server: Served, path: str = "tenant", at_once: int = REQUESTS) -> list[tuple[str, str, list[str]]]:
    """The names that requests have found and are not their tenant's, with the tenant and the API."""
    tenants = [TENANTS[number % 2] for number in range(REQUESTS)]
    answers = server.get([f"/{path}/{name}/" for name in tenants], at_once)
    found = [(name, answer.json()) for name, answer in zip(tenants, answers, strict=True)]
    return [(name, way, names) for name, ways in found for way, names in ways.items() if names != [name]]
