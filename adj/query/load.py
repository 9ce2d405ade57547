"""`adj.load()`: relations and deferred columns of instances that are there already."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from django.db.models import Model, Prefetch

from adj.compiler.relations.loading import instances_of, reached, wanted_of
from adj.execution.databases import executor_for
from adj.execution.deferred_columns import load_columns

Loaded = TypeVar("Loaded", bound=Model | Collection[Model])


async def load(instances: Loaded, *names: str | Prefetch[Any, Any, Any]) -> Loaded:
    """Load what an instance, or a list of instances of one model, does not carry; returns what was given.

    `names` are relations from either side, paths of them (`"author__publisher"`), `Prefetch` objects and deferred
    columns (`"summary"`, `"author__bio"`). What is loaded is left as it is. One query for each relation, and one for
    the columns of each model on the way, however many the instances are; in a transaction on its connection, otherwise
    those that do not depend on each other at the same time.

    Raises `UnknownField` for a name that the model does not have, `CannotLoad` for what is no saved row or are rows of
    several models or databases, and the model's `DoesNotExist` for a column of a row that is gone.
    """
    found, alias = instances_of(instances)
    if not found:
        return instances
    wanted = wanted_of(found, names)
    executor = await executor_for(alias)
    # One query for the columns of the instances themselves, and for the keys that their relations need.
    await load_columns(executor, found, [*wanted.columns.pop("", ()), *wanted.keys])
    if wanted.relations:
        await executor.load(found, wanted.relations)
    for path, attributes in wanted.columns.items():
        await load_columns(executor, reached(found, path), attributes)
    return instances
