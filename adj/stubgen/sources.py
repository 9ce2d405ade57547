"""The paths that a project's sources use, such as `author__country__name`, found in their text.

Every word with two underscores is a candidate; what is not a path of a model is ignored later. This finds keywords,
and names in strings, also where they are put together in dicts and lists.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_WORD: Final = re.compile(r"\b[A-Za-z]\w*?__\w+\b")
# Folders with code that is not the project's.
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


def used_paths(folders: Iterable[Path]) -> dict[str, list[str]]:
    """Return the candidates in the Python files of some folders, sorted, by their first name."""
    words: set[str] = set()
    for path in python_files(folders):
        words.update(_WORD.findall(path.read_text(encoding="utf-8", errors="replace")))
    grouped: dict[str, list[str]] = {}
    for word in sorted(words):
        grouped.setdefault(word.partition("__")[0], []).append(word)
    return grouped


def python_files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python files of some folders, without those of hidden folders, virtual environments and packages."""
    for top in folders:
        for folder, names, files in os.walk(top):
            names[:] = sorted(name for name in names if not _is_skipped(Path(folder, name)))
            yield from (Path(folder, name) for name in sorted(files) if name.endswith(".py"))


def _is_skipped(folder: Path) -> bool:
    """Whether a folder is hidden, or a virtual environment."""
    return folder.name in _SKIPPED or folder.name.startswith(".") or (folder / "pyvenv.cfg").is_file()
