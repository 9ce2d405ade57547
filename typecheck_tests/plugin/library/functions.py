"""A project's function with a custom output field."""

from __future__ import annotations

from django.db.models import CharField, Func


class Shout(Func):
    """Text in capitals."""

    function = "UPPER"
    output_field = CharField()  # type: ignore[assignment]  # a property in Func, which a class may replace
