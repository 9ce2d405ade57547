"""The tests of Django's in which adj and Django cannot do the same, each with its reason."""

from __future__ import annotations

EXCEPTIONS: dict[str, str] = {}
