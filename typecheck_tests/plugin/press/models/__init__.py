"""The models of the app, from the modules that define them."""

from __future__ import annotations

from typecheck_tests.plugin.press.models.houses import Box, House, Imprint, TextBox
from typecheck_tests.plugin.press.models.titles import Kind, Mark, Title

__all__ = ["Box", "House", "Imprint", "Kind", "Mark", "TextBox", "Title"]
