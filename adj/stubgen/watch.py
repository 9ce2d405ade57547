"""Writes stubs again whenever a source changes: in a new process each time, which imports the changed models."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from django.utils.autoreload import get_child_arguments

from adj.stubgen.sources import python_files

_SECONDS_BETWEEN_LOOKS: Final = 0.5


def watch(folders: Iterable[Path]) -> None:
    """Run this process's command without `--watch`, now and after each change, until Ctrl-C."""
    command = [argument for argument in get_child_arguments() if argument != "--watch"]
    try:
        for _ in _changes([*folders]):
            # A source with a syntax error makes the command fail; the next change may correct it.
            subprocess.run(command, check=False)
    except KeyboardInterrupt:
        return


def _changes(folders: list[Path]) -> Iterator[None]:
    """Yield at once, and whenever a Python file was written, created or deleted."""
    seen: dict[Path, int] = {}
    while True:
        # Read before the command runs, so that a change during its run is not lost.
        now = {path: time_ns for path in python_files(folders) if (time_ns := _written(path)) is not None}
        if now != seen:
            seen = now
            yield
        else:
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _written(path: Path) -> int | None:
    """The time of the last change of a file; None if it has just been deleted."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
