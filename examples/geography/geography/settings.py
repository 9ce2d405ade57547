"""Settings of the geography project. Only the last one belongs to adj."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

# An installed copy of this project may sit in a read-only place, so the database never lives beside the code.
DATABASE: Final = os.environ.get("GEOGRAPHY_DATABASE") or Path(tempfile.gettempdir()) / "geography.sqlite3"

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = ["world", "tour"]
ROOT_URLCONF = "geography.urls"
ASGI_APPLICATION = "geography.asgi.application"

# The project serves public data on the reader's own machine and signs nothing.
SECRET_KEY = "geography: an example that signs nothing"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
# DEBUG keeps each query, which would cost both sides of the tour's comparison alike.
DEBUG = False
USE_TZ = True

ADJ = {"default": {"engine": "threads"}}
