"""The settings that a text of SQL makes for longer than its transaction, as far as the text itself names them.

`SET`, `RESET`, `DISCARD` and `set_config()`, also in the body of `DO` and in the source of a function, and in the texts
that such a body runs with `EXECUTE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adj.engines.session.sql_effects import ENCLOSED

ALL: Final = "all"
"""The name in changes that `RESET ALL` makes. It leaves the role and the session's user as they are."""

EVERYTHING: Final = "everything"
"""The name in changes that `DISCARD ALL` makes."""

# Literals and quoted names are numbered while a statement is read, between two characters that SQL does not have.
_LITERAL = re.compile("\x02(\\d+)\x03")
_WORD = r"(?:\x02\d+\x03|[\w.])+"
_SET = re.compile(
    rf"""
    \s*set\s+(?!local\b|transaction\b|constraints\b)(?:session\s+(?!authorization\b))?
    (?P<name>session\s+authorization|schema(?=\s*\x02)|{_WORD})\s*(?:=|\bto\b|\s|(?=\x02))\s*(?P<value>[^;]*)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_RESET = re.compile(rf"\s*(?P<verb>reset|discard)\s+(?P<name>session\s+authorization|{_WORD})", re.IGNORECASE)
_SET_CONFIG = re.compile(
    r"\bset_config\s*\(\s*(?P<name>[^,]*?)\s*,(?P<value>.*?),\s*(?P<is_local>[^,()]*?)\s*\)", re.IGNORECASE | re.DOTALL
)
_DO = re.compile(r"\s*do\b", re.IGNORECASE)
_DEFINITION = re.compile(r"\s*(?:create|alter|comment)\b", re.IGNORECASE)
# Where a statement of PL/pgSQL begins, apart from the start of the body and what follows a semicolon.
_BLOCK = re.compile(r"\b(?:begin|then|else|loop)\b", re.IGNORECASE)
_DEFAULT: Final = frozenset({"default", "none"})
_TRUE: Final = frozenset({"true", "t", "on", "1"})


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting that SQL changes. The name is in lower case; `is_reset`: it gets its default again, or no value."""

    name: str
    is_reset: bool = False


def setting_changes(sql: str) -> Iterator[SettingChange]:
    """The settings that one or several statements change for longer than their transaction, in their order."""
    masked, literals = _masked(sql)
    for statement in masked.split(";"):
        # The body of a function is not run when the function is created.
        if _DEFINITION.match(statement) is None:
            yield from _changes_of_statement(statement, literals)
        if _DO.match(statement) is not None:
            for number in _LITERAL.findall(statement):
                yield from changes_of_body(literals[int(number)])


def changes_of_body(source: str) -> Iterator[SettingChange]:
    """The settings that the body of a function changes, in statements and in texts that it may run."""
    masked, literals = _masked(source)
    for statement in _BLOCK.sub(";", masked).split(";"):
        yield from _changes_of_statement(statement, literals)
    for literal in literals:
        yield from setting_changes(literal)


def _masked(sql: str) -> tuple[str, list[str]]:
    """SQL without comments and with numbers for its literals and quoted names; and these."""
    literals: list[str] = []

    def number(match: re.Match[str]) -> str:
        text, name = match["text"], match["name"]
        if text is None and name is None:
            return " "
        if name == "set_config":
            # As psycopg writes the name of a function for `callproc()`.
            return str(name)
        literals.append(name if text is None else _content(text))
        return f"\x02{len(literals) - 1}\x03"

    return ENCLOSED.sub(number, sql.replace("\x02", "").replace("\x03", "")), literals


def _content(literal: str) -> str:
    if literal.startswith("$"):
        tag = literal[: literal.index("$", 1) + 1]
        return literal.removeprefix(tag).removesuffix(tag)
    return literal.lstrip("eE")[1:].removesuffix("'").replace("''", "'")


def _changes_of_statement(statement: str, literals: list[str]) -> Iterator[SettingChange]:
    if (match := _SET.match(statement)) is not None:
        yield _change(match["name"], match["value"], literals)
    elif (match := _RESET.match(statement)) is not None:
        name = _name(match["name"], literals)
        if match["verb"].lower() == "reset":
            yield SettingChange(name, is_reset=True)
        elif name == ALL:
            yield SettingChange(EVERYTHING, is_reset=True)
    for match in _SET_CONFIG.finditer(statement):
        if _plain(match["is_local"], literals) not in _TRUE:
            yield _change(match["name"], match["value"], literals)


def _change(name: str, value: str, literals: list[str]) -> SettingChange:
    name, plain = _name(name, literals), _plain(value, literals)
    # Projects empty their own settings to end them. A text that a function completes has no value at all.
    is_emptied = "." in name and not plain and bool(value.strip())
    return SettingChange(name, is_emptied or plain in _DEFAULT)


def _name(text: str, literals: list[str]) -> str:
    name = _plain(text, literals)
    return "search_path" if name == "schema" else name.replace("session authorization", "session_authorization")


def _plain(text: str, literals: list[str]) -> str:
    return " ".join(_LITERAL.sub(lambda match: literals[int(match[1])], text).split()).lower()
