"""The full names of classes that the plugin knows, and the suffix of those that it makes."""

from __future__ import annotations

from typing import Final

QUERY: Final = "adj.query.async_query.AsyncQuery"
MANAGER: Final = "adj.models.managers.AsyncManager"
MODEL: Final = "django.db.models.base.Model"

ANNOTATED: Final = "@adj"
"""Ends the name of the subclass that the plugin makes of a model, for rows with annotations."""
