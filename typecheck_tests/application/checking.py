"""What mypy says of the application: strictly, and with a word about each expression that contains `Any`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from typecheck_tests.plugin.checked import ROOT, check
from typecheck_tests.plugin.marks import Message, said

HERE: Final = Path(__file__).parent
CLINIC: Final = HERE / "clinic"
SERVICES: Final = CLINIC / "services"

_SECTIONS: Final = """\
[mypy-typecheck_tests.application.*]
enable_error_code = possibly-undefined, redundant-self, unused-awaitable
warn_unreachable = True
[mypy-typecheck_tests.application.clinic.services.*]
disallow_any_expr = True
"""
_ANY: Final = ("Expression has type", "Expression type contains")
"""How mypy's messages about `Any` begin."""


def output() -> str:
    """All that mypy prints of the application and the mistakes."""
    files = sorted(str(path.relative_to(ROOT)) for path in (*CLINIC.rglob("*.py"), *HERE.glob("mistakes*.py")))
    return check(*files, adj=_SECTIONS, debug=True, settings="typecheck_tests.application.settings")


def messages(path: Path) -> list[Message]:
    """What mypy says of a file, without its words about `Any`."""
    found = said(output()).get(str(path.relative_to(ROOT)), [])
    return [message for message in found if not message.text.startswith(_ANY)]


def lines_with_any(path: Path) -> list[Message]:
    """What mypy says of a file's expressions that contain `Any`."""
    found = said(output()).get(str(path.relative_to(ROOT)), [])
    return [message for message in found if message.text.startswith(_ANY)]
