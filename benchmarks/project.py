"""A Django project of one app, set up in this process around a SQLite file."""

from __future__ import annotations

from pathlib import Path

import django
from django.conf import settings


def set_up(database: Path) -> None:
    """Configure Django; afterwards `benchmarks.models` can be imported."""
    settings.configure(
        ADJ={"default": {"engine": "threads", "threads": 8}},
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["benchmarks"],
        USE_TZ=True,
    )
    django.setup()
