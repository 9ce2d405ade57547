"""PostgreSQL's backend of Django, which asks for a password each time that it connects."""

from __future__ import annotations

import threading
from typing import Any

from django.db.backends.postgresql import base

passwords: list[str] = []
"""The token that is valid now is the last one."""

asked_on: list[str] = []
"""The names of the threads on which a token was asked for."""


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend."""

    def get_connection_params(self) -> dict[str, Any]:
        """Django's parameters, with the password of this moment."""
        asked_on.append(threading.current_thread().name)
        return {**super().get_connection_params(), "password": passwords[-1]}
