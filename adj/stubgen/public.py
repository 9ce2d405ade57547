"""The public names and the version of adj, read from its source, which imports everything and so cannot be imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

STUBBED = frozenset({"q", "related"})
"""The functions that the stubs declare themselves."""


def public_imports() -> Iterator[str]:
    """Yield the imports of `adj/__init__.py` as a stub exports them, without what the stubs declare."""
    for node in _module().body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("adj."):
            names = [alias.name for alias in node.names if alias.name not in STUBBED]
            if names:
                yield f"from {node.module} import {', '.join(f'{name} as {name}' for name in names)}"


def version() -> str:
    """Return the version of adj."""
    values = [node.value for node in _module().body if isinstance(node, ast.Assign) and _assigns_version(node)]
    return str(ast.literal_eval(values[0]))


def _assigns_version(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "__version__" for target in node.targets)


@cache
def _module() -> ast.Module:
    return ast.parse((Path(__file__).parents[1] / "__init__.py").read_text(encoding="utf-8"))
