"""A backend that counts statements on its cursors, as packages for metrics do."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL

statements: list[str] = []


class Mixin:
    def create_cursor(self, name: str | None = None) -> Any:
        backend: Any = super()
        cursor = backend.create_cursor(name)
        execute = cursor.execute

        def counted(sql: Any, params: Any = None) -> Any:
            statements.append(str(sql))
            return execute(sql, params)

        cursor.execute = counted
        return cursor


class DatabaseWrapper(Mixin, PostgreSQL):
    pass
