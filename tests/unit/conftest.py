"""What the compiler knows before the unit tests begin: the facts of the server, and Django's own of its connection."""

from __future__ import annotations

import pytest
from django.db import connections

from tests.shop.data import know_content_types
from tests.unit.asking import dialect


@pytest.fixture(autouse=True)
def _facts(_sqlite: None) -> None:
    """Read what would be read by whichever test comes first, on a connection or without one.

    Before each test, since those of settings let adj and Django forget it.
    """
    dialect()
    # Django finds this out by a transaction.
    assert connections["default"].features.supports_json_field


@pytest.fixture(autouse=True)
def _known_content_types(_facts: None) -> None:
    """Know them again after a test that emptied the database, which makes Django forget them."""
    know_content_types("default")
