"""Checkers with the generated stubs pass right code, and report mistakes but for the listed differences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from typecheck_tests.checkers.checking import HERE, ROOT, check, errors, make_folder
from typecheck_tests.checkers.differences import CHECKERS, DIFFERENCES, NEW_ERRORS, STRICT_ERRORS

_KINDS = {each.kind: each for each in DIFFERENCES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("checkers"))


@pytest.fixture(scope="module")
def folder_with_dicts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("dicts"), 'values = "dict"')


@pytest.mark.parametrize("checker", [checker for checker in CHECKERS if checker not in {"mypy", "zuban"}])
def test_right_code_passes(checker: str, folder: Path) -> None:
    assert errors(checker, folder, "right.py") == {}


def test_right_code_passes_in_zuban_with_rows_that_are_dicts(folder_with_dicts: Path) -> None:
    assert errors("zuban", folder_with_dicts, "right.py") == {}


@pytest.mark.parametrize("checker", CHECKERS)
def test_mistakes_are_reported(checker: str, folder: Path) -> None:
    expected = {number for number, kind in marks().items() if kind is None or checker not in _KINDS[kind].missed_by}
    found = errors(checker, folder, "mistakes.py")
    lines = (HERE / "mistakes.py").read_text(encoding="utf-8").splitlines()
    assert [lines[number - 1].strip() for number in sorted(expected ^ {*found})] == []


def marks() -> dict[int, str | None]:
    """The lines with a mistake, and the kind that some checkers miss."""
    found: dict[int, str | None] = {}
    for number, line in enumerate((HERE / "mistakes.py").read_text(encoding="utf-8").splitlines(), start=1):
        if mark := re.search(r"# wrong(?:: (.+))?$", line):
            found[number] = mark[1]
    return found


def test_every_kind_of_difference_has_a_mistake() -> None:
    assert len(marks()) >= 120
    assert {kind for kind in marks().values() if kind is not None} == {*_KINDS}


def test_pyright_may_be_strict(folder: Path) -> None:
    for name in ("right.py", "mistakes.py"):
        text = (
            (folder / name).read_text(encoding="utf-8").replace("from __future__", "# pyright: strict\nfrom __future__")
        )
        (folder / f"strict_{name}").write_text(text, encoding="utf-8")
    right = (folder / "strict_right.py").read_text(encoding="utf-8").splitlines()
    kinds = {each.kind for each in STRICT_ERRORS}
    permitted = {
        number: line.partition("# strict: ")[2] for number, line in enumerate(right, 1) if "# strict: " in line
    }
    assert {*permitted.values()} == kinds
    assert {*errors("pyright", folder, "strict_right.py")} == {*permitted}
    reported = {number - 1 for number in errors("pyright", folder, "strict_mistakes.py")}
    missed = {kind for number, kind in marks().items() if number not in reported}
    assert missed == {each.kind for each in DIFFERENCES if "pyright" in each.missed_by}


@pytest.mark.parametrize("file", ["right.py", "mistakes.py"])
def test_mypy_does_not_read_the_stubs(file: str, folder: Path) -> None:
    with_stubs = check("mypy", folder, file)
    (folder / "typings").rename(folder / "elsewhere")
    try:
        without = check("mypy", folder, file)
    finally:
        (folder / "elsewhere").rename(folder / "typings")
    assert "adj_mypy" not in with_stubs.stderr
    assert (with_stubs.stdout, with_stubs.returncode) == (without.stdout, without.returncode)


def test_the_stubs_have_no_errors_of_their_own(folder: Path) -> None:
    for path in sorted((folder / "typings").rglob("*.pyi")):
        assert ROOT.as_posix() not in path.read_text(encoding="utf-8")
    result = check("pyright", folder, "typings")
    assert result.returncode == 0, result.stdout[-3_000:]


def test_the_documentation_shows_every_difference() -> None:
    page = (ROOT / "docs/howto/editors.md").read_text(encoding="utf-8")
    rows = [f"| {each.kind} | {', '.join(each.missed_by)} | {each.reason} |" for each in DIFFERENCES]
    strict = [f"| {each.kind} | {each.reason} |" for each in STRICT_ERRORS]
    new = [f"| `{each.line}` | {each.checker} | {each.reason} |" for each in NEW_ERRORS]
    assert [row for row in (*rows, *strict, *new) if row not in page] == []
