"""The Django application. It is optional: `import adj` registers the system checks as well."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.utils.autoreload import autoreload_started

logger = logging.getLogger(__name__)


class AdjConfig(AppConfig):
    """`INSTALLED_APPS = ["adj", ...]`. The application does not have models."""

    name = "adj"
    verbose_name = "adj"

    def ready(self) -> None:
        """Keep generated stubs up to date under `runserver`."""
        autoreload_started.connect(refresh_stubs, dispatch_uid="adj.stubs")


def refresh_stubs(**kwargs: Any) -> None:
    """Write stubs again if the project has some; called by each process that `runserver` starts after a change."""
    # Imported when the signal is sent: production processes do not need it.
    from adj.stubgen.command import CommandFailed, StubsCommand

    try:
        StubsCommand(Path.cwd(), logger.debug).refresh()
    except CommandFailed as error:
        logger.warning("The stubs were not written: %s", error)
