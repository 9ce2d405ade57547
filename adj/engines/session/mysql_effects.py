"""Whether a statement changes its session in MariaDB or MySQL in a way that outlives the transaction.

As in `sql_effects.py`, the statements that are known to be harmless are listed. The server is asked which of the names
before a parenthesis are stored functions, since these may set variables.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from adj.engines.session.sql_effects import (
    LONGEST_CACHED,
    STRANGE,
    WHITE_SPACE,
    SessionEffects,
    called_functions,
    first_words,
    quoted,
)

# Comments, string literals and quoted names; each also ends at the end of the text, so that the expression does not
# backtrack. The content of `/*! ... */` and `/*M! ... */` is executed.
_ENCLOSED = re.compile(
    r"""
    (?:--(?=[\s\x00-\x1f]|\Z)|\#)[^\n]*
    |(?P<executed>/\*M?!)
    |/\*.*?(?:\*/|\Z)
    |'(?:[^'\\]|\\.)*(?:'|\Z)
    |"(?:[^"\\]|\\.)*(?:"|\Z)
    |`(?P<name>[^`]*)(?:`|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
# Stands for a comment that is executed.
_EXECUTED = "\x00"

# A variable of the user, but not a system variable, which a query cannot set.
_LASTING = re.compile(r"(?<![\w@])@(?!@)|(?<![\".\w$@])temporary(?![\w$\"])|\x00", re.IGNORECASE)

_HARMLESS: Final = frozenset(
    {
        *("select", "insert", "replace", "update", "delete", "with", "values", "table", "explain", "show", "desc"),
        *("describe", "begin", "start", "commit", "rollback", "savepoint", "release", "unlock", "truncate", "analyze"),
        *("create", "alter", "drop", "rename", "grant", "revoke", "optimize", "check", "checksum", "repair", "kill"),
    }
)
_SESSION_FUNCTIONS: Final = frozenset({"get_lock", "release_lock", "release_all_locks"})

SELECT_FUNCTIONS: Final = """
    SELECT LOWER(routine_name), 1, NULL FROM information_schema.routines
    WHERE routine_type = 'FUNCTION' AND LOWER(routine_name) IN %s
"""
"""Selects those of some names that are stored functions. Each of them may change its session."""


def mysql_effects(sql: str) -> SessionEffects:
    """How one or several statements change their session."""
    return _cached_effects(sql) if len(sql) <= LONGEST_CACHED else _effects(sql)


def _effects(sql: str) -> SessionEffects:
    bare = WHITE_SPACE.sub(" ", _ENCLOSED.sub(_without_contents, sql))
    if _LASTING.search(bare) or not all(map(_is_harmless, bare.split(";"))):
        return SessionEffects(is_lasting=True)
    functions = frozenset(name.lower() for name in called_functions(bare))
    is_lasting = STRANGE in functions or not _SESSION_FUNCTIONS.isdisjoint(functions)
    return SessionEffects(is_lasting=is_lasting, functions=functions)


_cached_effects = lru_cache(maxsize=1_000)(_effects)


def _without_contents(match: re.Match[str]) -> str:
    if match["executed"] is not None:
        return _EXECUTED
    if (name := match["name"]) is not None:
        return quoted(name)
    return "''" if match[0][0] in "'\"" else " "


def _is_harmless(statement: str) -> bool:
    first, second = first_words(statement)
    # BEGIN NOT ATOMIC is a block of statements.
    return (first in _HARMLESS and second != "not") or not statement.strip()
