"""By which fields rows can be found in bulk, and how many keys one query takes.

Private Django API used here: `Options.total_unique_constraints`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django
from django.db.models import Model, QuerySet

from adj.execution.executor import Executor


def is_unique(queryset: QuerySet[Any, Any], name: str) -> bool:
    """Whether no two rows have the same value of a field, so that rows can be found by it."""
    options: Any = queryset.model._meta
    constraints = options.total_unique_constraints
    constrained = {constraint.fields[0] for constraint in constraints if len(constraint.fields) == 1}
    return name == "pk" or name in constrained or bool(options.get_field(name).unique)


def batches(ids: tuple[Any, ...], executor: Executor, model: type[Model]) -> Iterator[tuple[Any, ...]]:
    """The keys in batches of as many as the database accepts parameters."""
    wrapper, options = executor.dialect.wrapper, model._meta
    if django.VERSION >= (6, 0):
        size = wrapper.ops.bulk_batch_size([options.pk], ids) or len(ids)
    else:
        size = (wrapper.features.max_query_params or 0) // len(options.pk_fields) or len(ids)
    return (ids[start : start + size] for start in range(0, len(ids), size))
