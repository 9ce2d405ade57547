"""The tests of Django's that cannot pass inside a bridge, each with its reason; there are none at present."""

from __future__ import annotations

EXCEPTIONS: dict[str, str] = {}
