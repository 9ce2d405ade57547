"""Keys of statements as linked lists: a query method adds one link, and does not copy the links before it.

There is one link object for each content, so links are compared and hashed by identity: equal means the same object.
Links are kept alive by the queries, plans and memos that use them, and by nothing else.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeAlias, cast
from weakref import WeakValueDictionary

Parts: TypeAlias = tuple[Hashable, ...]


class KeyChain:
    """The keys of a statement's clauses, the last one first.

    `own_size` estimates the bytes of the last clause's key, `size` those of all keys.
    """

    __slots__ = ("__weakref__", "before", "last", "own_size", "size")

    def __init__(self, before: KeyChain | None, last: Hashable) -> None:
        self.before, self.last = before, last
        self.own_size: int = rounded(key_size(last) + _LINK)
        self.size: int = self.own_size + (0 if before is None else before.size)

    def parts(self) -> Parts:
        """The keys of the clauses in their order."""
        return tuple(reversed(tuple(self._from_last())))

    def _from_last(self) -> Iterator[Hashable]:
        key: KeyChain | None = self
        while key is not None:
            yield key.last
            key = key.before

    def __repr__(self) -> str:
        return f"<KeyChain {self.parts()!r}>"


# The bytes of a link and of its entry in `_links`.
_LINK = 400

_links: WeakValueDictionary[tuple[KeyChain | None, Hashable], KeyChain] = WeakValueDictionary()
# Its references by content: reading them here saves a call in every query method.
_references: dict[tuple[KeyChain | None, Hashable], Callable[[], KeyChain | None]] = cast("Any", _links).data
# Reentrant, since garbage collection may run a project's code while it is held.
_lock = threading.RLock()


def linked(before: KeyChain | Parts, added: KeyChain | Parts) -> KeyChain | Parts:
    """A key followed by another one. Raises `TypeError` for parts without a hash.

    A key that has not been extended yet may be a plain tuple.
    """
    parts = added if type(added) is tuple else cast("KeyChain", added).parts()
    if type(before) is KeyChain:
        key: KeyChain | None = before
    else:
        if not parts:
            return before
        key, parts = None, before + parts  # type: ignore[operator]  # a tuple, which mypy does not see
    for part in parts:
        reference = _references.get((key, part))
        key = (None if reference is None else reference()) or _new_key(key, part)
    assert key is not None  # noqa: S101  # there is at least one part
    return key


def _new_key(before: KeyChain | None, last: Hashable) -> KeyChain:
    with _lock:
        # Another thread may have created it meanwhile.
        key = _links.get((before, last))
        if key is None:
            key = _links[before, last] = KeyChain(before, last)
        return key


def rounded(size: int) -> int:
    """A size rounded up to 512 bytes, since it is an estimate."""
    return -(-size // 512) * 512


def key_size(key: object) -> int:
    """The estimated bytes of a key. Names and classes, which others hold as well, count too."""
    size, waiting = 0, [key]
    while waiting:
        part = waiting.pop()
        if isinstance(part, KeyChain):
            size += part.size
        elif isinstance(part, type):
            size += 8
        else:
            size += sys.getsizeof(part)
            if isinstance(part, (tuple, frozenset)):
                waiting.extend(part)
    return size
