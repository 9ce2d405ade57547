"""How often a plan is compared with Django's SQL.

A new plan is on probation: Django compiles its first runs with other values as well. After that `settings.ADJ_VERIFY`
is the share of runs that are compared.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

from adj.errors import PlanMismatch
from adj.settings import probation_runs, verified_share

logger = logging.getLogger("adj.plans")


class Trust:
    """The probation of one plan: how many runs are `left`, and the parameters that were compared."""

    __slots__ = ("_compared", "left")

    def __init__(self) -> None:
        self.left = probation_runs()
        # Fingerprints, since a plan must not keep values.
        self._compared: set[int] = set()

    def begin(self, parameters: Sequence[object]) -> None:
        """Record the parameters of the first run, which have been compared."""
        if self.left > 0:
            self._compared.add(_fingerprint(parameters))

    def is_due(self, parameters: Sequence[object]) -> bool:
        """Whether a run on probation has parameters that were not compared yet."""
        return self.left > 0 and _fingerprint(parameters) not in self._compared

    def gain(self, parameters: Sequence[object]) -> None:
        """Record a run that was equal to Django's."""
        if self.left > 0:
            self._compared.add(_fingerprint(parameters))
            self.left -= 1
            if self.left <= 0:
                self._compared.clear()


def _fingerprint(parameters: Sequence[object]) -> int:
    return hash(repr(parameters))


class _Verification:
    """How this process compares plans after their probation; settings are read at first use."""

    def __init__(self) -> None:
        self.share: float | None = None
        self.raises = False

    def is_due(self) -> bool:
        if self.share is None:
            self.share = verified_share()
        return self.share > 0 and (self.share >= 1 or random.random() < self.share)  # noqa: S311  # a sample


verification = _Verification()


def raise_on_mismatch(raises: bool) -> None:
    """Set whether a difference found by `ADJ_VERIFY` raises `PlanMismatch`, as in tests."""
    verification.raises = raises


def report(shape: str, mismatch: str, *, is_verified: bool) -> None:
    """Log that a plan differs from Django, with the query's text but without values.

    In tests, raises `PlanMismatch` for a difference found by `ADJ_VERIFY`.
    """
    error = PlanMismatch(query=shape, found=mismatch)
    if is_verified and verification.raises:
        raise error
    logger.error("%s", error)
