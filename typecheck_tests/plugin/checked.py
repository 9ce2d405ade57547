"""Runs mypy with the plugin over files, each configuration once for a run of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"

CONFIGURATION = """\
[mypy]
plugins = adj_mypy.plugin
strict = True
local_partial_types = True
enable_error_code = truthy-bool, ignore-without-code
show_error_codes = True
{mypy}
[mypy.plugins.django-stubs]
django_settings_module = {settings}
[mypy.plugins.adj]
debug = {debug}
{adj}
"""
SETTINGS = "typecheck_tests.plugin.settings"


def check(*paths: str, adj: str = "", mypy: str = "", debug: bool = False, settings: str = SETTINGS) -> str:
    """What mypy prints of files, given relative to the root of the project; `adj` and `mypy` are options.

    Sections may follow the options of adj.
    """
    return _verdict(*_checked(paths, adj, mypy, settings, debug=debug))


@cache
def _checked(paths: tuple[str, ...], adj: str, mypy: str, settings: str, *, debug: bool) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "mypy.ini"
        text = CONFIGURATION.format(mypy=mypy, adj=adj, settings=settings, debug=str(debug).lower())
        configuration.write_text(text, encoding="utf-8")
        options = ["--config-file", str(configuration), "--cache-dir", str(Path(directory) / "cache")]
        return _ended(ROOT, *options, *paths)


def run(*arguments: str, cwd: Path = ROOT, project: Path | None = None) -> str:
    """What mypy prints; `project` is where the settings are. Raises `AssertionError` when it ends without a verdict."""
    return _verdict(*_ended(cwd, *arguments, project=project))


def _verdict(status: int, output: str) -> str:
    assert status in {0, 1}, output
    assert "INTERNAL ERROR" not in output, output
    assert "adj's check was skipped here" not in output, output
    return output


def _ended(cwd: Path, *arguments: str, project: Path | None = None) -> tuple[int, str]:
    command = [sys.executable, "-m", "mypy", "--show-traceback", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project or cwd), str(ROOT)])}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    # mypy continues if it cannot read its configuration.
    assert ".ini: " not in result.stderr, result.stderr
    return result.returncode, result.stdout if result.returncode in {0, 1} else result.stdout + result.stderr
