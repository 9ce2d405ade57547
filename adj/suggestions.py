"""The ends of messages about an unknown name: the most similar choice, and the choices."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

# A message lists up to this many choices in full; of more, it lists the nearest ones and the number of the others.
_MOST_CHOICES = 8
_NEAREST_CHOICES = 5


def nearest(name: object, choices: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the most similar choice, if one is similar."""
    near = difflib.get_close_matches(name, list(choices), n=1) if isinstance(name, str) else []
    return f'; did you mean "{near[0]}"?' if near else "."


def listed(name: str, choices: Sequence[str]) -> str:
    """The sentence that lists the choices, with a space before it; empty without choices."""
    if not choices:
        return ""
    if len(choices) <= _MOST_CHOICES:
        return f" Choices are: {', '.join(choices)}."
    shown = difflib.get_close_matches(name, choices, n=_NEAREST_CHOICES, cutoff=0.0)
    return f" Choices are: {', '.join(shown)}, and {len(choices) - len(shown)} more."
