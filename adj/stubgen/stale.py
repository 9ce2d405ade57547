"""Whether stubs are out of date, by the fingerprint of the models in their first file; for the system check."""

from __future__ import annotations

import re
from pathlib import Path

from adj.stubgen.fingerprint import fingerprint
from adj.stubgen.options import InvalidOptions, StubOptions, read_options
from adj.stubgen.project import project_of


def stale_folder(start: Path) -> Path | None:
    """Return the folder of a project's stubs if its models have changed since they were generated; otherwise None.

    A project without stubs, or with invalid options, has none that are out of date.
    """
    try:
        options = read_options(start)
        recorded = recorded_fingerprint(options)
        is_stale = recorded is not None and recorded != fingerprint(project_of(options.apps), options)
    except (InvalidOptions, LookupError):
        # The command `stubs` reports these.
        return None
    return options.folder if is_stale else None


def recorded_fingerprint(options: StubOptions) -> str | None:
    """Return the fingerprint of the models that stubs were generated from; None without stubs."""
    path = options.folder / "__init__.pyi"
    found = re.search(r"^# Models: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if path.is_file() else None
    return None if found is None else found[1]
