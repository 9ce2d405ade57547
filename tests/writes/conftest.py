"""The places of the engines' contract: with the countries alone, and with the whole shop."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.engines.conftest import native
from tests.engines.places import PLACES, Place
from tests.shop.data import know_content_types
from tests.shop.models import Country

__all__ = ["native"]


@pytest.fixture(params=PLACES, ids=lambda place: place.name)
def place(request: Any) -> Generator[Place]:
    """An engine on a database that has countries."""
    place: Place = request.param
    if place.alias != "default":
        request.getfixturevalue(place.alias)
    with place.chosen():
        if place.alias == "mariadb":
            # It is empty, and what is written here is deleted by `chosen()`.
            Country.objects.using(place.alias).bulk_create(
                Country(code=code, name=name, population=population)
                for code, name, population in [("DE", "Germany", 83_000_000), ("GB", "Britain", 67_000_000)]
            )
        yield place


@pytest.fixture(params=[place for place in PLACES if place.alias != "mariadb"], ids=lambda place: place.name)
def shop_place(request: Any) -> Generator[Place]:
    """An engine on a database that has the whole shop."""
    if request.param.alias != "default":
        request.getfixturevalue(request.param.alias)
    with request.param.chosen():
        know_content_types(request.param.alias)
        yield request.param
