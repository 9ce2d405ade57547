"""Words for messages: types as users write them, and similar names.

Private API of mypy used here: `mypy.messages` (`format_type`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import SequenceMatcher, get_close_matches
from typing import Final

from mypy.messages import format_type
from mypy.types import Type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.generic import bare

_MANY: Final = 5
"""The most names that a message lists."""


def type_text(api: Api, typ: Type) -> str:
    """Return a type in quotes, as in mypy's own messages."""
    return format_type(bare(typ), api.options)


def suggestion(name: str, choices: Iterable[str], listed: Collection[str] | None = None) -> str:
    """Return the end of a message about an unknown name: similar names, or the nearest choices.

    `listed` are the only choices to list, if these are not all.
    """
    names = sorted(set(choices))
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(f'"{near}"' for near in close) + "?"
    shown = names if listed is None else [choice for choice in names if choice in listed]
    nearest = sorted(shown, key=lambda choice: -SequenceMatcher(None, choice, name).ratio())[:_MANY]
    more = ", ..." if len(shown) > _MANY else ""
    return f" (choices are: {', '.join(nearest)}{more})" if nearest else ""
