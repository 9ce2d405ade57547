"""The bookshop on SQLite, for the run of the generated queries and for the mypy that checks them."""

from __future__ import annotations

import os

SECRET_KEY = "only for generated queries"  # noqa: S105
INSTALLED_APPS = ["django.contrib.contenttypes", "tests.shop"]
MIGRATION_MODULES = {"contenttypes": None}
# Each thread of the run has a separate connection, and each would have another in-memory database.
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("ADJ_GENERATED_DATABASE", ":memory:")}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
