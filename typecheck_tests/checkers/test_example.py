"""The example project passes with its stubs, which are in the repository, as it does without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from typecheck_tests.checkers.checking import ROOT, errors
from typecheck_tests.checkers.differences import NEW_ERRORS

_PYPROJECT = f"""\
[tool.pyright]
extraPaths = ["{ROOT.as_posix()}"]
exclude = ["typings"]

[tool.ty.environment]
extra-paths = ["typings", "{ROOT.as_posix()}"]

[tool.ty.src]
exclude = ["typings"]

[tool.pyrefly]
search-path = ["typings", ".", "{ROOT.as_posix()}"]
project-excludes = ["typings/**"]
"""


@pytest.mark.parametrize("checker", ["pyright", "ty", "pyrefly"])
def test_the_example_passes_as_it_does_without_stubs(checker: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples/geography", tmp_path, dirs_exist_ok=True)
    (tmp_path / "pyproject.toml").write_text(_PYPROJECT, encoding="utf-8")
    (tmp_path / "typings").mkdir()
    lines = (tmp_path / "tour/examples.py").read_text(encoding="utf-8").splitlines()
    before = errors(checker, tmp_path, "tour/examples.py")
    shutil.copytree(ROOT / "stubs/geography", tmp_path / "typings", dirs_exist_ok=True)
    after = errors(checker, tmp_path, "tour/examples.py")
    new = [lines[number - 1].strip() for number in sorted({*after} - {*before})]
    assert new == [each.line for each in NEW_ERRORS if each.checker == checker], after
