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
# the expression does not backtrack. Each begins with a character, not with a condition: Python searches for these.
ENCLOSED = re.compile(
    r"""
    --[^\n]*
    |(?P<comment>/\*.*?(?:\*/|\Z))
    |(?P<text>[eE](?<!\w[eE])'(?:[^'\\]|\\.)*(?:'|\Z)|'[^']*(?:'|\Z)
        |\$(?<![\w$]\$)(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z))
    |"(?P<name>[^"]*)(?:"|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
# Stand for a nested comment, and for a name that is not an identifier.
_NESTED, STRANGE = "\x00", "\x01"

WHITE_SPACE = re.compile(r"\s+")
_FIRST_WORDS = re.compile(r"[ (]*(\w*) ?(\w*)")
_LASTING_WORD = re.compile(r'(?<![".\w$])(?:temp|temporary|hold|pg_temp\w*)(?![\w$"])')
_LAST_NAME = re.compile(r"[^\W\d][\w$]*\Z")
_EXECUTE = re.compile(r"\bexecute\b", re.IGNORECASE)
# What precedes the table in INSERT INTO table (columns) and the name in CREATE FUNCTION name (arguments).
_NAMING = re.compile(r'\b(?:into|function|procedure|routine) (?:"?[\w$]+"? ?\. ?)?"?\Z', re.IGNORECASE)
# The longest name that PostgreSQL has, in bytes; and one in a schema.
_LONGEST_NAME, _LONGEST_NAMES = 63, 150
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

# The SQL of a long list of values is not cached, to save memory.
LONGEST_CACHED = 10_000


def session_effects(sql: str) -> SessionEffects:
    """How one or several statements change their session."""
    return _cached_effects(sql) if len(sql) <= LONGEST_CACHED else _effects(sql)


def _effects(sql: str) -> SessionEffects:
    bare = WHITE_SPACE.sub(" ", ENCLOSED.sub(_without_contents, sql))
    functions = frozenset(called_functions(bare))
    is_lasting = (
        _NESTED in bare
        or any(map(_outlives_transaction, bare.split(";")))
        or STRANGE in functions
        or not SESSION_FUNCTIONS.isdisjoint(functions)
    )
    return SessionEffects(is_lasting, functions) if is_lasting or functions else NO_EFFECTS


def functions_in_body(body: str) -> frozenset[str] | None:
    """The functions that the body of a function calls, if it is not volatile; None if it may change its session itself.

    PostgreSQL lets such a function read only. A query that reads can call a function that changes the session, though.
    """
    # String literals may be SQL for EXECUTE, so they are read as well.
    functions = frozenset(called_functions(WHITE_SPACE.sub(" ", body)))
    return functions if SESSION_FUNCTIONS.isdisjoint(functions) and not _EXECUTE.search(body) else None


_cached_effects = lru_cache(maxsize=1_000)(_effects)


def quoted(name: str) -> str:
    """A quoted name in SQL whose content is not read: as it is if it is an identifier."""
    return f'"{name}"' if name.replace("$", "_").isidentifier() else f'"{STRANGE}"'


def first_words(statement: str) -> tuple[str, str]:
    """The first two words of a statement without repeated white space, in lower case; empty where there is none."""
    words = _FIRST_WORDS.match(statement)
    return ("", "") if words is None else (words[1].lower(), words[2].lower())


def _without_contents(match: re.Match[str]) -> str:
    name = match["name"]
    if name is not None:
        return name if name.startswith("pg_temp") else quoted(name)
    if match["text"] is not None:
        return "''"
    comment = match["comment"]
    # Nested comments are not parsed.
    return _NESTED if comment is not None and "/*" in comment[2:] else " "


def _outlives_transaction(statement: str) -> bool:
    """Whether the effect of a statement, apart from its functions, outlives the transaction."""
    first, second = first_words(statement)
    if first == "set":
        return second not in _OF_TRANSACTION
    if first not in _HARMLESS:
        return bool(statement.strip())
    lower = statement.lower()
    return ("temp" in lower or "hold" in lower) and _LASTING_WORD.search(lower) is not None


def called_functions(bare: str) -> Iterator[str]:
    """The names that may be functions, in SQL without literals, comments and repeated white space."""
    start = -1
    while (start := bare.find("(", start + 1)) >= 0:
        begin, end = _place_of_name(bare, start)
        name = bare[begin:end]
        if bare[end : end + 1] != '"':
            name = name.lower()
        if not name or name in _KNOWN or _NAMING.search(bare[max(0, begin - _LONGEST_NAMES) : begin]):
            continue
        if name != "set_config" or not _is_of_transaction(bare, start + 1):
            yield name


def _place_of_name(bare: str, end: int) -> tuple[int, int]:
    """Where the name before a parenthesis at `end` begins and ends, without quotes; an empty place if there is none."""
    end -= bare[end - 1 : end] == " "
    last = bare[end - 1 : end]
    if last == '"':
        return bare.rfind('"', 0, end - 1) + 1, end - 1
    if not (last.isalnum() or last in ("_", "$")):
        return end, end
    match = _LAST_NAME.search(bare, max(0, end - _LONGEST_NAME), end)
    return (end, end) if match is None else match.span()


_LONGEST_CALL = 1_000


def _is_of_transaction(bare: str, start: int) -> bool:
    """Whether the third argument of `set_config()` is true; the first argument begins at `start`."""
    depth = 1
    for match in _PARENTHESIS_OR_END.finditer(bare, start, start + _LONGEST_CALL):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return match[0] != ")"
    return False
