"""The commands of GitHub's workflows, and those of the script that runs CI on one machine."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
WORKFLOWS: Final = ROOT / ".github" / "workflows"

_COMMAND: Final = re.compile(r"""(?<![\w-])(?:make|nox)(?: -s)? (?:"[^"]+"|[\w-]+)""")


def jobs_of(name: str) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow file, by name."""
    jobs: dict[str, dict[str, Any]] = yaml.safe_load((WORKFLOWS / name).read_text())["jobs"]
    return jobs


def workflow_commands(name: str) -> set[str]:
    """The commands of a workflow that run make or nox, as "make lint" or "nox -s oldest", for each of a matrix."""
    return {
        command
        for job in jobs_of(name).values()
        for step in job["steps"]
        for command in commands_in("\n".join(filled_in(step.get("run", ""), job)))
    }


def commands_in(script: str) -> set[str]:
    """The commands of a shell script that run make or nox; comments and printed texts are left out."""
    code = re.sub(r"^\s*(?:#|echo ).*$", "", script, flags=re.MULTILINE)
    return {command.replace('"', "") for command in _COMMAND.findall(code)}


def combinations(job: dict[str, Any]) -> list[dict[str, str]]:
    """The combinations of a job's matrix."""
    matrix: dict[str, Any] = dict(job.get("strategy", {}).get("matrix", {}))
    included: list[dict[str, str]] = matrix.pop("include", [])
    excluded: list[dict[str, str]] = matrix.pop("exclude", [])
    crossed = [dict(zip(matrix, values, strict=True)) for values in itertools.product(*matrix.values())]
    return [found for found in crossed if not any(part.items() <= found.items() for part in excluded)] + included


def filled_in(text: str, job: dict[str, Any]) -> list[str]:
    """The text with the values of each combination of the job's matrix."""
    return [_fill_in(text, combination) for combination in combinations(job)]


def _fill_in(text: str, combination: dict[str, str]) -> str:
    for key, value in combination.items():
        text = text.replace(f"${{{{ matrix.{key} }}}}", value)
    return text
