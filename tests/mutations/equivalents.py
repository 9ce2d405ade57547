"""Mutants that nothing can notice, with the reason of each."""

from __future__ import annotations

from typing import Final

EQUIVALENT: Final[dict[str, str]] = {}
"""By the name of the mutant."""
