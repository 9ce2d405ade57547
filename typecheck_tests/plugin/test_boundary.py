"""Only `adj_mypy/boundary/` uses private API of mypy and django-stubs, and each of its modules lists what it uses."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

import adj_mypy

PACKAGE: Final = Path(adj_mypy.__file__).parent
BOUNDARY: Final = PACKAGE / "boundary"
PUBLIC: Final = frozenset({"mypy.nodes", "mypy.types", "mypy.plugin", "mypy.options"})
"""What mypy documents for plugins, and what its types and syntax trees are made of."""

SOURCES: Final = sorted(PACKAGE.rglob("*.py"))
INSIDE: Final = [path for path in SOURCES if path.is_relative_to(BOUNDARY)]
OUTSIDE: Final = [path for path in SOURCES if not path.is_relative_to(BOUNDARY)]


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def private_imports(tree: ast.Module) -> Iterator[str]:
    """The modules of mypy and django-stubs that a module imports and plugins are not meant to use."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "mypy":
            yield from (f"mypy.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module.split(".")[0] in {"mypy", "mypy_django_plugin"} and node.module not in PUBLIC:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "mypy")


@pytest.mark.parametrize("path", OUTSIDE, ids=named)
def test_private_modules_are_not_imported_outside_the_boundary(path: Path) -> None:
    assert list(private_imports(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", OUTSIDE, ids=named)
def test_types_of_syntax_nodes_are_not_assigned_outside_the_boundary(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    targets = [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
    assert [target.lineno for target in targets if isinstance(target, ast.Attribute) and target.attr == "type"] == []


@pytest.mark.parametrize("path", INSIDE, ids=named)
def test_a_module_of_the_boundary_lists_the_private_modules_that_it_uses(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    listed = (ast.get_docstring(tree) or "").split("rivate API", 1)[-1]
    assert [module for module in private_imports(tree) if f"`{module}`" not in listed] == []


def test_the_boundary_uses_private_modules() -> None:
    """Without this the tests above would pass if they found nothing."""
    assert len({module for path in INSIDE for module in private_imports(ast.parse(path.read_text()))}) > 10


def extra_requirements() -> list[Requirement]:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(each) for each in project["optional-dependencies"]["mypy"]]


@pytest.mark.parametrize("requirement", extra_requirements(), ids=lambda requirement: requirement.name)
def test_versions_with_private_api_have_a_cap(requirement: Requirement) -> None:
    """Raise the cap together with the version that these tests run on."""
    operators = {specifier.operator for specifier in requirement.specifier}
    assert operators == {">=", "<"}
    assert version(requirement.name) in requirement.specifier
