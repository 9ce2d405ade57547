"""Rules about the source: what waits, and where Django's private names are used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import adj

PACKAGE = Path(adj.__file__).parent
PRIVATE_FOLDERS = ("statement", "compiler", "engines", "hydrate", "schema")
# What Django documents in spite of the underscore, and what Python does.
DOCUMENTED = {
    "_meta",
    "_state",
    "_default_manager",
    "_base_manager",
    "_get_running_loop",
    "_fields",
    "_getframe",
    "_make",
}


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((PACKAGE / folder).rglob("*.py"))]
    assert found
    return found


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", sources("statement", "compiler", "hydrate", "schema"), ids=named)
def test_what_decides_does_not_wait(path: Path) -> None:
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, waiting)]


def test_the_rule_recognizes_waiting_code() -> None:
    """A test of the test above."""
    waiting = [
        path for path in sources("engines") if any(isinstance(node, ast.Await) for node in ast.walk(tree_of(path)))
    ]
    assert waiting


def own_names() -> set[str]:
    """Every name that adj itself gives: functions, classes, attributes, slots."""
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name == "django_wrapper.py":
            # It declares private names of Django's class.
            continue
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    names.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                    names.add(name)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    names.add(name)
                case _:
                    continue
    return names


OWN = own_names()


def private_names(path: Path) -> Iterator[str]:
    """Names with an underscore that are read off objects of others: attributes, `getattr`, imports from Django."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Attribute(attr=name) if is_private(name):
                yield name
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]) if is_private(name):
                yield name
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("django"):
                yield from (alias.name for alias in names if is_private(alias.name))
            case _:
                continue


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in DOCUMENTED and name not in OWN


@pytest.mark.parametrize("path", sources(*PRIVATE_FOLDERS), ids=named)
def test_a_file_names_the_private_names_that_it_uses(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path)) or ""
    used = set(private_names(path))
    listed = re.split("Private (?:Django )?API used here:", docstring)[-1]
    assert not {name for name in used if name not in listed}


@pytest.mark.parametrize("path", sources(*PRIVATE_FOLDERS), ids=named)
def test_a_file_uses_the_private_names_that_it_lists(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path)) or ""
    listed = re.split("Private (?:Django )?API used here:", docstring)[-1]
    code = path.read_text().replace('"""' + docstring, "", 1)
    body = code[code.index("from __future__") :] if "from __future__" in code else code
    names = {name.rpartition(".")[2] for name in re.findall(r"`([\w.]+)`", listed)}
    assert not {name for name in names if re.fullmatch(r"_\w+", name) and name not in body}


def test_no_other_file_uses_a_private_name_of_djangos() -> None:
    outside = [
        path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in PRIVATE_FOLDERS
    ]
    assert outside
    assert not {named(path): used for path in outside if (used := set(private_names(path)))}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=named)
def test_the_first_line_of_a_file_says_its_job(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path)) or ""
    first = docstring.partition("\n\n")[0]
    assert first.endswith("."), first
