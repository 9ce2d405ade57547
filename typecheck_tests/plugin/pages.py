"""Pages of the documentation as modules that mypy checks: what a page says that mypy reveals is what it reveals.

Every block of Python is code of the page's module. One that only imports and defines stands as it is; another one is
the body of a coroutine, so that it may await. Lines keep their numbers. The marks are those of the cases.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from typecheck_tests.plugin.checked import ROOT

PAGES = [
    page for page in sorted((ROOT / "docs" / "reference").glob("mypy-*.md")) if "```python" in page.read_text("utf-8")
]
_BEGIN, _END = "```python", "```"
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def module_of(page: Path) -> str:
    """The code of a page."""
    return "\n".join(_lines(page.read_text(encoding="utf-8").splitlines())) + "\n"


def _lines(page: list[str]) -> Iterator[str]:
    number = 0
    while number < len(page):
        if page[number] != _BEGIN:
            yield ""
            number += 1
            continue
        end = page.index(_END, number)
        yield from _block(page[number + 1 : end], number + 1)
        yield ""
        number = end + 1


def _block(code: list[str], number: int) -> Iterator[str]:
    """A block with the line of its fence, which is the head of its coroutine."""
    is_module = all(_is_definition(statement) for statement in _statements("\n".join(code)))
    yield "" if is_module else f"async def block_{number}() -> None:"
    yield from code if is_module else (f"    {line}" if line else "" for line in code)


def _is_definition(statement: ast.stmt) -> bool:
    """Whether a statement imports or defines; so does `Listed: TypeAlias = ...`."""
    is_alias = isinstance(statement, ast.AnnAssign) and ast.unparse(statement.annotation) == "TypeAlias"
    return is_alias or isinstance(statement, _DEFINITIONS)


def _statements(code: str) -> list[ast.stmt]:
    tree: ast.Module = compile(code, "page", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return tree.body
