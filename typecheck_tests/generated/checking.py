"""Runs mypy with the plugin on a module that a generator has written."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from typecheck_tests.plugin.checked import ROOT, run

PLUGIN_SETTINGS: Final = "typecheck_tests.plugin.settings"
"""The settings module of the plugin's own cases."""

_CONFIGURATION: Final = """\
[mypy]
plugins = adj_mypy.plugin
strict = True
local_partial_types = True
[mypy.plugins.django-stubs]
django_settings_module = {settings}
"""


def checked(source: str, path: Path, settings: str, cache: Path | None = None) -> str:
    """Write a module, and return what mypy prints; the configuration and, by default, the cache are beside it."""
    path.write_text(source, encoding="utf-8")
    configuration = path.with_name("mypy.ini")
    configuration.write_text(_CONFIGURATION.format(settings=settings), encoding="utf-8")
    cache = cache or path.with_name("cache")
    return run("--config-file", str(configuration), "--cache-dir", str(cache), str(path), cwd=ROOT)
