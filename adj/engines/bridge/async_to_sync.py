"""`async_to_sync()` in synchronous code that adj runs, as for asynchronous receivers of signals.

asgiref looks for an event loop by itself and has no hook for another way to wait. So adj wraps `AsyncToSync.__call__`
when it first runs such code, and not before. Calls on threads that run no code for adj behave as always.

Private API used here: `AsyncToSync.__call__`, as asgiref 3.13 and later versions of asgiref 3 have it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

import asgiref
from asgiref.sync import AsyncToSync

Caller: TypeAlias = Callable[["AsyncToSync[..., Any]", Any, Any], Any]
"""Calls the coroutine function that `async_to_sync()` has wrapped, with its arguments, and waits for the result."""


class _Thread(threading.local):
    caller: Caller | None = None


_thread = _Thread()
_installing = threading.Lock()
_is_installed = False


def call_by(caller: Caller | None) -> Caller | None:
    """Let a caller make this thread's calls from now on; None for asgiref. Returns the previous caller."""
    if caller is not None and not _is_installed:
        _install()
    previous, _thread.caller = _thread.caller, caller
    return previous


def call_as_asgiref_does(wrapped: Any) -> Any:
    """Call what `async_to_sync()` has wrapped, without arguments, past the current caller."""
    previous = call_by(None)
    try:
        return wrapped()
    finally:
        call_by(previous)


def _install() -> None:
    """Wrap asgiref's method, once in a process. Raises `RuntimeError` unless asgiref is version 3."""
    global _is_installed  # noqa: PLW0603  # one method of one class
    with _installing:
        if _is_installed:
            return
        if not asgiref.__version__.startswith("3."):
            message = f"adj supports asgiref 3; version {asgiref.__version__} is installed."
            raise RuntimeError(message)
        original: Callable[..., Any] = AsyncToSync.__call__

        @wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            caller = _thread.caller
            return original(self, *args, **kwargs) if caller is None else caller(self, args, kwargs)

        AsyncToSync.__call__ = call  # type: ignore[method-assign]
        _is_installed = True
