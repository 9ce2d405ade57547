"""The handler of each method and function.

Handlers import adj, which takes time. The plugin imports this module when mypy checks the first call, so that a run
from mypy's cache never does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from mypy.types import Type

from adj_mypy.boundary.fullnames import MODEL
from adj_mypy.calls import method_order, start
from adj_mypy.calls.call import Call
from adj_mypy.lookups import assignments, field_names, filters, related
from adj_mypy.rows import (
    annotate,
    deferred,
    into,
    load,
    query_classes,
    queryset_methods,
    select_prefetch,
    terminal_methods,
    values,
)

Handler: TypeAlias = Callable[[Call], Type]


def after(check: Handler, handler: Handler) -> Handler:
    """Return a handler that runs a check first."""

    def both(call: Call) -> Type:
        check(call)
        return handler(call)

    return both


def untracked(handler: Handler) -> Handler:
    """Return a handler whose rows have unknown state, because they keep the objects that they were created with."""
    return partial(load.untracked, handler)


_METHODS: Final[Mapping[str, Handler]] = {
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
    "into": into.into,
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
    **dict.fromkeys(("reverse", "none", "using", "timeout"), query_classes.unchanged),
    "__getitem__": method_order.index,
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

METHODS: Final[Mapping[str, Handler]] = {
    **_METHODS,
    **{name: after(method_order.check, _METHODS.get(name, query_classes.unchanged)) for name in method_order.CHECKED},
}
"""The handlers of a query's methods."""

OTHERS: Final[Mapping[str, Mapping[str, Handler]]] = {
    "aupdate": {"adj.query.returning.ReturningQuery": assignments.update},
    "arefresh_from_db": {
        "adj.models.mixin.AsyncModel": after(field_names.refresh, load.refresh_own),
        MODEL: load.refresh_own,
    },
    "aload": {"adj.models.mixin.AsyncModel": load.load_own},
    "asave": {"adj.models.mixin.AsyncModel": field_names.save},
}
"""The handlers of other classes' methods, by class; subclasses come before their bases."""

FUNCTIONS: Final[Mapping[str, Handler]] = {
    "adj.query.entry.q": start.q,
    "adj.query.instances.save": field_names.save,
    "adj.query.instances.refresh": after(field_names.refresh, load.refresh),
    "adj.query.load.load": load.load,
    related.RELATED: after(related.related, load.related),
    "adj.query.shortcuts.get_object_or_404": filters.shortcut,
    "adj.query.shortcuts.get_list_or_404": filters.shortcut,
}
"""The handlers of functions."""
