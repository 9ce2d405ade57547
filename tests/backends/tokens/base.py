"""A backend that overrides the cursor class in its connection parameters, which its class does not show."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL


class OwnCursor(psycopg.ClientCursor[Any]):
    pass


class DatabaseWrapper(PostgreSQL):
    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "cursor_factory": OwnCursor}
