"""What adj has for every public name of Django's QuerySet, Manager, RawQuerySet and Model.

`tests/surface` compares the maps with Django's classes, so that a new Django release cannot add a method unnoticed.
`AsyncQuery`, `AsyncRawQuery` and the mypy plugin take their advice on unknown names from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Same:
    """A method with Django's name and Django's arguments."""


@dataclass(frozen=True, slots=True)
class Property:
    """An attribute that is read without a call."""


@dataclass(frozen=True, slots=True)
class Instead:
    """A name that adj does not have, and what to use instead."""

    name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A name that adj does not have, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A name that stays Django's own, since it does not use the database."""


Fate: TypeAlias = Same | Property | Instead | Refused | Kept

_SAME: Final = Same()
_PROPERTY: Final = Property()


NOT_AWAITABLE: Final = "A query cannot be awaited. Add .run(): `await {query}.run()`."
NOT_ITERABLE: Final = "A query cannot be iterated with `for`. Use `async for`, or `for row in await query.run()`."
NO_TRUTH_VALUE: Final = "A query has no truth value until it has run. Use `await query.aexists()`."
"""What a query raises where it is used like a QuerySet; the mypy plugin reports the same."""


def _same(names: str) -> dict[str, Fate]:
    return dict.fromkeys(names.split(), _SAME)


def _awaited(names: str) -> dict[str, Fate]:
    """Synchronous terminal methods, each of which has an asynchronous version."""
    return {
        name: Instead(f"`await query.a{name}()`, or `query.queryset` in synchronous code") for name in names.split()
    }


def _not_iterable(instead: str) -> Fate:
    return Refused(f"a query has not run yet; use {instead}")


SURFACE: Final[Mapping[str, Fate]] = {
    **_same(
        "alias all annotate complex_filter dates datetimes defer difference distinct exclude extra fetch_mode filter "
        "intersection none only order_by prefetch_related raw resolve_expression reverse select_for_update "
        "select_related union using values values_list"
    ),
    **_same(
        "aaggregate acontains acount aearliest aexists aexplain afirst aget ain_bulk aiterator alast alatest __aiter__ "
        "__and__ __or__ __xor__ __getitem__ __deepcopy__ __repr__ __class_getitem__"
    ),
    **dict.fromkeys(["db", "ordered", "query", "totally_ordered"], _PROPERTY),
    **_awaited("aggregate contains count earliest exists explain first get in_bulk last latest"),
    "iterator": Instead("`async with query.stream() as rows`, or `query.aiterator()`"),
    **_same("abulk_create abulk_update acreate adelete aget_or_create aupdate aupdate_or_create"),
    **_awaited("bulk_create bulk_update create delete get_or_create update update_or_create"),
    "as_manager": Refused("a query is not a manager class; `q(Model.objects)` accepts any manager"),
    "__iter__": _not_iterable("`async for`, or a `for` over `await query.run()`"),
    "__len__": _not_iterable("`await query.acount()`"),
    "__bool__": _not_iterable("`await query.aexists()`"),
    "__getstate__": Refused("a query is pickled as its clauses, without rows"),
    "__setstate__": Refused("a query is pickled as its clauses, without rows"),
}
"""QuerySet, by name."""

_MANAGERS: Final = Refused("it is an attribute of Django's manager; `q(Model.objects)` starts a query from a manager")

MANAGER_SURFACE: Final[Mapping[str, Fate]] = {
    **dict.fromkeys(
        [
            "auto_created",
            "check",
            "contribute_to_class",
            "creation_counter",
            "deconstruct",
            "from_queryset",
            "use_in_migrations",
        ],
        _MANAGERS,
    ),
    "db_manager": Instead("`query.using(alias)`"),
    "get_queryset": Instead("`q(manager)`, which calls it"),
}
"""The names of a Manager that its QuerySet does not have."""

_RELATED_MACHINERY: Final = Refused("Django reads relations with it; use `adj.related()`")

RELATED_SURFACE: Final[Mapping[str, Fate]] = {
    **_same("aadd aclear aremove aset"),
    **{
        name: Instead(f"`await adj.related(instance, name).a{name}()`, or the manager itself in synchronous code")
        for name in ("add", "clear", "remove", "set")
    },
    "__call__": Instead("`adj.related(instance.relation(manager=...))`"),
    **dict.fromkeys(
        [
            "constrained_target",
            "do_not_call_in_templates",
            "get_prefetch_cache",
            "get_prefetch_queryset",
            "get_prefetch_querysets",
            "set_base",
        ],
        _RELATED_MACHINERY,
    ),
}
"""The names of a related manager that a Manager does not have, on a `RelatedQuery`."""

RELATED_WRITES: Final = frozenset({"acreate", "aget_or_create", "aupdate_or_create"})
"""Methods of a Manager that a related manager, and so `RelatedQuery`, overrides."""

RAW_SURFACE: Final[Mapping[str, Fate]] = {
    **_same("prefetch_related using __aiter__ __repr__"),
    "db": _PROPERTY,
    "iterator": Instead("`query.aiterator()`"),
    **dict.fromkeys(
        ["columns", "model_fields", "resolve_model_init_order"],
        Refused("Django reads the rows with it; `query.queryset` has it"),
    ),
    "__getitem__": Instead("`(await query.run())[k]`"),
    "__iter__": _not_iterable("`async for`, or a `for` over `await query.run()`"),
    "__len__": _not_iterable("`len(await query.run())`"),
    "__bool__": _not_iterable("`bool(await query.run())`"),
}
"""RawQuerySet, by name."""

MODEL_SURFACE: Final[Mapping[str, Fate]] = {
    **_same("adelete arefresh_from_db asave"),
    "delete": Instead("`await adj.delete(instance)`"),
    "refresh_from_db": Instead("`await adj.refresh(instance)`"),
    "save": Instead("`await adj.save(instance)`"),
    **dict.fromkeys(
        ["clean", "clean_fields", "full_clean", "validate_constraints", "validate_unique"],
        Instead("`await adj.validate(instance)`"),
    ),
    "save_base": Instead("`await adj.run_sync(instance.save_base)`"),
    **dict.fromkeys(
        [
            "check",
            "date_error_message",
            "from_db",
            "get_constraints",
            "get_deferred_fields",
            "pk",
            "prepare_database_save",
            "serializable_value",
            "unique_error_message",
        ],
        Kept(),
    ),
}
"""A model instance, by name; `Same` is what AsyncModel overrides."""


def advice(fate: Fate | None) -> str:
    """The end of a message about an unknown name: what to use instead, or why adj does not have it."""
    match fate:
        case Instead(name):
            return f"; use {name}"
        case Refused(reason):
            return f": {reason}"
        case _:
            return ""
