"""The hospital on PostgreSQL: where, says the environment of the run. mypy needs no server."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only for the hospital"  # noqa: S105
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "typecheck_tests.application.clinic",
]
MIGRATION_MODULES = {"contenttypes": None}
DATABASES = {
    "default": json.loads(os.environ.get("ADJ_CLINIC_DATABASE", '{"ENGINE": "django.db.backends.postgresql"}'))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
