"""The engines and databases of tests/engines, for what projects get for their tests."""

from __future__ import annotations

from tests.engines.conftest import native, place

__all__ = ["native", "place"]
