"""The module that holds all queries of a run, and what mypy says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from typecheck_tests.generated.chains import Query
from typecheck_tests.generated.checking import checked

NAME: Final = "generated_queries"

_HEAD: Final = '''\
"""Written by a generator."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from collections.abc import Callable

from django.contrib.contenttypes.models import ContentType
from django.db.models import *
from django.db.models.functions import *
from typing_extensions import reveal_type

from adj import q
from tests.shop.fields import Money
from tests.shop.models import *

'''


@dataclass(slots=True)
class Said:
    """What mypy says of one query: errors, and the type of its rows."""

    errors: list[str] = field(default_factory=list[str])
    revealed: str = ""


def source(queries: Sequence[Query], *, django: bool = False) -> str:
    """The module: one function for each query, which gives its rows."""
    return _HEAD + "\n".join(_function(query, django=django) for query in queries)


def _function(query: Query, *, django: bool) -> str:
    if django:
        source_of = f"\ndef {query.name}_source():\n    return {query.source}\n"
        return f"\ndef {query.name}(look):\n    look({query.django})\n{source_of}"
    reads = f"    {query.reads}\n" if query.reads else ""
    return (
        f"\nasync def {query.name}(look: Callable[[object], None]) -> None:\n    rows = await {query.asked}\n"
        f"    reveal_type(rows)\n    look(rows)\n{reads}"
    )


def check(queries: Sequence[Query], directory: Path, cache: Path | None = None) -> Mapping[str, Said]:
    """What mypy with the plugin says, by the name of the query's function."""
    text = source(queries)
    output = checked(text, directory / f"{NAME}.py", "typecheck_tests.generated.settings", cache)
    said = {query.name: Said() for query in queries}
    owners = _owners(text)
    for line, severity, message in re.findall(rf"^.*{NAME}\.py:(\d+): (error|note): (.*)$", output, re.MULTILINE):
        owner = owners.get(int(line))
        assert owner is not None, f"{line}: {message}"
        revealed = re.fullmatch(r'Revealed type is "(.*)"', message)
        if revealed:
            said[owner].revealed = revealed[1]
        elif severity == "error":
            said[owner].errors.append(message)
    return said


def _owners(text: str) -> dict[int, str]:
    """The query's function that each line belongs to."""
    found: dict[int, str] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.match(r"async def (\w+)", line)
        name = match[1] if match else name
        if name:
            found[number] = name
    return found
