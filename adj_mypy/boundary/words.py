"""Words for messages: types as users write them, and similar names.

Private API of mypy used here: `mypy.messages` (`format_type`).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from mypy.messages import format_type
from mypy.types import Type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.generic import bare

_MANY: Final = 12
"""The most names that a message lists."""


def type_text(api: Api, typ: Type) -> str:
    """Return a type in quotes, as in mypy's own messages."""
    return format_type(bare(typ), api.options)


def suggestion(name: str, choices: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: similar names, or the choices."""
    names = sorted(set(choices))
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(f'"{near}"' for near in close) + "?"
    more = ", ..." if len(names) > _MANY else ""
    return f" (choices are: {', '.join(names[:_MANY])}{more})" if names else ""
