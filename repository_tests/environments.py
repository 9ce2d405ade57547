"""Virtual environments that hold a wheel and its dependencies, and nothing of the developer's."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment without pip."""

    folder: Path

    @classmethod
    def with_installed(cls, folder: Path, *requirements: str) -> Environment:
        """Create an environment and install the requirements with the pip that runs these tests."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        environment = cls(folder)
        command = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--quiet"]
        subprocess.run([*command, "--disable-pip-version-check", *requirements], check=True)
        return environment

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / PROGRAMS / "python"

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python in a folder, without the variables through which a checkout could be imported."""
        hidden = ("PYTHON", "DJANGO_", "COV_", "COVERAGE_", "MYPY")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return subprocess.run(
            [self.python, *arguments], cwd=cwd, env=variables, capture_output=True, encoding="utf-8", check=False
        )
