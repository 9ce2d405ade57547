"""The structure of a statement, which determines its SQL, and the values that fill the SQL's parameters."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Collection, Hashable, Sequence
from contextlib import suppress
from typing import Protocol, TypeAlias

from django.utils.hashable import make_hashable

from adj.statement.clauses import DjangoQuerySet
from adj.statement.key_chain import KeyChain, Parts, linked
from adj.statement.statement import Statement

Key: TypeAlias = Hashable

PLAIN_TYPES = frozenset(
    {
        str,
        int,
        float,
        bytes,
        decimal.Decimal,
        datetime.date,
        datetime.datetime,
        datetime.time,
        datetime.timedelta,
        uuid.UUID,
        dict,
    }
)
"""The types of operands that are always slots: no lookup treats them as structure."""


SEQUENCE_TYPES: tuple[type[Collection[object]], ...] = (
    list,
    tuple,
    set,
    frozenset,
    range,
    type({}.keys()),
    type({}.values()),
)
"""The types that `in` and `range` accept; a list of values is one slot."""


TOO_DEEP = "it is nested too deeply"


class Uncacheable(Exception):
    """A part of a statement has no key; the message says which."""


class Partial:
    """The QuerySet that Django has built from a statement's first `count` clauses; see `compiler/django/partial.py`."""

    __slots__ = ("count", "queryset")

    def __init__(self, count: int, queryset: DjangoQuerySet) -> None:
        self.count, self.queryset = count, queryset


class HasStatement(Protocol):
    """A query or a manager, for functions that only read its statement."""

    @property
    def statement(self) -> Statement:
        """The statement so far."""
        ...


class StatementHolder:
    """The base class of AsyncQuery, for modules below it: an object with a statement and its structure."""

    __slots__ = ("_partial", "statement", "structure")

    statement: Statement
    structure: Structure | Unkeyed
    # The QuerySet that Django has built to check the statement, if any.
    _partial: Partial | None

    @property
    def queryset(self) -> DjangoQuerySet:
        """The equivalent QuerySet."""
        raise TypeError(f"{type(self).__name__} has no queryset")


class Structure:
    """The key of a statement, and the values that fill it.

    `values[i]` is the value of slot `i`. `constants` are the slots for which it is structure which of their values are
    equal. `is_local` marks SQL that depends on the current time zone or language. `bounds` are the limits of the
    slice, if there is one.
    """

    __slots__ = ("bounds", "constants", "is_local", "key", "values")

    def __init__(
        self,
        key: KeyChain | Parts,
        values: tuple[object, ...] = (),
        constants: tuple[int, ...] = (),
        is_local: bool = False,
        bounds: tuple[int | None, int | None] | None = None,
    ) -> None:
        self.key, self.values, self.constants, self.is_local, self.bounds = key, values, constants, is_local, bounds

    def extended(self, other: Structure) -> Structure:
        """The structure of this one's clauses, followed by the other's."""
        offset = len(self.values)
        return Structure(
            linked(self.key, other.key),
            self.values + other.values,
            self.constants + tuple(offset + index for index in other.constants) if other.constants else self.constants,
            self.is_local or other.is_local,
            other.bounds or self.bounds,
        )


class Unkeyed:
    """The structure of a statement without a key, and the reason."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


def extended(before: Structure | Unkeyed, added: Structure | Unkeyed) -> Structure | Unkeyed:
    """The structure of clauses followed by another one; without a key if either has none."""
    if isinstance(before, Unkeyed):
        return before
    if isinstance(added, Unkeyed):
        return added
    if before.bounds is not None and added.bounds is not None:
        return Unkeyed("a slice of a slice")
    try:
        return before.extended(added)
    except TypeError:
        return Unkeyed("a list instead of a name")
    except RecursionError:
        return Unkeyed(TOO_DEEP)


def equality_pattern(values: Sequence[object], positions: Sequence[int]) -> tuple[int, ...]:
    """Which of the values at some positions are equal: for each, the first position with an equal value."""
    if len(positions) < 2:
        return ()
    if _COMPARED_BY_HASH.issuperset([type(values[position]) for position in positions]):
        first: dict[object, int] = {}
        with suppress(TypeError):  # a signaling NaN has no hash
            return tuple([first.setdefault(values[position], n) for n, position in enumerate(positions)])
    try:
        comparable = [_comparable(values[position]) for position in positions]
        return tuple([comparable.index(value) for value in comparable])
    # A value's `__eq__()` may raise any error, as that of a signaling NaN does.
    except Exception as error:
        raise Uncacheable("values that cannot be compared") from error


_COMPARED_BY_HASH = PLAIN_TYPES - {dict}
"""The types whose equal values have the same hash, so that many of them are compared in one pass."""


def _comparable(value: object) -> object:
    """A value in the form in which Django's expressions compare it."""
    if type(value) in PLAIN_TYPES:
        return value
    try:
        return make_hashable(value)
    except TypeError:
        return value
