"""The condition for rows after a position in an order: `a >= x AND (a > x OR (a = x AND ...))`.

The first condition lets the database use an index. Values are compared with Django's plain lookups, without the key's
field, so that a project's fields and lookups do not change them.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F, Field, Func, Q
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, IsNull, LessThan, LessThanOrEqual

from adj.compiler.pages.comparable import Comparable
from adj.compiler.pages.ordering import OrderKey, key_name
from adj.compiler.pages.page_cursor import Place

# Keys in the direction of the pages, with the row's values.
Places = Sequence[tuple[OrderKey, Comparable, Place]]


def behind(places: Places, *, nulls_are_least: bool, includes_row: bool) -> Q:
    """The rows after a row, or from it on; the database sorts NULL first or last."""
    return _behind(0, places, nulls_are_least, includes_row)


def _behind(position: int, places: Places, nulls_are_least: bool, includes_row: bool) -> Q:
    key, comparable, place = places[position]
    has_nulls_first = (nulls_are_least != key.descending) if key.nulls_first is None else key.nulls_first
    if place is None:
        same, strictly, from_here = _around_null(position, has_nulls_first=has_nulls_first)
    else:
        nulls_follow = key.may_be_null and not has_nulls_first
        same, strictly, from_here = _around(position, comparable.operand(place), key.descending, nulls_follow)
    if position == len(places) - 1:
        return from_here if includes_row else strictly
    return from_here & (strictly | (same & _behind(position + 1, places, nulls_are_least, includes_row)))


def _around_null(position: int, *, has_nulls_first: bool) -> tuple[Q, Q, Q]:
    """Conditions for the rows whose key is NULL, the rows after them, and both."""
    null = Q(IsNull(_key(position), True))
    if has_nulls_first:
        return null, Q(IsNull(_key(position), False)), Q()
    return null, Q(pk__in=[]), null


def _around(position: int, value: object, descending: bool, nulls_follow: bool) -> tuple[Q, Q, Q]:
    """Conditions for the rows with a key, the rows after them, and both."""
    beyond, from_here = (LessThan, LessThanOrEqual) if descending else (GreaterThan, GreaterThanOrEqual)
    null = Q(IsNull(_key(position), True)) if nulls_follow else Q()
    return (
        Q(Exact(_key(position), value)),
        Q(beyond(_key(position), value)) | null,
        Q(from_here(_key(position), value)) | null,
    )


def _key(position: int) -> object:
    """A key in parentheses, since it may be a condition."""
    return Func(F(key_name(position)), template="(%(expressions)s)", output_field=Field())
