"""Whether the sources of models are still what Django has loaded: in mypy's daemon they may have changed since.

The models live as long as the process. A run of `mypy` loads them anew; `dmypy` keeps those of its start.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

STALE = 'the models have changed since dmypy loaded them; run "dmypy restart" to check queries against the new ones'


class Sources:
    """What the files of models contained when Django loaded them."""

    def __init__(self, models: Iterable[type[Any]]) -> None:
        modules = {model.__module__ for model in models}
        self._before: Mapping[str, str] = {module: _hash_of(module) for module in modules}

    def has_changed(self, module: str) -> bool:
        """Whether the file of a module contains something else now."""
        return module in self._before and self._before[module] != _hash_of(module)


def _hash_of(module: str) -> str:
    loaded = sys.modules.get(module)
    path = Path(getattr(loaded, "__file__", None) or "")
    return hashlib.blake2b(path.read_bytes()).hexdigest() if path.is_file() else ""
