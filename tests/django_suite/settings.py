"""Settings for Django's own test suites: two databases on the PostgreSQL that `__main__.py` names."""

from __future__ import annotations

import os
from typing import Any


def _database(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["ADJ_SUITE_DATABASE"],
        "HOST": os.environ["ADJ_SUITE_HOST"],
        "PORT": os.environ["ADJ_SUITE_PORT"],
        "USER": os.environ["ADJ_SUITE_USER"],
        "PASSWORD": os.environ["ADJ_SUITE_PASSWORD"],
        "TEST": {"NAME": f"{os.environ['ADJ_SUITE_DATABASE']}_{name}"},
    }


DATABASES = {"default": _database("default"), "other": _database("other")}
ADJ = {"default": {"engine": "psycopg"}, "other": {"engine": "psycopg"}}

SECRET_KEY = "the tests keep no secrets"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = False
