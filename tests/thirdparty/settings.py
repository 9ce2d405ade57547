"""Django's settings for models of third-party packages, on SQLite."""

from __future__ import annotations

import getpass
import os
import tempfile
from pathlib import Path

SECRET_KEY = "the tests keep no secrets"  # noqa: S105

INSTALLED_APPS = [
    "modeltranslation",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "djmoney",
    "polymorphic",
    "safedelete",
    "model_utils",
    "simple_history",
    "mptt",
    "taggit",
    "tests.thirdparty",
]
# No migrations to run: every table is made from its model.
MIGRATION_MODULES = dict.fromkeys(["auth", "contenttypes", "taggit", "djmoney", "thirdparty"])

# `benchmarks/foreign.py` names a database on PostgreSQL.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["ADJ_FOREIGN_POSTGRES"],
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
        "USER": os.environ.get("PGUSER", getpass.getuser()),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
        "CONN_MAX_AGE": None,
    }
    if "ADJ_FOREIGN_POSTGRES" in os.environ
    else {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(Path(tempfile.mkdtemp(prefix="adj-thirdparty-")) / "models.sqlite3"),
        "OPTIONS": {"timeout": 20},
        "CONN_MAX_AGE": None,
    }
}
ADJ = {"default": {"engine": "threads"}}

USE_TZ = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German")]
MODELTRANSLATION_DEFAULT_LANGUAGE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
