"""Settings of a project whose tests Django's runner or pytest runs; `PROJECT_DATABASE` is a file, or a JSON object."""

from __future__ import annotations

import json
import os

_DATABASE = os.environ["PROJECT_DATABASE"]

DATABASES = {
    "default": json.loads(_DATABASE)
    if _DATABASE.startswith("{")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": _DATABASE, "TEST": {"NAME": f"{_DATABASE}.test"}}
}
ADJ = {"default": {"engine": os.environ.get("PROJECT_ENGINE", "auto")}}
ADJ_VERIFY = float(os.environ.get("PROJECT_VERIFY", "0"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes"]
SECRET_KEY = "project: an example that signs nothing"  # noqa: S105
USE_TZ = True
