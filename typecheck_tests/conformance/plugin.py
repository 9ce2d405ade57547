"""The plugin's verdict: a file with a line for each row, which mypy checks in one run."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from typecheck_tests.conformance.table import NAMES, rows
from typecheck_tests.plugin.checked import check

PASSES = "passes"
_HEAD = "from typecheck_tests.conformance.names import *\n\n\ndef judged(\n"
_ERROR = re.compile(r"^.*?:(\d+): error: (.*)$", re.MULTILINE)


def verdicts() -> list[str]:
    """The verdicts of all rows: `passes`, or what mypy says."""
    parameters = "".join(f"    {name}: {typ},\n" for name, typ in NAMES.items())
    head = _HEAD + parameters + ") -> None:\n"
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "conformance.py"
        path.write_text(head + "".join(f"    {row}\n" for row in rows()), encoding="utf-8")
        output = check(str(path), debug=True)
    first = head.count("\n") + 1
    said: dict[int, list[str]] = {}
    for line, message in _ERROR.findall(output):
        said.setdefault(int(line), []).append(message)
    assert min(said, default=first) >= first, output
    return ["; ".join(said.get(first + at, [PASSES])) for at, _ in enumerate(rows())]
