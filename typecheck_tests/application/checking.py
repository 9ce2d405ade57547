"""What mypy says of the application: strictly, and with a word about each expression that contains `Any`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from typecheck_tests.plugin.checked import ROOT, check, run
from typecheck_tests.plugin.marks import Message, said

HERE: Final = Path(__file__).parent
CLINIC: Final = HERE / "clinic"
SERVICES: Final = CLINIC / "services"

_SETTINGS: Final = "typecheck_tests.application.settings"
_SECTIONS: Final = """\
[mypy-typecheck_tests.application.*]
enable_error_code = possibly-undefined, redundant-self, unused-awaitable
warn_unreachable = True
[mypy-typecheck_tests.application.clinic.services.*]
disallow_any_expr = True
[mypy-django.db.backends.postgresql.psycopg_any]
ignore_missing_imports = True
"""
_WITHOUT_ADJ: Final = f"""\
[mypy]
plugins = mypy_django_plugin.main
strict = True
[mypy.plugins.django-stubs]
django_settings_module = {_SETTINGS}
"""
_ANY: Final = ("Expression has type", "Expression type contains")
"""How mypy's messages about `Any` begin."""


def output() -> str:
    """All that mypy prints of the application and the mistakes."""
    files = sorted(str(path.relative_to(ROOT)) for path in (*CLINIC.rglob("*.py"), *HERE.glob("mistakes*.py")))
    return check(*files, adj=_SECTIONS, debug=True, settings=_SETTINGS)


def messages(path: Path) -> list[Message]:
    """What mypy says of a file, without its words about `Any`."""
    found = said(output()).get(str(path.relative_to(ROOT)), [])
    return [message for message in found if not message.text.startswith(_ANY)]


def messages_about_any(path: Path) -> list[Message]:
    """What mypy says of a file's expressions that contain `Any`."""
    return _about_any(output(), path)


def messages_without_adj(path: Path) -> list[Message]:
    """The same with the plugin of django-stubs alone."""
    return _about_any(_without_adj(), path)


def _about_any(text: str, path: Path) -> list[Message]:
    found = said(text).get(str(path.relative_to(ROOT)), [])
    return [message for message in found if message.text.startswith(_ANY)]


@cache
def _without_adj() -> str:
    with TemporaryDirectory() as directory:
        configuration = Path(directory) / "mypy.ini"
        configuration.write_text(_WITHOUT_ADJ + _SECTIONS, encoding="utf-8")
        options = ["--config-file", str(configuration), "--cache-dir", str(Path(directory) / "cache")]
        return run(*options, *(str(path) for path in SERVICES.glob("[a-z]*.py")))
