"""The Django project that uvicorn runs for the tests; its settings come from the test that starts it."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings

from tests.asgi.serving import options_of_server

_options = options_of_server()
settings.configure(
    SECRET_KEY="the tests keep no secrets",  # noqa: S106
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF="tests.asgi.urls",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "tests.shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    # Errors of views would go to the administrators' mail otherwise.
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
    },
    MIDDLEWARE=_options["middleware"],
    DATABASES={"default": _options["database"]},
    ADJ={"default": _options["adj"]},
)
django.setup()

# Both need the settings.
from django.core.asgi import get_asgi_application  # noqa: E402

from adj.asgi import NativeMiddleware  # noqa: E402

application: Any = get_asgi_application()
if _options["is_native"]:
    application = NativeMiddleware(application)
