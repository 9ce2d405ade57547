"""How far a plan is trusted: it is compared with Django's own compilation at first, and as often as asked later.

A new plan is on probation: its first runs with other values are compiled by Django, too. After that
`settings.ADJ_VERIFY` says which share of the runs is still compared.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

from adj.errors import PlanMismatch
from adj.settings import probation_runs, verified_share

logger = logging.getLogger("adj.plans")


class Trust:
    """What is known of one plan: `left` runs of its probation, and the parameters that it has been compared with."""

    __slots__ = ("_compared", "left")

    def __init__(self) -> None:
        self.left = probation_runs()
        # Fingerprints, and no values: a plan keeps none.
        self._compared: set[int] = set()

    def begin(self, parameters: Sequence[object]) -> None:
        """Note the parameters of the run that the plan was made for, with which it has been compared."""
        if self.left > 0:
            self._compared.add(_fingerprint(parameters))

    def is_due(self, parameters: Sequence[object]) -> bool:
        """Whether a run on probation has values that the plan has not been compared with."""
        return self.left > 0 and _fingerprint(parameters) not in self._compared

    def gain(self, parameters: Sequence[object]) -> None:
        """Note a run that was compared, and found equal."""
        if self.left > 0:
            self._compared.add(_fingerprint(parameters))
            self.left -= 1
            if self.left <= 0:
                self._compared.clear()


def _fingerprint(parameters: Sequence[object]) -> int:
    return hash(repr(parameters))


class _Verification:
    """How the process compares trusted plans; the settings are read when they are first needed."""

    def __init__(self) -> None:
        self.share: float | None = None
        self.raises = False

    def is_due(self) -> bool:
        if self.share is None:
            self.share = verified_share()
        return self.share > 0 and (self.share >= 1 or random.random() < self.share)  # noqa: S311  # a sample


verification = _Verification()


def raise_on_mismatch(raises: bool) -> None:
    """Let a difference that `ADJ_VERIFY` finds raise `PlanMismatch`, as tests want it."""
    verification.raises = raises


def report(shape: str, mismatch: str, *, is_verified: bool) -> None:
    """Log that a plan differs from Django, with the shape of its query and no values.

    Raises `PlanMismatch` where `ADJ_VERIFY` has found it, in tests.
    """
    error = PlanMismatch(query=shape, found=mismatch)
    if is_verified and verification.raises:
        raise error
    logger.error("%s", error)
