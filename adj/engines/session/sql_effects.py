"""Whether a statement changes its PostgreSQL session in a way that outlives the transaction.

Sessions are used by one query after another. A setting, a temporary table or a lock that outlives its transaction must
not affect the next query. A list of such statements would never be complete, so this module lists the statements that
are known to be harmless. The server is asked about functions, since any function may call `set_config()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# Comments, string literals and quoted names, whose content is not SQL. Each also ends at the end of the text, so that
# the expression does not backtrack.
_ENCLOSED = re.compile(
    r"""
    --[^\n]*
    |(?P<comment>/\*.*?(?:\*/|\Z))
    |(?P<text>(?<!\w)[eE]'(?:[^'\\]|\\.)*(?:'|\Z)|'[^']*(?:'|\Z)
        |(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z))
    |"(?P<name>[^"]*)(?:"|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
# Stand for a nested comment, and for a name that is not an identifier.
_NESTED, _STRANGE = "\x00", "\x01"

_FIRST_WORDS = re.compile(r"[\s(]*(\w*)\s*(\w*)")
_LASTING_WORD = re.compile(r'(?<![".\w$])(?:temp|temporary|hold|pg_temp\w*)(?![\w$"])', re.IGNORECASE)
# A name before a parenthesis, except the table in INSERT INTO table (columns).
_CALL = re.compile(
    r"""
    (?:(?P<into>\binto\s+(?:"?[\w$]+"?\s*\.\s*)?))?
    (?:"(?P<quoted>[^"]*)"|(?P<plain>(?<![\w$"])[^\W\d][\w$]*))\s*\(
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PARENTHESIS_OR_END = re.compile(r",\s*true\s*\)|[()]", re.IGNORECASE)

_HARMLESS: Final = frozenset(
    {
        *("select", "insert", "update", "delete", "merge", "with", "values", "table", "explain", "show", "copy"),
        *("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "lock"),
        *("fetch", "move", "close", "declare", "unlisten", "deallocate", "notify", "truncate", "analyze", "vacuum"),
        *("create", "alter", "drop", "comment", "grant", "revoke", "reindex", "refresh", "cluster", "checkpoint"),
    }
)
"""The first words of harmless statements. Temporary tables and cursors WITH HOLD are recognized separately."""

_OF_TRANSACTION: Final = frozenset({"local", "constraints", "transaction"})
"""The words after `SET` in statements whose effect ends with the transaction."""

SESSION_FUNCTIONS: Final = frozenset(
    {
        *("set_config", "setseed", "pg_replication_origin_session_setup"),
        *("pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"),
        *("pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all"),
        # These run the SQL in their arguments.
        *("query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "ts_stat", "ts_rewrite"),
        *("cursor_to_xml", "cursor_to_xmlschema"),
    }
)
"""PostgreSQL's functions that change their session."""

_WORDS: Final = """
    all and any array as asc between both by case cast check conflict cube cycle default desc distinct else end except
    exclude exists filter from group grouping having if ilike in include index intersect is join key lateral like limit
    materialized not null of offset on only or over partition primary references returning rollup row select set sets
    similar some table then to union unique using values when where with within
"""
_TYPES: Final = """
    bit char character decimal double float interval numeric precision time timestamp timestamptz varbit varchar varying
"""
_FUNCTIONS: Final = """
    abs array_agg avg btrim ceil ceiling clock_timestamp coalesce concat count cume_dist current_setting date_part
    date_trunc dense_rank extract first_value floor gen_random_uuid generate_series greatest jsonb_agg
    jsonb_build_object lag last_value lead least left length lower ltrim max min mod nextval now nth_value ntile nullif
    percent_rank pg_advisory_xact_lock pg_backend_pid pg_sleep pg_terminate_backend pg_try_advisory_xact_lock power
    random rank replace reverse right round row_number rtrim sqrt statement_timestamp stddev_pop string_agg strpos
    substring sum to_char trim trunc unnest upper var_pop
"""
_KNOWN: Final = frozenset(f"{_WORDS} {_TYPES} {_FUNCTIONS}".split())
"""Words that may precede a parenthesis and are harmless, so that the server is not asked about them."""


@dataclass(frozen=True, slots=True)
class SessionEffects:
    """How SQL changes its session.

    `is_lasting`: in a way that outlives the transaction. `functions`: names of functions, or other names before a
    parenthesis, to ask the server about.
    """

    is_lasting: bool = False
    functions: frozenset[str] = frozenset()


NO_EFFECTS: Final = SessionEffects()
_LASTING_EFFECTS: Final = SessionEffects(is_lasting=True)

# The SQL of a long list of values is not cached, to save memory.
_LONGEST = 10_000


def session_effects(sql: str) -> SessionEffects:
    """How one or several statements change their session."""
    return _cached_effects(sql) if len(sql) <= _LONGEST else _effects(sql)


def _effects(sql: str) -> SessionEffects:
    bare = _ENCLOSED.sub(_without_contents, sql)
    if _NESTED in bare or any(map(_outlives_transaction, bare.split(";"))):
        return _LASTING_EFFECTS
    functions = frozenset(_called_functions(bare))
    if not functions:
        return NO_EFFECTS
    is_lasting = _STRANGE in functions or not SESSION_FUNCTIONS.isdisjoint(functions)
    return _LASTING_EFFECTS if is_lasting else SessionEffects(functions=functions)


_cached_effects = lru_cache(maxsize=1_000)(_effects)


def _without_contents(match: re.Match[str]) -> str:
    name = match["name"]
    if name is not None:
        return f'"{name}"' if name.replace("$", "_").isidentifier() else f'"{_STRANGE}"'
    if match["text"] is not None:
        return "''"
    comment = match["comment"]
    # Nested comments are not parsed.
    return _NESTED if comment is not None and "/*" in comment[2:] else " "


def _outlives_transaction(statement: str) -> bool:
    """Whether the effect of a statement, apart from its functions, outlives the transaction."""
    words = _FIRST_WORDS.match(statement)
    first, second = ("", "") if words is None else (words[1].lower(), words[2].lower())
    if first == "set":
        return second not in _OF_TRANSACTION
    if first not in _HARMLESS:
        return bool(statement.strip())
    return _LASTING_WORD.search(statement) is not None


def _called_functions(bare: str) -> Iterator[str]:
    """The names that may be functions, in SQL without literals and comments."""
    for call in _CALL.finditer(bare):
        name = call["quoted"] if call["plain"] is None else call["plain"].lower()
        if name in _KNOWN or call["into"] is not None:
            continue
        if name != "set_config" or not _is_of_transaction(bare, call.end()):
            yield name


_LONGEST_CALL = 1_000


def _is_of_transaction(bare: str, start: int) -> bool:
    """Whether the third argument of `set_config()` is true; the first argument begins at `start`."""
    depth = 1
    for match in _PARENTHESIS_OR_END.finditer(bare, start, start + _LONGEST_CALL):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return match[0] != ")"
    return False
