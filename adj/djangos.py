"""Whether a function is Django's own, or somebody has put another one in its place."""

from __future__ import annotations


def is_djangos(function: object) -> bool:
    """Whether a function is defined in Django.

    `functools.wraps()` copies names, but not the globals of the function.
    """
    module: object = getattr(function, "__globals__", {}).get("__name__", "")
    return isinstance(module, str) and module.startswith("django.")
