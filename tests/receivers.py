"""Receivers that listen to one of Django's signals for the length of a block."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from django.dispatch import Signal


@contextmanager
def receiving(signal: Signal, *receivers: Callable[..., Any], sender: Any = None) -> Generator[None]:
    """Let receivers know of a signal, in their order; of one sender's, if it is given."""
    for receiver in receivers:
        signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        for receiver in receivers:
            signal.disconnect(receiver, sender=sender)
