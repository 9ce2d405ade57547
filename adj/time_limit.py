"""A time limit that a user gives, judged on the user's line."""

from __future__ import annotations

import math


def checked_seconds(value: object, name: str) -> float:
    """A positive number of seconds, as it is.

    Raises `TypeError` for anything but a number, and `ValueError` for one that is not positive.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} expects a number of seconds; got {value!r} ({type(value).__name__}).")
    if math.isnan(value) or value <= 0:
        raise ValueError(f"{name} expects a positive number of seconds; got {value!r}.")
    return value
