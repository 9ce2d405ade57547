"""`adj.load()`: loads relations and deferred columns of existing instances."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from django.db.models import Model, Prefetch

from adj.compiler.relations.loading import instances_of, reached, wanted_of
from adj.execution.databases import executor_for
from adj.execution.deferred_columns import load_columns

Loaded = TypeVar("Loaded", bound=Model | Collection[Model])


async def load(instances: Loaded, *names: str | Prefetch[Any, Any, Any]) -> Loaded:
    """Load relations and deferred columns of one or more instances, and return the instances.

    ```python
    book = await load(book, "author", "tags")
    await load(books, "author__publisher", "summary")
    ```

    `instances` is an instance, or a collection of instances of one model. `names` are relations in either direction,
    paths of relations, `Prefetch` objects and deferred columns. Attributes that are already loaded are kept. This runs
    one query for each relation, and one for the columns of each model. Inside a transaction the queries run one after
    another; otherwise independent queries run concurrently.

    Raises `UnknownField` for a name that the model does not have, `CannotLoad` for unsaved instances and for instances
    of several models or databases, and the model's `DoesNotExist` if the row of a deferred column has been deleted.
    """
    objects, alias = instances_of(instances)
    if not objects:
        return instances
    wanted = wanted_of(objects, names)
    executor = await executor_for(alias)
    # One query for the columns of the instances themselves, and for the keys that their relations need.
    await load_columns(executor, objects, [*wanted.columns.pop("", ()), *wanted.keys])
    if wanted.relations:
        await executor.load(objects, wanted.relations)
    for path, attributes in wanted.columns.items():
        await load_columns(executor, reached(objects, path), attributes)
    return instances
