"""Settings for Django's own test suites on the database that `__main__.py` names: two of its kind, as they need."""

from __future__ import annotations

import os
from typing import Any

_SERVER = {
    name.removeprefix("ADJ_SUITE_"): value for name, value in os.environ.items() if name.startswith("ADJ_SUITE_")
}


def _database(name: str) -> dict[str, Any]:
    if not _SERVER:
        return {"ENGINE": "django.db.backends.sqlite3"}
    server = {key: value for key, value in _SERVER.items() if key != "DATABASE"}
    named = {"NAME": _SERVER["DATABASE"], "TEST": {"NAME": f"{_SERVER['DATABASE']}_{name}"}}
    return {"ENGINE": "django.db.backends.postgresql", **server, **named}


DATABASES = {"default": _database("default"), "other": _database("other")}

SECRET_KEY = "the tests keep no secrets"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = False
