"""The SQL text that psycopg gets."""

from __future__ import annotations

from typing import LiteralString, TypeAlias, cast

LiteralSQL: TypeAlias = LiteralString | bytes


def literal(sql: str) -> LiteralSQL:
    """SQL that was made at run time, for psycopg's annotations, which ask for literal text."""
    return cast("LiteralSQL", sql)


def with_prefix(prefix: str, text: str, params: object) -> str:
    """A statement behind statements without parameters, to send them together."""
    return (prefix if params is None else prefix.replace("%", "%%")) + text
