"""Which topic answers which method and function.

Topics need `adj` itself. The plugin imports them at the first question, so that a run that finds everything in mypy's
cache does not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from mypy.types import Type

from adj_mypy import (
    annotating,
    assignments,
    deferring,
    finishing,
    instances,
    loading,
    lookups,
    names,
    queries,
    querysets,
    relating,
    rows,
    start,
)
from adj_mypy.call import Call
from adj_mypy.fullnames import MODEL

Topic: TypeAlias = Callable[[Call], Type]


def after(check: Topic, topic: Topic) -> Topic:
    """A topic that types what another one checks."""

    def both(call: Call) -> Type:
        check(call)
        return topic(call)

    return both


def untracked(topic: Topic) -> Topic:
    """A topic whose rows carry what they were made of, which no type says."""
    return partial(instances.untracked, topic)


METHODS: Final[Mapping[str, Topic]] = {
    "filter": lookups.filtered,
    "exclude": lookups.filtered,
    "complex_filter": lookups.complex_filter,
    "aget": lookups.filtered,
    "aget_or_none": lookups.filtered,
    "afilter": lookups.filtered,
    "order_by": lookups.order_by,
    "distinct": lookups.columns,
    "aearliest": lookups.columns,
    "alatest": lookups.columns,
    "select_for_update": names.locks,
    "abulk_update": names.bulk_update,
    "abulk_create": untracked(names.bulk_create),
    "acopy": names.copy,
    "aupdate": assignments.update,
    "aadd": relating.add,
    "aremove": relating.remove,
    "aset": relating.replace,
    "select_related": loading.select_related,
    "prefetch_related": loading.prefetch_related,
    "only": deferring.only,
    "defer": deferring.defer,
    "values": lookups.with_conditions(rows.values),
    "values_list": lookups.with_conditions(rows.values_list),
    "dates": after(names.order_of_dates, rows.dates),
    "datetimes": after(names.order_of_dates, rows.datetimes),
    "union": rows.combined,
    "intersection": rows.combined,
    "difference": rows.combined,
    "annotate": annotating.annotate,
    "alias": annotating.alias,
    "extra": annotating.extra,
    "of": queries.of,
    "from_queryset": querysets.from_queryset,
    **dict.fromkeys(("reverse", "none", "using", "timeout", "__getitem__"), queries.unchanged),
    "run": finishing.run,
    "arun": finishing.run,
    "aall": finishing.run,
    "aaggregate": lookups.with_conditions(finishing.aggregate),
    "ain_bulk": after(names.keys, finishing.in_bulk),
    "returning": after(names.returning, finishing.returning),
    "raw": untracked(finishing.raw),
    "acreate": untracked(after(assignments.create, finishing.written)),
    "aget_or_create": untracked(after(assignments.get_or_create, finishing.written)),
    "aupdate_or_create": untracked(after(assignments.update_or_create, finishing.written)),
}
"""The methods of a query that have a topic."""

OTHERS: Final[Mapping[str, Mapping[str, Topic]]] = {
    "aupdate": {"adj.query.writes.ReturningQuery": assignments.update},
    "arefresh_from_db": {
        "adj.models.mixin.AsyncModel": after(names.refresh, instances.refresh_own),
        MODEL: instances.refresh_own,
    },
    "aload": {"adj.models.mixin.AsyncModel": instances.load_own},
    "asave": {"adj.models.mixin.AsyncModel": names.save},
}
"""Methods of other classes that have one, by the class; a derived class stands before its base."""

FUNCTIONS: Final[Mapping[str, Topic]] = {
    "adj.query.entry.q": start.q,
    "adj.query.instances.save": names.save,
    "adj.query.instances.refresh": after(names.refresh, instances.refresh),
    "adj.query.load.load": instances.load,
    relating.RELATED: after(relating.related, instances.related),
    "adj.query.shortcuts.get_object_or_404": lookups.shortcut,
    "adj.query.shortcuts.get_list_or_404": lookups.shortcut,
}
"""The functions that have one."""
