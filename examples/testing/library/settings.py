"""Settings of the library. They contain no setting of adj."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

# The path of a SQLite database, or a URL: postgresql://user:password@host:port/name.
DATABASE: Final = os.environ.get("LIBRARY_DATABASE") or str(Path(tempfile.gettempdir()) / "library.sqlite3")


def database(named: str) -> dict[str, object]:
    """An entry of DATABASES; `?host=` names the folder of a Unix socket."""
    if not named.startswith("postgresql://"):
        # The test database is a file as well, so that several processes can use it.
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": named, "TEST": {"NAME": f"{named}.test"}}
    parts = urlsplit(named)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host") or parts.hostname or "",
        "PORT": query.get("port") or str(parts.port or ""),
    }


DATABASES = {"default": database(DATABASE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["library"]
SECRET_KEY = "library: an example that signs nothing"
USE_TZ = True
