"""The release script, in a clone of this repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from repository_tests.workflows import ROOT
from scripts.release import Release, tag_if_confirmed

VERSION = "98.0.0"


@dataclass(frozen=True, slots=True)
class Clone:
    """A repository with a copy of the work tree."""

    folder: Path

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=adj", "-c", "user.email=adj@example.org")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        self.git("commit", "--all", "--quiet", "--message", "A change")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def release(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scripts.release", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A repository that can be released: its addresses are not placeholders, and its changelog has a change."""
    original = Clone(tmp_path_factory.mktemp("original"))
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in files:
        if (ROOT / name).is_file():
            (original.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, original.folder / name)
    project = original.read("pyproject.toml").replace("https://example.org", "https://adj.invalid")
    (original.folder / "pyproject.toml").write_text(project, encoding="utf-8")
    (original.folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    original.git("init", "--quiet", "--initial-branch=main")
    original.git("add", "--all")
    original.git("commit", "--quiet", "--message", "The work tree")
    return original


@pytest.fixture
def clone(original: Clone, tmp_path: Path) -> Clone:
    """A clone for one test."""
    clone = Clone(tmp_path / "clone")
    original.git("clone", "--quiet", ".", str(clone.folder))
    clone.git("config", "user.name", "adj")
    clone.git("config", "user.email", "adj@example.org")
    return clone


CHANGELOG = """# Changelog

## Unreleased

### Added

- A method.

## 0.0.1 - 2026-01-01

- The beginning.
"""


def test_a_dry_run_builds_and_changes_nothing(clone: Clone) -> None:
    ended = clone.release(VERSION, "--dry-run")
    assert ended.returncode == 0, ended.stderr
    assert "- A method." in ended.stdout
    assert "- The beginning." not in ended.stdout
    built = {path.name for path in (clone.folder / "dist").iterdir()}
    assert built == {f"adj-{VERSION}.tar.gz", f"adj-{VERSION}-py3-none-any.whl"}
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("tag") == ""


def test_without_a_yes_nothing_is_tagged(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    release = Release(clone.folder, VERSION, date(2027, 1, 31))
    monkeypatch.setattr(
        "builtins.input", lambda question: "" if question == f"Commit and tag v{VERSION}? [y/N] " else "y"
    )
    changes = release.changes
    release.write()
    assert tag_if_confirmed(release, changes) == 1
    assert clone.git("tag") == ""
    assert clone.git("log", "-1", "--format=%s") == "The work tree"
    release.restore()
    assert clone.git("status", "--porcelain") == ""


def test_after_a_yes_the_version_is_committed_and_tagged(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    release = Release(clone.folder, VERSION, date(2027, 1, 31))
    monkeypatch.setattr("builtins.input", lambda question: "y")
    changes = release.changes
    release.write()
    assert tag_if_confirmed(release, changes) == 0
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("tag", "--list", "--format=%(contents)").strip() == f"adj {VERSION}\n\n### Added\n\n- A method."
    assert clone.git("log", "-1", "--format=%s") == f"Release {VERSION}"
    assert f'__version__ = "{VERSION}"' in clone.read("adj/__init__.py")
    assert f"## Unreleased\n\n## {VERSION} - 2027-01-31\n\n### Added\n\n- A method.\n" in clone.read("CHANGELOG.md")


@pytest.mark.parametrize(
    ("version", "problem"),
    [("0.0.1", "0.0.1 is older than"), ("one", '"one" is not a version.')],
)
def test_a_version_that_cannot_be_is_refused(clone: Clone, version: str, problem: str) -> None:
    assert_refused(clone, problem, version)


def test_uncommitted_changes_are_refused(clone: Clone) -> None:
    (clone.folder / "README.md").write_text("changed", encoding="utf-8")
    assert_refused(clone, "There are uncommitted changes.")


def test_another_branch_is_refused(clone: Clone) -> None:
    clone.git("switch", "--quiet", "--create", "topic")
    assert_refused(clone, "The branch is 'topic'; releases are made from 'main'.")


def test_a_tag_that_exists_is_refused(clone: Clone) -> None:
    clone.git("tag", f"v{VERSION}")
    assert_refused(clone, f"The tag v{VERSION} exists.")


def test_a_release_without_changes_is_refused(clone: Clone) -> None:
    clone.commit("CHANGELOG.md", CHANGELOG.replace("### Added\n\n- A method.\n\n", ""))
    assert_refused(clone, 'CHANGELOG.md has nothing under "Unreleased".')


def test_placeholders_for_addresses_are_refused(clone: Clone) -> None:
    clone.commit("pyproject.toml", (ROOT / "pyproject.toml").read_text(encoding="utf-8") + "# https://example.org\n")
    assert_refused(clone, "pyproject.toml has addresses at https://example.org")


def assert_refused(clone: Clone, problem: str, version: str = VERSION) -> None:
    tags, status = clone.git("tag"), clone.git("status", "--porcelain")
    refused = clone.release(version)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"adj {version} cannot be released:\n- {problem}")
    assert (clone.git("tag"), clone.git("status", "--porcelain")) == (tags, status)
