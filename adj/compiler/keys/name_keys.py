"""Names as keys: a name that is not exactly a `str` may equal one, and stands for something else all the same.

Django uses the very objects that name annotations and columns: as the keys of `values()`, as attributes, and formatted
as aliases in its SQL. An enum's member is such a name, and may have its own `str()`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from functools import lru_cache

from adj.statement.structure import Key, Uncacheable


def name_key(name: object) -> Key:
    """The key of a name, or of None in its place.

    Raises `Uncacheable` for a subclass of `str` that may behave in any way, and for what is no text at all: an object's
    own `__eq__()` has no say in which plan is found.
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
    """Whether names of a class are members of an enum, which exist once, with no method of `str` but Python's own."""
    if not issubclass(name_class, enum.Enum):
        return False
    return all(_is_known(name_class, name) for name in vars(str) if name not in _NEVER_CALLED)


def _is_known(name_class: object, name: str) -> bool:
    method = getattr(name_class, name)
    return method is getattr(str, name) or getattr(method, "__module__", None) in _ENUM_MODULES


# Neither a name's key in a dict nor its place in SQL depends on these.
_NEVER_CALLED = frozenset({"__doc__", "__new__", "__repr__"})
_ENUM_MODULES = frozenset({"enum", "django.db.models.enums"})
