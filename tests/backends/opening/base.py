"""A backend that opens connections in its own way, as pools and proxies do."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL

opened: list[str] = []


class DatabaseWrapper(PostgreSQL):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        opened.append(self.alias)
        return super().get_new_connection(conn_params)
