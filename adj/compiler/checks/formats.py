"""What a path accepts, in words: the Python types, and the format of text that Django parses."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldError
from django.db import models

from adj.schema.operands import expected
from adj.schema.paths import resolve

# The formats that Django's own error messages name. A DateTimeField is a DateField, and comes first.
_FORMATS: tuple[tuple[type[Any], str], ...] = (
    (models.DateTimeField, "YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ]"),
    (models.DateField, "YYYY-MM-DD"),
    (models.TimeField, "HH:MM[:ss[.uuuuuu]]"),
    (models.DurationField, "[DD] [[HH:]MM:]ss[.uuuuuu]"),
    (models.UUIDField, "XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX"),
)


def expected_text(model: type[models.Model], path: str) -> str:
    """What a path accepts, and the format of text for it: `date (DateField), or text in the format YYYY-MM-DD`."""
    words, text_format = expected(model, path), _format(model, path)
    return words if text_format is None else f"{words}, or text in the format {text_format}"


def _format(model: type[models.Model], path: str) -> str | None:
    try:
        field = resolve(model, path).output
    except FieldError:
        return None
    return next((text for field_type, text in _FORMATS if isinstance(field, field_type)), None)
