"""The command `stubs`, as `manage.py adj stubs` and `python -m adj stubs` have it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adj.stubgen.configure import configure, described
from adj.stubgen.options import InvalidOptions, StubOptions, read_options
from adj.stubgen.package import package_of
from adj.stubgen.stale import recorded_fingerprint
from adj.stubgen.watch import watch as watch_sources
from adj.stubgen.writing import differences, write

SUMMARY = "generate types of the project's models for pyright, Pylance, ty, pyrefly and other type checkers"

Print = Callable[[str], Any]


class CommandFailed(Exception):  # named as the outcome
    """The command stops with this message and with exit code 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 and name the changes if the stubs are stale"
    )
    modes.add_argument(
        "--configure", action="store_true", help="also add the type checkers' settings to pyproject.toml"
    )
    modes.add_argument("--watch", action="store_true", help="write the stubs again whenever a source changes")


@dataclass(frozen=True, slots=True)
class StubsCommand:
    """One run of the command in a project folder, which prints lines with `show`."""

    start: Path
    show: Print

    def run(self, *, check: bool, configure: bool, watch: bool) -> None:
        """Run the command. Raises `CommandFailed`."""
        if watch:
            watch_sources(self._options().source_folders)
        elif check:
            self._check()
        else:
            self._write()
            self._show_settings(add=configure)

    def refresh(self) -> None:
        """Write the stubs again, if the project has some. Raises `CommandFailed`."""
        if recorded_fingerprint(self._options()) is not None:
            self._write()

    def _options(self) -> StubOptions:
        try:
            return read_options(self.start)
        except InvalidOptions as error:
            raise CommandFailed(str(error)) from None

    def _write(self) -> None:
        options = self._options()
        try:
            files = package_of(options)
            changed = write(options.folder, files)
        except (LookupError, InvalidOptions) as error:
            raise CommandFailed(str(error)) from None
        for each in changed:
            self.show(str(each) if each.new is None else f"wrote {each.path}")
        state = f"{len(changed)} changed" if changed else "none changed"
        self.show(f"{options.folder}: {len(files)} files, {state}")

    def _check(self) -> None:
        options = self._options()
        try:
            found = differences(options.folder, package_of(options))
        except (LookupError, InvalidOptions) as error:
            raise CommandFailed(str(error)) from None
        for each in found:
            self.show(str(each))
        if found:
            raise CommandFailed("The stubs are out of date. Run `manage.py adj stubs`.")
        self.show(f"{options.folder} is up to date")

    def _show_settings(self, *, add: bool) -> None:
        options = self._options()
        for line in configure(options) if add else described(options):
            self.show(line)
