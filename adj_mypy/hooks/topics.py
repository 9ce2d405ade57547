"""Which topic answers which method and function.

Topics need `adj` itself. The plugin imports them at the first question, so that a run that finds everything in mypy's
cache does not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from mypy.types import Type

from adj_mypy.boundary.fullnames import MODEL
from adj_mypy.calls import start
from adj_mypy.calls.call import Call
from adj_mypy.lookups import assignments, field_names, filters, related
from adj_mypy.rows import (
    annotate,
    deferred,
    load,
    query_classes,
    queryset_methods,
    select_prefetch,
    terminal_methods,
    values,
)

Topic: TypeAlias = Callable[[Call], Type]


def after(check: Topic, topic: Topic) -> Topic:
    """A topic that types what another one checks."""

    def both(call: Call) -> Type:
        check(call)
        return topic(call)

    return both


def untracked(topic: Topic) -> Topic:
    """A topic whose rows carry what they were made of, which no type says."""
    return partial(load.untracked, topic)


METHODS: Final[Mapping[str, Topic]] = {
    "filter": filters.filtered,
    "exclude": filters.filtered,
    "complex_filter": filters.complex_filter,
    "aget": filters.filtered,
    "aget_or_none": filters.filtered,
    "afilter": filters.filtered,
    "order_by": filters.order_by,
    "distinct": filters.columns,
    "aearliest": filters.columns,
    "alatest": filters.columns,
    "select_for_update": field_names.locks,
    "abulk_update": field_names.bulk_update,
    "abulk_create": untracked(field_names.bulk_create),
    "acopy": field_names.copy,
    "aupdate": assignments.update,
    "aadd": related.add,
    "aremove": related.remove,
    "aset": related.replace,
    "select_related": select_prefetch.select_related,
    "prefetch_related": select_prefetch.prefetch_related,
    "only": deferred.only,
    "defer": deferred.defer,
    "values": filters.with_conditions(values.values),
    "values_list": filters.with_conditions(values.values_list),
    "dates": after(field_names.order_of_dates, values.dates),
    "datetimes": after(field_names.order_of_dates, values.datetimes),
    "union": values.combined,
    "intersection": values.combined,
    "difference": values.combined,
    "annotate": annotate.annotate,
    "alias": annotate.alias,
    "extra": annotate.extra,
    "of": query_classes.of,
    "from_queryset": queryset_methods.from_queryset,
    **dict.fromkeys(("reverse", "none", "using", "timeout", "__getitem__"), query_classes.unchanged),
    "run": terminal_methods.run,
    "arun": terminal_methods.run,
    "aall": terminal_methods.run,
    "aaggregate": filters.with_conditions(terminal_methods.aggregate),
    "ain_bulk": after(field_names.keys, terminal_methods.in_bulk),
    "returning": after(field_names.returning, terminal_methods.returning),
    "raw": untracked(terminal_methods.raw),
    "acreate": untracked(after(assignments.create, terminal_methods.written)),
    "aget_or_create": untracked(after(assignments.get_or_create, terminal_methods.written)),
    "aupdate_or_create": untracked(after(assignments.update_or_create, terminal_methods.written)),
}
"""The methods of a query that have a topic."""

OTHERS: Final[Mapping[str, Mapping[str, Topic]]] = {
    "aupdate": {"adj.query.writes.ReturningQuery": assignments.update},
    "arefresh_from_db": {
        "adj.models.mixin.AsyncModel": after(field_names.refresh, load.refresh_own),
        MODEL: load.refresh_own,
    },
    "aload": {"adj.models.mixin.AsyncModel": load.load_own},
    "asave": {"adj.models.mixin.AsyncModel": field_names.save},
}
"""Methods of other classes that have one, by the class; a derived class stands before its base."""

FUNCTIONS: Final[Mapping[str, Topic]] = {
    "adj.query.entry.q": start.q,
    "adj.query.instances.save": field_names.save,
    "adj.query.instances.refresh": after(field_names.refresh, load.refresh),
    "adj.query.load.load": load.load,
    related.RELATED: after(related.related, load.related),
    "adj.query.shortcuts.get_object_or_404": filters.shortcut,
    "adj.query.shortcuts.get_list_or_404": filters.shortcut,
}
"""The functions that have one."""
