"""The project that is checked: the bookshop, and models of every kind that Django has."""

from __future__ import annotations

SECRET_KEY = "only for type checks"  # noqa: S105
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "tests.shop",
    "tests.diary",
    "typecheck_tests.plugin.library",
    "typecheck_tests.plugin.people",
    "typecheck_tests.plugin.press",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AUTH_USER_MODEL = "people.Member"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
