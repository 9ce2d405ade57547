"""Settings of the geography project. Only the last one is adj's setting."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

# The path of a SQLite database, or a URL: postgresql://user:password@host:port/name. An installed copy of this project
# may be read-only, so the file is not stored beside the code.
DATABASE: Final = os.environ.get("GEOGRAPHY_DATABASE") or str(Path(tempfile.gettempdir()) / "geography.sqlite3")
IS_POSTGRESQL: Final = DATABASE.startswith("postgresql://")


def postgresql(url: str) -> dict[str, object]:
    """An entry of DATABASES for a URL; `?host=` names the folder of a Unix socket."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host") or parts.hostname or "",
        "PORT": query.get("port") or str(parts.port or ""),
    }


DATABASES = {
    "default": postgresql(DATABASE) if IS_POSTGRESQL else {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = ["world", "tour"]
ROOT_URLCONF = "geography.urls"
ASGI_APPLICATION = "geography.asgi.application"

# The project serves public data on a local machine and does not sign anything.
SECRET_KEY = "geography: an example that signs nothing"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
# DEBUG records each query, which would slow down both ORMs in the demo's comparison.
DEBUG = False
USE_TZ = True

ADJ = {"default": {"engine": "psycopg" if IS_POSTGRESQL else "threads"}}
