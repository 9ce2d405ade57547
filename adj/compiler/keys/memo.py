"""A bounded cache that drops the oldest entries that were not used again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class _Entry(Generic[Value]):
    __slots__ = ("size", "value", "was_used")

    def __init__(self, value: Value, size: int) -> None:
        self.value, self.size, self.was_used = value, size, False


class Memo(Generic[Value]):
    """At most `maximum` entries with at most `budget` bytes, as the caller of `add()` estimates them.

    An entry that was used since the last eviction stays for another round (the CLOCK algorithm). This is nearly as good
    as LRU, and lookups do not need a lock.
    """

    def __init__(self, maximum: int, budget: int) -> None:
        self.maximum, self.budget = maximum, budget
        self.bytes = 0
        self._entries: OrderedDict[Hashable, _Entry[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, None if there is none. Raises `TypeError` for an unhashable key."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.was_used = True
        return entry.value

    def add(self, key: Hashable, value: Value, size: int) -> None:
        """Store a value, unless it would use the whole budget."""
        if size > self.budget // 16:
            return
        with self._lock:
            replaced = self._entries.pop(key, None)
            self.bytes += size - (0 if replaced is None else replaced.size)
            self._entries[key] = _Entry(value, size)
            while len(self._entries) > self.maximum or self.bytes > self.budget:
                self._drop_one()

    def _drop_one(self) -> None:
        while True:
            key, entry = self._entries.popitem(last=False)
            if not entry.was_used:
                self.bytes -= entry.size
                return
            entry.was_used = False
            self._entries[key] = entry

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.bytes = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)
