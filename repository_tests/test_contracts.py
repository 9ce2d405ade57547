"""The contracts about imports name every folder of the code, and no modules import each other in a circle."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).parents[1]


def folders() -> Iterator[tuple[str, set[str]]]:
    """The packages of the code, with the names of their modules and packages."""
    for package in ("adj", "adj_mypy"):
        for path in sorted((ROOT / package).rglob("__init__.py")):
            folder = path.parent
            names = {child.stem for child in folder.iterdir() if child.suffix == ".py"} - {"__init__"}
            names |= {child.name for child in folder.iterdir() if (child / "__init__.py").exists()}
            yield str(folder.relative_to(ROOT)).replace("/", "."), names


def test_every_folder_has_a_contract_about_its_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layered = {name for contract in contracts if contract.get("exhaustive") for name in contract["containers"]}
    # A folder with a single module needs no layers.
    assert {folder for folder, names in folders() if len(names) > 1} <= layered


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Also where a type checker alone follows the import."""
    packages = {folder for folder, _ in folders()}
    graph = grimp.build_graph("adj", "adj_mypy", exclude_type_checking_imports=False)
    imports = {
        module: graph.find_modules_directly_imported_by(module) - packages for module in graph.modules - packages
    }
    assert len(imports) > 200
    # Raises CycleError.
    TopologicalSorter(imports).prepare()
