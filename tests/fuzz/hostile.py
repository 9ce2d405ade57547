"""Classes whose objects lie, raise, or are taken for something that they are not."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import models


class Lying(str):
    """Says something else than it is, whenever it is asked."""

    __slots__ = ()

    def __str__(self) -> str:
        return "another"

    def __repr__(self) -> str:
        return "{x!r}__import__('os')"

    def __format__(self, spec: str) -> str:
        return "a third"

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter("fourth")


class Raising(str):
    """Cannot be compared, hashed or shown."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise ValueError("compared")

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        raise ValueError("shown")


class LyingInt(int):
    """A number that says another one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "7"

    def __str__(self) -> str:
        return "7"

    def __int__(self) -> int:
        return 7

    def __index__(self) -> int:
        return 7


class AlikeInt(int):
    """Equals everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class OwnFloat(float):
    """A subclass without changes."""

    __slots__ = ()


class OwnDecimal(decimal.Decimal):
    """A subclass whose text is another."""

    __slots__ = ()

    def __str__(self, *args: Any, **kwargs: Any) -> str:
        return "7"


class OwnDate(datetime.date):
    """A subclass whose text is another."""

    def isoformat(self) -> str:
        return "2000-01-01"

    def __str__(self) -> str:
        return "2000-01-01"


class OwnMoment(datetime.datetime):
    """A subclass without changes."""


class OwnUUID(uuid.UUID):
    """A subclass without changes."""


class OwnBytes(bytes):
    """A subclass without changes."""

    __slots__ = ()


class OwnTuple(tuple[Any, ...]):
    """A subclass without changes."""

    __slots__ = ()


class LyingList(list[Any]):
    """Its iterator gives other members than it has, and its length is another."""

    def __iter__(self) -> Iterator[Any]:
        return iter([2])

    def __len__(self) -> int:
        return 1


class LyingDict(dict[Any, Any]):
    """Its methods give other items than it has."""

    def items(self) -> Any:
        return [("weight", 2)]

    def __iter__(self) -> Iterator[Any]:
        return iter(["weight"])

    def __getitem__(self, key: Any) -> Any:
        return 2


class OwnMapping(Mapping[str, Any]):
    """A mapping that is not a dict."""

    def __getitem__(self, key: str) -> Any:
        if key == "weight":
            return 1
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(["weight"])

    def __len__(self) -> int:
        return 1


class Number(enum.IntEnum):
    """Numbers with names."""

    ONE = 1
    TWO = 2


class Flag(enum.IntFlag):
    """Numbers that are added up."""

    ONE = 1
    TWO = 2


class Level(models.IntegerChoices):
    """Django's integers with labels."""

    ONE = 1, "One"
    TWO = 2, "Two"


class Plain(enum.Enum):
    """An enum whose members are not values."""

    NAME = "sea"
    ONE = 1


class Truth:
    """Cannot say whether it is true, and equals nothing, without saying so."""

    def __bool__(self) -> bool:
        raise ValueError("no truth")

    def __eq__(self, other: object) -> bool:
        raise ValueError("compared")

    __hash__ = None  # type: ignore[assignment]  # as of a list


class Anything:
    """Has every attribute, as a mock has."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self


class Resolving:
    """Is taken for an expression, and is one of a column."""

    def resolve_expression(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """A number instead."""
        return models.Value(1).resolve_expression(query, *args, **kwargs)


class BadlyResolving:
    """Is taken for an expression, and raises."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing that is expected."""
        raise LookupError("resolved")


class Numeric:
    """Can be turned into a number or a text, and is neither."""

    def __int__(self) -> int:
        return 1

    def __index__(self) -> int:
        return 1

    def __float__(self) -> float:
        return 1.0

    def __str__(self) -> str:
        return "sea"

    def __repr__(self) -> str:
        return "sea"


class Preparing(models.Value):
    """A `Value` of a project's own."""


class OtherZone(datetime.tzinfo):
    """A zone of a project's own, which is half a minute off."""

    def utcoffset(self, moment: Any) -> datetime.timedelta:
        """Half a minute."""
        return datetime.timedelta(seconds=30)

    def dst(self, moment: Any) -> datetime.timedelta:
        """None."""
        return datetime.timedelta(0)

    def tzname(self, moment: Any) -> str:
        """A name that PostgreSQL does not know."""
        return "other"
