"""Reads what the compiler needs to know about a server. Runs on a thread with a Django connection, and blocks.

Private Django API used here: the computed attributes of `DatabaseFeatures` and `DatabaseWrapper`, which Django's
compiler reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from django.utils.functional import cached_property

from adj.abc import ServerFacts
from adj.engines.threads.blocking_calls import open_connection

# Features that Django computes by writing to the database, or that only its own tests use; and the error wrapper, which
# refers to the connection.
_NOT_FACTS = ("supports_transactions", "introspected_", "django_test_", "test_", "wrap_database_errors")


def read_facts(alias: str) -> ServerFacts:
    """Everything that the compiler may read from a connection, computed on an open one.

    Raises the errors of opening a connection and a cursor, so that facts are only missing where the backend cannot
    compute them.
    """
    connection = open_connection(alias)
    # The settings of a session are applied to a cursor, and the function that returns them may raise.
    with connection.cursor():
        pass
    features = _computed(connection.features, (cached_property, property))
    return ServerFacts(connection.vendor, features, _computed(connection, (cached_property,)))


def _computed(owner: object, property_types: tuple[type, ...]) -> dict[str, object]:
    """The computed attributes of a Django object, except those that raise."""
    facts = {}
    for name in _computed_names(type(owner), property_types):
        # A backend may raise any error. It raises it again when the attribute is used.
        with suppress(Exception):
            facts[name] = getattr(owner, name)
    return facts


def _computed_names(owner: type, property_types: tuple[type, ...]) -> Iterator[str]:
    names = {name for base in owner.__mro__ for name, value in vars(base).items() if isinstance(value, property_types)}
    return (name for name in sorted(names) if not name.startswith(_NOT_FACTS))
