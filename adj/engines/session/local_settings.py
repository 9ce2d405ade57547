"""Session settings that end with the transaction."""

from __future__ import annotations

SET_LOCAL = "SELECT pg_catalog.set_config(%s, %s, true)"
"""Sets one setting. From the text, the native engine knows that it does not outlive the transaction."""
