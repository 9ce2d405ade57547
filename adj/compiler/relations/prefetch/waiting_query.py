"""A Query that is cloned at its first use.

Each QuerySet of prefetched rows has a Query, which is rarely used, since iterating uses the cached rows.

Private Django API used here: `Query.clone`, `Query.__dict__`.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

from django.db.models.sql.query import Query

_TEMPLATE = "_adj_template"
_WAKING = RLock()


def waiting_query(template: Query) -> Query:
    """A copy of a plain Query, which is cloned at its first use of any kind."""
    query: Query = _new(_WaitingQuery)
    _set(query, _TEMPLATE, template)
    return query


class _WaitingQuery(Query):
    """Becomes a plain Query in place."""

    def __getattribute__(self, name: str) -> Any:
        _wake(self)
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        _wake(self)
        setattr(self, name, value)

    def __delattr__(self, name: str) -> None:
        _wake(self)
        delattr(self, name)

    def __repr__(self) -> str:
        _wake(self)
        return repr(self)


def _wake(query: Query) -> None:
    """Copy the attributes of a clone of the template; only once, also with several threads."""
    with _WAKING:
        if type(query) is _WaitingQuery:
            template: Any = object.__getattribute__(query, _TEMPLATE)
            _set(query, "__dict__", template.clone().__dict__)
            _set(query, "__class__", Query)


_new = object.__new__
_set = object.__setattr__
