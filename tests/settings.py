"""Django's settings for the tests: the bookshop on SQLite as `default`, and on PostgreSQL once a test asks for it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

# A file and not memory, so that every thread of the tests sees the same database.
DIRECTORY: Final = Path(tempfile.mkdtemp(prefix="adj-tests-"))
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)

SECRET_KEY = "the tests keep no secrets"  # noqa: S105

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "tests.shop",
    "tests.diary",
    "tests.graphs",
    "tests.walks",
]
# No migrations to run: every table is made from its model.
MIGRATION_MODULES = {"auth": None, "contenttypes": None, "sessions": None}

# Every run of a kept plan is compared with Django's own SQL; a difference raises `PlanMismatch`.
ADJ_VERIFY = float(os.environ.get("ADJ_VERIFY", "1"))

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(DIRECTORY / "shop.sqlite3"),
        "OPTIONS": {"timeout": 20},
    },
    # The fixture `postgres` of tests/conftest.py fills this in when it has started a server.
    "postgres": {"ENGINE": "django.db.backends.postgresql", "NAME": "not started"},
    # The fixture `mariadb` fills this in, where there is a server.
    "mariadb": {"ENGINE": "django.db.backends.mysql", "NAME": "not there"},
    # The same for the fixture `mariadb_shop`.
    "mariadb_shop": {"ENGINE": "django.db.backends.mysql", "NAME": "not there"},
}

USE_TZ = True
TIME_ZONE = "Europe/Berlin"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
