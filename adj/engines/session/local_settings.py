"""Settings of a session that end with its transaction."""

from __future__ import annotations

SET_LOCAL = "SELECT pg_catalog.set_config(%s, %s, true)"
"""Sets one; by its text the native engine knows that the session stays as it was."""
