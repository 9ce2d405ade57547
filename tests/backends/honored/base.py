"""A backend that overrides what the native engine calls: parameters, and the state of a new connection."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL


class DatabaseWrapper(PostgreSQL):
    display_name = "PostgreSQL of the project"
    own_attribute = "harmless"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made = True

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "application_name": "honored"}

    def init_connection_state(self) -> None:
        super().init_connection_state()
        with self.cursor() as cursor:
            cursor.execute("SET adj.tenant = 'seven'")

    def own_method(self) -> None:
        """Not Django's: nothing of it is called by anybody else."""
