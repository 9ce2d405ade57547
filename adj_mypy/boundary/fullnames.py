"""Full names of the classes that the plugin knows, and the suffix of the classes that it creates."""

from __future__ import annotations

from typing import Final

QUERY: Final = "adj.query.async_query.AsyncQuery"
RAW_QUERY: Final = "adj.query.raw.AsyncRawQuery"
MANAGER: Final = "adj.models.managers.AsyncManager"
MODEL: Final = "django.db.models.base.Model"

ANNOTATED: Final = "@adj"
"""The suffix of the subclass that the plugin creates for a model's rows with annotations."""
