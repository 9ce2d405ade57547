"""A Django project of one app, set up in this process around a SQLite file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings


def set_up(database: Path, **options: Any) -> None:
    """Configure Django, with further settings; afterwards `benchmarks.models` can be imported."""
    _configure(
        {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "OPTIONS": {"timeout": 20}},
        {"engine": "threads", "threads": 8},
        **options,
    )


def set_up_postgresql(database: dict[str, object]) -> None:
    """The same with an entry of `DATABASES` for PostgreSQL, and the native engine."""
    _configure(database, {"engine": "psycopg"})


def _configure(database: dict[str, object], engine: dict[str, object], **options: Any) -> None:
    settings.configure(
        ADJ={"default": engine},
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["benchmarks"],
        USE_TZ=True,
        **options,
    )
    django.setup()
