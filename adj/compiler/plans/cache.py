"""The plan cache: a bounded, counted map from structure to plan, shared by all threads and loops of a process.

It is bounded in plans and in bytes; the bytes of a plan are estimated by whoever stores it.
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
    """How queries fared since the start, or since `clear()`.

    `hits`: the plan was there and took the new values. `misses`: compiled and kept. `refusals`: the plan was there, but
    its SQL does not fit the new values; compiled afresh. `uncacheable`: compiled for this run only.
    `mismatches`: a plan was found to differ from Django's SQL, which was used. `size` and `maximum` count plans.
    `bytes` is an estimate of their memory, which does not matter when two of these are compared.
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
    """Keeps the plans that were used last, as many as `read_maximum()` and `read_budget()` (bytes) allow.

    Safe under threads: a plan is never changed after it was stored, and each operation holds the lock once.
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
        self._lock = threading.Lock()
        self._hits = self._misses = self._refusals = self._uncacheable = self._mismatches = 0

    @property
    def maximum(self) -> int:
        """How many plans are kept; read from the settings at first use."""
        if self._maximum is None:
            self._maximum = self._read_maximum()
        return self._maximum

    @property
    def budget(self) -> int:
        """How many bytes of plans are kept; read from the settings at first use."""
        if self._budget is None:
            self._budget = self._read_budget()
        return self._budget

    def get(self, key: Hashable) -> Entry | None:
        """The plan under a key, which becomes the one used last."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def store(self, key: Hashable, entry: Entry, size: int = 0) -> None:
        """Keep a plan of so many bytes, unless it alone is over the budget.

        The plans that were unused for longest are dropped if there are too many, or too many bytes.
        """
        maximum, budget = self.maximum, self.budget
        with self._lock:
            self._drop(key)
            if size > budget:
                return
            self._entries[key], self._sizes[key] = entry, size
            self._bytes += size
            while len(self._entries) > maximum or self._bytes > budget:
                self._drop(next(iter(self._entries)))

    def reject(self, key: Hashable, size: int) -> None:
        """Remember that no plan is worth keeping under a key, which has so many bytes."""
        self._rejected.add(key, True, size)

    def is_rejected(self, key: Hashable) -> bool:
        """Whether a plan under a key was made before, and was not worth keeping."""
        return self._rejected.get(key) is not None

    def _drop(self, key: Hashable) -> None:
        self._entries.pop(key, None)
        self._bytes -= self._sizes.pop(key, 0)

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
                bytes=self._bytes,
            )

    def clear(self) -> None:
        """Forget every plan and start counting again; the limits are read from the settings again."""
        with self._lock:
            self._entries.clear()
            self._sizes.clear()
            self._bytes = 0
            self._maximum = self._budget = None
            self._rejected.clear()
            self._hits = self._misses = self._refusals = self._uncacheable = self._mismatches = 0

    def __len__(self) -> int:
        return len(self._entries)
