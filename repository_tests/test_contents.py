"""What the distributions contain and declare."""

from __future__ import annotations

import email
import email.message
import re
import subprocess
import sys
import tarfile
from pathlib import PurePosixPath
from zipfile import ZipFile

import pytest

from repository_tests.conftest import ROOT, Distributions

PACKAGED = ("adj", "adj_mypy", "adj_pytest.py", "examples/geography")


@pytest.fixture(scope="module")
def wheel_names(distributions: Distributions) -> set[str]:
    with ZipFile(distributions.wheel) as wheel:
        return {name for name in wheel.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def metadata(distributions: Distributions) -> email.message.Message:
    with ZipFile(distributions.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_string(wheel.read(name).decode())


def test_the_wheel_contains_the_packages_and_nothing_else(wheel_names: set[str]) -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGED]
    sources = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    expected = {re.sub("^examples/", "adj/examples/", name) for name in sources if (ROOT / name).exists()}
    assert {name for name in wheel_names if ".dist-info/" not in name} == expected


@pytest.mark.parametrize("package", ["adj", "adj_mypy"])
def test_the_packages_are_marked_as_typed(wheel_names: set[str], package: str) -> None:
    assert f"{package}/py.typed" in wheel_names


def test_the_wheel_brings_the_license(wheel_names: set[str]) -> None:
    assert [PurePosixPath(name).name for name in wheel_names if "/licenses/" in name] == ["LICENSE"]


def test_the_sdist_contains_the_tests_and_the_documentation(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as sdist:
        folders = {PurePosixPath(name).parts[1] for name in sdist.getnames()}
    assert {"adj", "adj_mypy", "adj_pytest.py", "docs", "tests", "LICENSE", "README.md", "pyproject.toml"} <= folders
    assert not {".git", ".venv", ".nox", "build", "dist"} & folders


def test_twine_accepts_the_distributions(distributions: Distributions) -> None:
    command = [
        sys.executable,
        "-m",
        "twine",
        "check",
        "--strict",
        *map(str, (distributions.wheel, distributions.sdist)),
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_links_of_the_readme_work_on_pypi(metadata: email.message.Message) -> None:
    readme = str(metadata.get_payload())
    targets = re.findall(r"\]\(([^)]+)\)", readme)
    assert targets
    source = f"{project_url(metadata, 'Source')}/blob/v{metadata['Version']}/"
    for target in targets:
        assert target.startswith("https://"), target
        path = target.removeprefix(source)
        assert path == target or (ROOT / path).exists(), target


@pytest.mark.parametrize("label", ["Documentation", "Source", "Issues", "Changelog"])
def test_the_addresses_of_the_project_are_declared(metadata: email.message.Message, label: str) -> None:
    assert project_url(metadata, label).startswith("https://")


def project_url(metadata: email.message.Message, label: str) -> str:
    urls = dict(str(line).split(", ", 1) for line in metadata.get_all("Project-URL", []))
    return urls[label]
