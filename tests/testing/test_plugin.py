"""The plugin of pytest: what it does for projects of pytest-django, and that it does nothing elsewhere."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from tests.testing.running import run, run_pytest

SETTINGS = ["--ds=settings", "-q", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function"]


@pytest.mark.parametrize("processes", ["0", "2"])
def test_asyncio_and_anyio_run_in_the_transaction_of_the_test(
    project: Path, variables: dict[str, str], processes: str
) -> None:
    arguments = [*SETTINGS, f"--numprocesses={processes}", "case_pytest.py"]
    assert_passed(run_pytest(project, arguments, variables), 15)


@pytest.mark.parametrize("variables", [("PostgreSQL", "psycopg")], indirect=True, ids=["PostgreSQL"])
def test_the_sandbox_is_on_every_loop_of_the_test(project: Path, variables: dict[str, str]) -> None:
    assert_passed(run_pytest(project, [*SETTINGS, "case_sandbox.py", "case_pytest.py"], variables), 27)


@pytest.mark.parametrize("variables", [("SQLite", "threads")], indirect=True, ids=["SQLite"])
def test_the_sandbox_says_that_it_needs_postgresql(project: Path, variables: dict[str, str]) -> None:
    ran = run_pytest(project, [*SETTINGS, "case_sandbox.py::test_tasks_take_turns"], variables)
    assert ran.returncode == 1
    assert "native_sandbox() and adj_db require PostgreSQL in DATABASES" in ran.stdout


@pytest.mark.parametrize("variables", [("SQLite", "threads")], indirect=True, ids=["SQLite"])
def test_a_plan_that_differs_from_django_raises_in_tests(project: Path, variables: dict[str, str]) -> None:
    arguments = [*SETTINGS, "case_verifying.py"]
    assert_passed(run_pytest(project, arguments, {**variables, "PROJECT_VERIFY": "1"}), 1)
    # Without `ADJ_VERIFY`, nothing is compared after probation.
    assert "AssertionError: PlanMismatch not raised" in run_pytest(project, arguments, variables).stdout


def test_without_django_the_plugin_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        textwrap.dedent(
            """
            import sys

            def test_nothing_was_imported(request):
                assert request.config.pluginmanager.has_plugin("adj")
                assert not [name for name in sys.modules if name == "adj" or name.startswith("adj.")]
            """
        )
    )
    assert_passed(run_pytest(tmp_path, ["-q", "-p", "no:django", "-p", "no:asyncio"], {}), 1)


def test_the_plugin_is_light() -> None:
    code = (
        "import sys, adj_pytest; "
        "sys.exit(any(name.split('.')[0] in ('adj', 'django', 'asgiref') for name in sys.modules))"
    )
    assert run(Path.cwd(), ["-c", code], {}).returncode == 0


def assert_passed(ran: object, tests: int) -> None:
    """Every test has passed, and none has warned."""
    stdout, stderr, code = (getattr(ran, name) for name in ("stdout", "stderr", "returncode"))
    assert code == 0, stdout + stderr
    assert re.search(rf"^{tests} passed in ", stdout, flags=re.MULTILINE), stdout
