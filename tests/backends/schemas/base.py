"""A backend that keeps the schema of a tenant and sets it for each cursor, as that of django-tenants does."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL


class DatabaseWrapper(PostgreSQL):
    schema_name = "public"

    def set_schema(self, name: str) -> None:
        self.schema_name = name

    def set_schema_to_public(self) -> None:
        self.set_schema("public")

    def _cursor(self, name: str | None = None) -> Any:
        backend: Any = super()
        made = backend._cursor(name)
        made.execute(f"SET search_path = {self.schema_name}, public")
        return made
