"""Detect in mypy's daemon that the source of a model has changed since Django loaded it.

Models are loaded once per process: at every run of `mypy`, and at the start of `dmypy`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

STALE = 'the models have changed since dmypy loaded them; run "dmypy restart" to check queries against the new ones'


class Sources:
    """Hashes of the files with models, from when Django loaded them."""

    def __init__(self, models: Iterable[type[Any]]) -> None:
        modules = {model.__module__ for model in models}
        self._before: Mapping[str, str] = {module: _hash_of(module) for module in modules}

    def has_changed(self, module: str) -> bool:
        """Return whether the file of a module has changed."""
        return module in self._before and self._before[module] != _hash_of(module)


def _hash_of(module: str) -> str:
    loaded = sys.modules.get(module)
    path = Path(getattr(loaded, "__file__", None) or "")
    return hashlib.blake2b(path.read_bytes()).hexdigest() if path.is_file() else ""
