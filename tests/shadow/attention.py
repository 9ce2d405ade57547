"""When the hooks look away: inside of a step or an ending that they are watching already, and while adj is asked."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager


class _Attention(threading.local):
    """How many blocks of this thread ask the hooks to look away."""

    blocks = 0


_attention = _Attention()


def is_attentive() -> bool:
    """Whether what this thread does now is the tests' doing."""
    return _attention.blocks == 0


@contextmanager
def looking_away() -> Generator[None]:
    """A block whose steps and queries belong to something that is watched already."""
    _attention.blocks += 1
    try:
        yield
    finally:
        _attention.blocks -= 1


@contextmanager
def attentive_again() -> Generator[None]:
    """A block within one that looks away, whose queries are questions of their own."""
    before, _attention.blocks = _attention.blocks, 0
    try:
        yield
    finally:
        _attention.blocks = before


@contextmanager
def in_the_shadow() -> Generator[None]:
    """A block that asks adj, or compares: no hook looks, and no warning is told twice."""
    with looking_away(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
