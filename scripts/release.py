"""`python -m scripts.release VERSION`: check, build and tag a release. docs/contributing/release.md has the whole way.

The program writes the version to the changelog and to `adj/__init__.py`, builds and checks the distributions, and asks
before it commits and tags. Nothing is pushed or uploaded. If a step fails or the answer is no, both files are restored.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

ROOT: Final = Path(__file__).resolve().parents[1]
BRANCH: Final = "main"
PLACEHOLDER: Final = "https://example.org"

CHANGELOG: Final = "CHANGELOG.md"
VERSION_FILE: Final = "adj/__init__.py"

_UNRELEASED: Final = re.compile(r"^## Unreleased\n(?P<changes>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_VERSION: Final = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """A version that is to be released from a checkout."""

    root: Path
    version: str
    day: date

    @property
    def tag(self) -> str:
        """The name of the tag, which the links on PyPI contain."""
        return f"v{self.version}"

    @property
    def changes(self) -> str:
        """The changelog's unreleased section, without its heading; empty once `write()` has moved it."""
        found = _UNRELEASED.search((self.root / CHANGELOG).read_text(encoding="utf-8"))
        return found["changes"].strip() if found else ""

    def problems(self) -> Iterator[str]:
        """What has to be put right before this version can be released."""
        if problem := self._problem_of_the_version():
            yield problem
        if (branch := self._git("branch", "--show-current")) != BRANCH:
            yield f"The branch is {branch!r}; releases are made from {BRANCH!r}."
        if self._git("status", "--porcelain"):
            yield "There are uncommitted changes."
        if self._git("tag", "--list", self.tag):
            yield f"The tag {self.tag} exists."
        if not self.changes:
            yield f'{CHANGELOG} has nothing under "Unreleased".'
        if PLACEHOLDER in (self.root / "pyproject.toml").read_text(encoding="utf-8"):
            yield f"pyproject.toml has addresses at {PLACEHOLDER}; replace them by those of the project."

    def write(self) -> None:
        """Write the version to the changelog and the package."""
        heading = f"## Unreleased\n\n## {self.version} - {self.day:%Y-%m-%d}\n"
        self._substitute(CHANGELOG, re.compile(r"^## Unreleased\n", re.MULTILINE), heading)
        self._substitute(VERSION_FILE, _VERSION, f'__version__ = "{self.version}"')

    def build(self) -> list[Path]:
        """Build the sdist and the wheel into `dist/`, and let twine check them. Raises `CalledProcessError`."""
        folder = self.root / "dist"
        shutil.rmtree(folder, ignore_errors=True)
        self._python("build", "--outdir", str(folder), str(self.root))
        built = sorted(folder.iterdir())
        self._python("twine", "check", "--strict", *map(str, built))
        return built

    def commit_and_tag(self, changes: str) -> None:
        """Commit the two files, and tag the commit with the changes in its message."""
        self._git("commit", "--quiet", "--message", f"Release {self.version}", CHANGELOG, VERSION_FILE)
        # Headings begin with "#", which git would take for comments.
        message = f"adj {self.version}\n\n{changes}"
        self._git("tag", "--annotate", self.tag, "--cleanup=whitespace", "--message", message)

    def restore(self) -> None:
        """Undo `write()`, if nothing was committed."""
        self._git("restore", CHANGELOG, VERSION_FILE)

    def _problem_of_the_version(self) -> str | None:
        try:
            version = Version(self.version)
        except InvalidVersion:
            return f'"{self.version}" is not a version.'
        current = _VERSION.findall((self.root / VERSION_FILE).read_text(encoding="utf-8"))[0]
        if version < Version(current):
            return f"{self.version} is older than {current}."
        return None

    def _substitute(self, name: str, pattern: re.Pattern[str], replacement: str) -> None:
        file = self.root / name
        file.write_text(pattern.sub(replacement, file.read_text(encoding="utf-8"), count=1), encoding="utf-8")

    def _git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def _python(self, module: str, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", module, *arguments], cwd=self.root, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare the release that the arguments name, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.release", description="Check, build and tag a release.")
    parser.add_argument("version", help="for example 1.2.0")
    parser.add_argument("--dry-run", action="store_true", help="check and build, but do not commit or tag")
    options = parser.parse_args(arguments)
    release = Release(ROOT, options.version, datetime.now(UTC).date())
    if problems := list(release.problems()):
        print(f"adj {release.version} cannot be released:", *problems, sep="\n- ", file=sys.stderr)
        return 1
    changes = release.changes
    try:
        release.write()
        built = release.build()
        print(f"\nadj {release.version}", changes, *(f"dist/{path.name}" for path in built), sep="\n\n")
        if options.dry_run:
            print(f"Dry run: {release.tag} was not tagged.")
            return 0
        return tag_if_confirmed(release, changes)
    finally:
        release.restore()


def tag_if_confirmed(release: Release, changes: str) -> int:
    """Commit and tag the written release if the answer is yes, and return the exit status."""
    if input(f"Commit and tag {release.tag}? [y/N] ").strip().lower() not in {"y", "yes"}:
        print("Nothing was committed or tagged.")
        return 1
    release.commit_and_tag(changes)
    print(f"Tagged. To publish:\n  git push origin {BRANCH} {release.tag}\n  python -m twine upload dist/*")
    return 0


if __name__ == "__main__":
    sys.exit(main())
