"""Names as keys: an instance of a `str` subclass may equal a `str`, and still produce different SQL.

Django uses the name objects themselves: as the keys of `values()`, as attributes, and formatted as aliases in SQL. Enum
members are such names, and may define `__str__()`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from functools import lru_cache

from adj.statement.structure import Key, Uncacheable


def name_key(name: object) -> Key:
    """The key of a name, or of None in its place.

    Raises `Uncacheable` for instances of unknown subclasses of `str`, and for values that are not text: an object's own
    `__eq__()` must not decide which plan is used.
    """
    if type(name) is str or name is None:
        return name
    if not isinstance(name, str):
        raise Uncacheable(f"a {type(name).__name__} where a name belongs")
    if not _is_steady(type(name)):
        raise Uncacheable(f"a name is a {type(name).__name__}, whose behavior adj does not know")
    return (type(name), name)


def name_keys(names: Iterable[object]) -> tuple[Key, ...]:
    """The keys of several names, in order."""
    return tuple([name if type(name) is str else name_key(name) for name in names])


@lru_cache(maxsize=1_024)
def _is_steady(name_class: type) -> bool:
    """Whether a class is an enum that keeps the methods of `str`; its members are singletons."""
    if not issubclass(name_class, enum.Enum):
        return False
    return all(_is_known(name_class, name) for name in vars(str) if name not in _NEVER_CALLED)


def _is_known(name_class: object, name: str) -> bool:
    method = getattr(name_class, name)
    return method is getattr(str, name) or getattr(method, "__module__", None) in _ENUM_MODULES


# Neither dict keys nor SQL depend on these.
_NEVER_CALLED = frozenset({"__doc__", "__new__", "__repr__"})
_ENUM_MODULES = frozenset({"enum", "django.db.models.enums"})
