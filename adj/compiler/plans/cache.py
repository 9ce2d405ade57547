"""The plan cache: a bounded, counted map from structure to plan, shared by all threads and loops of a process.

It is bounded by the number of plans and by bytes, which the caller of `store()` estimates.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from adj.compiler.keys.memo import Memo
from adj.settings import DEFAULT_PLAN_CACHE_BYTES

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Counts since the start of the process, or since `clear()`.

    `hits`: a cached plan was used. `misses`: a statement was compiled and its plan cached. `refusals`: the SQL of the
    cached plan does not fit the new values; the statement was compiled again. `uncacheable`: compiled for one run.
    `mismatches`: a plan differed from Django's SQL, which was used. `size` and `maximum` count plans. `bytes` is an
    estimate of their memory, which is ignored in comparisons.
    """

    hits: int
    misses: int
    refusals: int
    uncacheable: int
    mismatches: int
    size: int
    maximum: int
    bytes: int = field(default=0, compare=False)


class PlanCache(Generic[Entry]):
    """An LRU cache of plans, limited by `read_maximum()` plans and `read_budget()` bytes.

    Thread-safe: plans are not changed after they are stored, and each operation holds the lock once.
    """

    def __init__(
        self, read_maximum: Callable[[], int], read_budget: Callable[[], int] = lambda: DEFAULT_PLAN_CACHE_BYTES
    ) -> None:
        self._read_maximum, self._read_budget = read_maximum, read_budget
        self._maximum: int | None = None
        self._budget: int | None = None
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}
        self._bytes = 0
        self._rejected: Memo[bool] = Memo(maximum=1_024, budget=2**20)
        # Hashes of keys, which need little memory: none of them may be forgotten while the process runs. A key that has
        # the hash of another one has no plan, which is right as well.
        self._distrusted: set[int] = set()
        self._lock = threading.Lock()
        self._hits = self._misses = self._refusals = self._uncacheable = self._mismatches = 0

    @property
    def maximum(self) -> int:
        """The maximum number of plans; read from the settings at first use."""
        if self._maximum is None:
            self._maximum = self._read_maximum()
        return self._maximum

    @property
    def budget(self) -> int:
        """The maximum number of bytes; read from the settings at first use."""
        if self._budget is None:
            self._budget = self._read_budget()
        return self._budget

    def get(self, key: Hashable) -> Entry | None:
        """The plan of a key, marked as the most recently used."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def store(self, key: Hashable, entry: Entry, size: int = 0) -> None:
        """Store a plan of `size` bytes, unless it exceeds the budget or its key is distrusted.

        The least recently used plans are dropped if there are too many, or too many bytes.
        """
        maximum, budget = self.maximum, self.budget
        with self._lock:
            self._drop(key)
            if size > budget or hash(key) in self._distrusted:
                return
            self._entries[key], self._sizes[key] = entry, size
            self._bytes += size
            while len(self._entries) > maximum or self._bytes > budget:
                self._drop(next(iter(self._entries)))

    def reject(self, key: Hashable, size: int) -> None:
        """Remember that the plan of a key is too large to cache; `size` is that of the key in bytes."""
        self._rejected.add(key, True, size)

    def distrust(self, key: Hashable) -> None:
        """Drop the plan of a key, which differed from Django's SQL, and never store one for it again."""
        with self._lock:
            self._mismatches += 1
            self._distrusted.add(hash(key))
            self._drop(key)

    def is_rejected(self, key: Hashable) -> bool:
        """Whether the plan of a key is known to be too large to cache, or to differ from Django's SQL."""
        return hash(key) in self._distrusted or self._rejected.get(key) is not None

    def _drop(self, key: Hashable) -> None:
        self._entries.pop(key, None)
        self._bytes -= self._sizes.pop(key, 0)

    def count_hit(self) -> None:
        """Count a run with a cached plan."""
        with self._lock:
            self._hits += 1

    def count_miss(self) -> None:
        """Count a statement that was compiled and whose plan was cached."""
        with self._lock:
            self._misses += 1

    def count_refusal(self) -> None:
        """Count a run whose values did not fit the cached plan."""
        with self._lock:
            self._refusals += 1

    def count_uncacheable(self) -> None:
        """Count a statement that was compiled for one run."""
        with self._lock:
            self._uncacheable += 1

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
                bytes=self._bytes,
            )

    def clear(self) -> None:
        """Drop all plans and reset the counts; the limits are read from the settings again."""
        with self._lock:
            self._entries.clear()
            self._sizes.clear()
            self._bytes = 0
            self._maximum = self._budget = None
            self._rejected.clear()
            self._distrusted.clear()
            self._hits = self._misses = self._refusals = self._uncacheable = self._mismatches = 0

    def __len__(self) -> int:
        return len(self._entries)
