"""The ASGI application that `benchmarks.load` measures, for one contender; uvicorn runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.project import set_up
from tests.asgi.serving import options_of_server

_options = options_of_server()
set_up(
    Path(_options["database"]),
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=_options["urls"],
    # Errors of views would go to the administrators' mail otherwise.
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
    },
)

# Both need the settings.
from django.core.asgi import get_asgi_application  # noqa: E402

from adj.asgi import NativeMiddleware  # noqa: E402

application: Any = get_asgi_application()
if _options["is_native"]:
    application = NativeMiddleware(application)
