"""What adj's compiler knows of the databases under test."""

from __future__ import annotations

import inspect
from typing import Any

from django.db import connections
from django.utils.functional import cached_property

from adj.compiler.django.dialect import Dialect, dialect_for
from adj.engines.threads.server_facts import read_facts
from tests.shadow.observing import unseen


def dialect_of(alias: str) -> Dialect:
    """The dialect of a database: as a server told its facts, or as a test pretends that they are."""
    connection: Any = connections[alias]
    dialect = dialect_for(alias)
    if not dialect.has_facts:
        with unseen(alias):
            dialect = dialect_for(alias, read_facts(alias))
    pretended = _pretended(connection.features)
    if not pretended and connection.timezone_name == dialect.wrapper.timezone_name:
        return dialect
    with unseen(alias):
        dialect = Dialect(alias, read_facts(alias))
    for name, value in pretended.items():
        setattr(dialect.wrapper.features, name, value)
    return dialect


def _pretended(features: Any) -> dict[str, object]:
    """What a test has replaced of a backend's constants and methods; computed values are among the facts."""
    return {name: value for name, value in vars(features).items() if _is_constant(type(features), name)}


def _is_constant(kind: type, name: str) -> bool:
    found = inspect.getattr_static(kind, name, None)
    return found is not None and not isinstance(found, (property, cached_property))
