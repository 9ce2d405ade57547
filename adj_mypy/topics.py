"""Which topic answers which method and function.

Topics need `adj` itself. The plugin imports them at the first question, so that a run that finds everything in mypy's
cache does not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from mypy.types import Type

from adj_mypy import loading, lookups, rows, start
from adj_mypy.call import Call

Topic: TypeAlias = Callable[[Call], Type]

METHODS: Final[Mapping[str, Topic]] = {
    "filter": lookups.conditions,
    "exclude": lookups.conditions,
    "complex_filter": lookups.conditions,
    "aget": lookups.conditions,
    "aget_or_none": lookups.conditions,
    "afilter": lookups.conditions,
    "order_by": lookups.order_by,
    "distinct": lookups.columns,
    "aearliest": lookups.columns,
    "alatest": lookups.columns,
    "select_related": loading.select_related,
    "prefetch_related": loading.prefetch_related,
    "only": loading.only,
    "defer": loading.defer,
    "values": rows.values,
    "values_list": rows.values_list,
    "annotate": rows.annotate,
    "alias": rows.alias,
    "aaggregate": rows.aggregate,
}
"""The methods of a query that have a topic."""

FUNCTIONS: Final[Mapping[str, Topic]] = {"adj.facade.q": start.q}
"""The functions that have one."""
