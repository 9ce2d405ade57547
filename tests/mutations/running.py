"""Runs tests on mutants, each in a new process that starts with Django and pytest loaded, but not adj."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.mutations.mutants import Mutant, source_of

SECONDS: Final = 900
"""How long the tests of one mutant may take; one that takes longer has been noticed."""

TESTS: Final = {
    "keys": [
        *("tests/unit/test_key_parts.py", "tests/unit/test_key_fields.py", "tests/unit/test_keys.py"),
        "tests/parity/test_project_code.py",
    ],
    "structures": ["tests/unit/test_key_parts.py", "tests/unit/test_key_fields.py", "tests/unit/test_keys.py"],
    "checks": [
        *("tests/unit/test_checks.py", "tests/unit/test_key_parts.py", "tests/unit/test_slots.py"),
        *("tests/unit/test_keys.py", "tests/unit/test_key_fields.py", "tests/parity/test_keys_of_plans.py"),
        *("tests/parity/test_proof.py", "tests/parity/test_hostile.py", "tests/parity/test_project_code.py"),
        "tests/parity/test_replaced_code.py",
    ],
    "guards": [
        *("tests/unit/test_checks.py", "tests/unit/test_slots.py", "tests/unit/test_key_parts.py"),
        *("tests/unit/test_keys.py", "tests/parity/test_keys_of_plans.py", "tests/parity/test_proof.py"),
    ],
    "proof": [
        *("tests/unit/test_trust.py", "tests/unit/test_checks.py", "tests/parity/test_proof.py"),
        *("tests/parity/test_keys_of_plans.py", "tests/writes/test_plans.py"),
    ],
    "lists": [
        *("tests/unit/test_checks.py", "tests/unit/test_slots.py", "tests/unit/test_keys.py"),
        *("tests/parity/test_keys_of_plans.py", "tests/parity/test_proof.py", "tests/writes/test_plans.py"),
    ],
    "code": [
        *("tests/parity/test_replaced_code.py", "tests/unit/test_operands.py", "tests/unit/test_false_refusals.py"),
        *("tests/unit/test_query.py", "tests/unit/test_growth.py", "tests/parity/test_project_code.py"),
        *("tests/parity/test_models_in_context.py", "tests/parity/test_names.py"),
    ],
}
"""Which tests have to notice the mutants of a group, the likeliest first."""

_COPIED = ("adj", "tests", "adj_pytest.py", "pyproject.toml")
# What takes time to import, and knows nothing of adj or of the settings.
_LOADED = (
    *("pytest", "_pytest.assertion.rewrite", "asgiref.sync", "django.db.models", "django.test"),
    *("django.db.backends.sqlite3.base", "django.contrib.postgres.aggregates", "psycopg", "pymysql"),
)


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the test that noticed it, none for a survivor."""

    mutant: Mutant
    noticed_by: str | None
    seconds: float


def load() -> None:
    """Import what every run needs, once."""
    for name in _LOADED:
        # What is not installed, the tests do without.
        with suppress(ImportError):
            importlib.import_module(name)
    mine = [name for name in sys.modules if name.split(".")[0] in {"adj", "adj_pytest"}]
    if mine:
        raise RuntimeError(f"adj is loaded already: {mine}")


@contextmanager
def copied_tree(root: Path) -> Iterator[Path]:
    """A copy of what the tests need, for one mutant after another."""
    with TemporaryDirectory(prefix="adj-mutations-") as folder:
        tree = Path(folder)
        for name in _COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(root / name, tree / name)
        yield tree


def judge(mutant: Mutant, tree: Path) -> Verdict:
    """Run the tests on a mutant in a copy of the tree, which is as before afterwards."""
    path = source_of(tree, mutant.module)
    before = path.read_text()
    start = time.monotonic()
    path.write_text(mutant.source)
    try:
        first, *others = [name for name in TESTS[mutant.group] if (tree / name).exists()]
        # By itself, since pytest collects all that it is given before it runs the first.
        noticed_by = run_tests(tree, [first]) or run_tests(tree, others)
    finally:
        path.write_text(before)
    return Verdict(mutant, noticed_by, time.monotonic() - start)


def run_tests(tree: Path, files: Sequence[str]) -> str | None:
    """Run tests until one fails; return which, or None if all pass."""
    output = tree / "output.txt"
    # A fork and not a new process: Django and pytest are loaded.
    child = os.fork()
    if child == 0:
        _run_in_child(tree, [name for name in files if (tree / name).exists()], output)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return None
    if code < 0:
        return f"signal {-code}"
    text = output.read_text(errors="replace")
    failed = [line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0].split(" ", 1)[1] if failed else f"exit status {code}:\n{text[-2_000:]}"


def _run_in_child(tree: Path, files: list[str], output: Path) -> None:
    """Never returns."""
    code = 70
    try:
        signal.alarm(SECONDS)
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree)
        # The tests' settings make a folder per process, and Python keeps modules by the name they were loaded under.
        for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
            del sys.modules[name]
        sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in {"", str(Path.cwd())})]
        with output.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        import pytest

        options = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"]
        code = int(pytest.main([*options, *files]))
    except BaseException:  # noqa: BLE001  # the parent reads it in the output
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)
