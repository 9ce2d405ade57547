"""What a file of cases expects of mypy, line by line.

`# R: int` is the revealed type, `# E: message  [code]` an error, `# N: message` another note; `...` at the end of a
message leaves out the rest of it, and `...  [code]` all before the code. `# R[django-stubs>=6.1]: int` counts beside
these versions alone, where that package itself says another thing than before. A mark stands at the end of its line, or
alone on the lines below; a line without one has to be right. Names of models are written without their module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

_MARK = re.compile(r"#\s(?P<kind>[REN])(?:\[(?P<where>[^\]]+)\])?:\s(?P<text>.*?)\s*$")
_REVEALED = re.compile(r'^Revealed type is "(.*)"$')
_MODULES = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z]\w*|dict\b|list\b|tuple\b)")
_TYPED_DICT = re.compile(r"TypedDict\('?(?:Keys|Nothing|Needs)'?, ")
_COLUMNS = re.compile(r"(, )?'\.\w*'=: None")
_EXPLANATION = "adj: "
"""How the notes begin that say why the plugin fell back to a general type."""
REST = "..."
_CODE = "  ["


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One thing that mypy says, or should say: `kind` is R for a revealed type, E for an error, N for a note."""

    line: int
    kind: str
    text: str

    def fits(self, said: Message) -> bool:
        """Whether this, which is expected, is what was said."""
        if (self.line, self.kind) != (said.line, said.kind):
            return False
        begin, is_beginning, code = self.text.rpartition(REST)
        if not is_beginning or (code and not code.startswith(_CODE)):
            return self.text == said.text
        return said.text.startswith(begin.rstrip()) and said.text.endswith(code)


@dataclass(frozen=True, slots=True)
class Case:
    """A function of a file, and what is expected of its lines."""

    name: str
    first: int
    last: int
    expected: tuple[Message, ...]


def read_cases(path: Path) -> list[Case]:
    """The cases of a file: one for each function and each method at the top of it."""
    source = path.read_text(encoding="utf-8")
    expected = list(marks(source.splitlines()))
    return [
        Case(name, first, last, tuple(mark for mark in expected if first <= mark.line <= last))
        for name, first, last in _functions(ast.parse(source))
    ]


def _functions(module: ast.Module) -> Iterator[tuple[str, int, int]]:
    for node in module.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, first, node.end_lineno or node.lineno


def marks(lines: Iterable[str]) -> Iterator[Message]:
    """The marks of a source, each with the line of the code that it is about."""
    code = 0
    for number, line in enumerate(lines, start=1):
        before, _, _ = line.partition("#")
        if before.strip():
            code = number
        mark = _MARK.search(line)
        if mark and (mark["where"] is None or is_installed(mark["where"])):
            yield Message(code, mark["kind"], mark["text"])


def is_installed(requirement: str) -> bool:
    """Whether the version that is here of a package is one of those: `django-stubs>=6.1`."""
    needed = Requirement(requirement)
    return version(needed.name) in needed.specifier


def said(output: str) -> dict[str, list[Message]]:
    """What mypy printed, by the name of the file."""
    found: dict[str, list[Message]] = {}
    for path, line, severity, text in re.findall(r"^(.+?\.py):(\d+): (error|note): (.*)$", output, re.MULTILINE):
        if not text.startswith(_EXPLANATION):
            found.setdefault(path, []).append(_message(int(line), severity, text))
    return found


def _message(line: int, severity: str, text: str) -> Message:
    revealed = _REVEALED.match(text)
    if severity == "note" and revealed:
        return Message(line, "R", short(revealed[1]))
    return Message(line, "E" if severity == "error" else "N", short(text))


def short(text: str) -> str:
    """A type or message with names as the source has them, without the modules of classes; and rows as their states.

    `Book[Row[Has[TypedDict(Keys, {'author'=: ..., '.'=: None})]]]` is written `Book[TypedDict({'author'=: ...})]`.
    """
    return _states(_COLUMNS.sub("", _MODULES.sub("", text.replace("builtins.", ""))).replace("{, ", "{"))


def _states(text: str) -> str:
    """The text with the TypedDicts of rows alone, also of what `Loaded[...]` requires."""
    text = _TYPED_DICT.sub("TypedDict(", text)
    for begin, end in (("Row[Has[", "]]"), ("def () -> ", "")):
        while (at := text.find(begin + "TypedDict(")) >= 0:
            start = at + len(begin)
            stop = _end(text, start + len("TypedDict"))
            text = text[:at] + text[start:stop] + text[stop + len(end) :]
    return text


def _end(text: str, start: int) -> int:
    """Where the brackets that open here are closed."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0:
            return at + 1
    return len(text)
