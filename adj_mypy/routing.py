"""The functions and methods of others that rows go through; the plugin looks at these names before it asks a topic."""

from __future__ import annotations

from typing import Final

READS: Final = frozenset(
    {"__iter__", "__len__", "__bool__", "__contains__", "count", "exists", "contains", "first", "last", "get"}
)
"""The methods of a manager or QuerySet that ask the database and wait."""

MANAGERS: Final = ("django.db.models.manager.BaseManager", "django.db.models.query.QuerySet")
"""The classes whose methods these are."""

CONSUMERS: Final = frozenset(
    f"builtins.{name}"
    for name in (
        *("list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "len", "any", "all", "min", "max"),
        *("enumerate", "zip", "map", "filter", "iter", "bool"),
    )
)
"""The functions that read all of what they are given."""

ITERATED: Final = frozenset({"__iter__", "__aiter__"})
TAKEN: Final = frozenset({*ITERATED, "__getitem__"})
"""The methods by which a variable gets an item."""

COLLECTIONS: Final = frozenset(
    {
        *("builtins.list", "builtins.tuple", "builtins.dict", "builtins.set", "builtins.frozenset"),
        *("typing.Iterable", "typing.Iterator", "typing.Sequence", "typing.Mapping", "typing.ValuesView"),
    }
)
"""The classes whose items these are."""

TAKES_MODEL: Final = frozenset(
    f"django.shortcuts.{prefix}get_{what}_or_404" for prefix in ("", "a") for what in ("object", "list")
)
"""Functions of Django that give rows of a class."""

LOAD: Final = "adj.load.load"
REFRESH: Final = "arefresh_from_db"
