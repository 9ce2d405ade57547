"""`async_to_sync()` in synchronous code that adj runs: asynchronous receivers of signals, and whatever else it calls.

Who runs such code says how a coroutine is called meanwhile. There is no other way in: asgiref looks for a loop, and
offers no choice of how to wait for it.

Private API used here: `AsyncToSync.__call__`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from asgiref.sync import AsyncToSync

Caller: TypeAlias = Callable[["AsyncToSync[..., Any]", Any, Any], Any]
"""Calls what `async_to_sync()` has wrapped, with its positional and keyword arguments, and waits for the result."""


class _Here(threading.local):
    caller: Caller | None = None


_here = _Here()

call_as_asgiref_does = AsyncToSync.__call__


def call_by(caller: Caller | None) -> Caller | None:
    """From now on a caller does the calls of this thread; returns the one before."""
    before, _here.caller = _here.caller, caller
    return before


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    caller = _here.caller
    return call_as_asgiref_does(self, *args, **kwargs) if caller is None else caller(self, args, kwargs)


AsyncToSync.__call__ = _call  # type: ignore[method-assign]
