"""The plan cache: a bounded, counted map from structure to plan, shared by all threads and loops of a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class CacheStats:
    """How queries fared since the start, or since `clear()`.

    `hits`: the plan was there and took the new values. `misses`: compiled and kept. `refusals`: the plan was there, but
    its SQL does not fit the new values; compiled afresh. `uncacheable`: compiled for this run only.
    `mismatches`: a plan was found to differ from Django's SQL, which was used. `size` and `maximum` count plans.
    """

    hits: int
    misses: int
    refusals: int
    uncacheable: int
    mismatches: int
    size: int
    maximum: int


class PlanCache(Generic[Entry]):
    """Keeps the plans that were used last.

    Safe under threads: a plan is never changed after it was stored, and each operation holds the lock once.
    """

    def __init__(self, maximum: Callable[[], int]) -> None:
        self._read_maximum = maximum
        self._maximum: int | None = None
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = self._refusals = self._uncacheable = self._mismatches = 0

    @property
    def maximum(self) -> int:
        """How many plans are kept; read from the settings at first use."""
        if self._maximum is None:
            self._maximum = self._read_maximum()
        return self._maximum

    def get(self, key: Hashable) -> Entry | None:
        """The plan under a key, which becomes the one used last."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def store(self, key: Hashable, entry: Entry) -> None:
        """Keep a plan; the one unused for longest goes if there are too many."""
        maximum = self.maximum
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > maximum:
                self._entries.popitem(last=False)

    def count_hit(self) -> None:
        """A plan took the values of a run."""
        with self._lock:
            self._hits += 1

    def count_miss(self) -> None:
        """A statement was compiled and its plan kept."""
        with self._lock:
            self._misses += 1

    def count_refusal(self) -> None:
        """A plan refused the values of a run."""
        with self._lock:
            self._refusals += 1

    def count_uncacheable(self) -> None:
        """A statement was compiled for one run."""
        with self._lock:
            self._uncacheable += 1

    def count_mismatch(self) -> None:
        """A plan differed from Django."""
        with self._lock:
            self._mismatches += 1

    def stats(self) -> CacheStats:
        """The counts so far."""
        maximum = self.maximum
        with self._lock:
            return CacheStats(
                hits=self._hits,
                misses=self._misses,
                refusals=self._refusals,
                uncacheable=self._uncacheable,
                mismatches=self._mismatches,
                size=len(self._entries),
                maximum=maximum,
            )

    def clear(self) -> None:
        """Forget every plan and start counting anew; the size is read from the settings again."""
        with self._lock:
            self._entries.clear()
            self._maximum = None
            self._hits = self._misses = self._refusals = self._uncacheable = self._mismatches = 0

    def __len__(self) -> int:
        return len(self._entries)
