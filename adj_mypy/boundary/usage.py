"""Exit for a configuration that the plugin cannot use.

Private API of mypy used here: `mypy.main` (`CapturableArgumentParser`).
"""

from __future__ import annotations

from typing import NoReturn


def exit_with_usage(message: str) -> NoReturn:
    """Exit as mypy does for an invalid configuration: status 2, and a message on stderr."""
    from mypy.main import CapturableArgumentParser  # slow to import, and only needed to exit

    CapturableArgumentParser(prog="(adj) mypy", usage="see the documentation of adj's plugin").error(message)
    raise AssertionError("the parser of arguments ends the program")


def is_before(plugins: list[str], first: str, second: str) -> bool:
    """Return whether one plugin comes before another in mypy's configuration."""
    names = [spec.partition(":")[0] for spec in plugins]
    return first in names and second in names and names.index(first) < names.index(second)
