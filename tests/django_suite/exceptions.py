"""Django's tests that cannot pass inside a greenlet, each with its reason; there are none at present."""

from __future__ import annotations

EXCEPTIONS: dict[str, str] = {}
