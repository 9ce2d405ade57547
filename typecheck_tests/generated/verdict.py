"""Where mypy with the plugin, adj and Django are not of one mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import OperationalError

from adj.errors import UnknownField
from typecheck_tests.generated import revealed
from typecheck_tests.generated.chains import Query
from typecheck_tests.generated.module import Said
from typecheck_tests.generated.running import Outcome, Run

_UNTYPED: Final = (
    # The calendar's arithmetic failed.
    "year 0 is out of range",
    # A bug in Django: beside a window in one `|` or `^`, some lookups look for their column in the wrong place. On
    # SQLite that is a key of JSON that `isnull` asks for, everywhere a year.
    "'Ref' object has no attribute 'lhs'",
)
"""What errors say that depend on more than types."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement about one query."""

    kind: str
    query: Query
    what: str

    def __str__(self) -> str:
        reads = f"\n    {self.query.reads}" if self.query.reads else ""
        return f"{self.kind}: {self.what}\n    {self.query.asked}{reads}"


@dataclass(slots=True)
class Verdict:
    """What a run found."""

    queries: int = 0
    refused: int = 0
    with_any: list[str] = field(default_factory=list[str])
    findings: list[Finding] = field(default_factory=list[Finding])

    def __str__(self) -> str:
        kinds = ("false error", "missed error", "wrong row type", "adj and Django differ")
        counts = ", ".join(f"{sum(each.kind == kind for each in self.findings)} x {kind}" for kind in kinds)
        return (
            f"{self.queries} queries, {self.refused} of them refused: {counts}; "
            f"Any in {len(self.with_any)} revealed types"
        )


def judge(queries: Sequence[Query], said: Mapping[str, Said], runs: Mapping[str, Run]) -> Verdict:
    """Compare what mypy says with what happened."""
    verdict = Verdict()
    for query in queries:
        mypy, run = said[query.name], runs[query.name]
        verdict.queries += 1
        verdict.refused += run.asked.is_refused
        if mypy.revealed and not mypy.errors and revealed.has_any(revealed.Reader(mypy.revealed).read()):
            verdict.with_any.append(f"{mypy.revealed}\n    {query.asked}")
        verdict.findings.extend(_findings(query, mypy, run))
    return verdict


def _findings(query: Query, mypy: Said, run: Run) -> Iterator[Finding]:
    error = run.asked.error
    if isinstance(error, (OperationalError, NotImplementedError)) or any(text in str(error) for text in _UNTYPED):
        # The database's arithmetic failed, or Django gave a whole query up: no type can tell.
        return
    if mypy.errors and error is None and run.late is None and not _is_untried_reading(query, mypy, run):
        yield Finding("false error", query, mypy.errors[0])
    if error is not None and not mypy.errors:
        yield Finding("missed error", query, _described(error))
    if run.wrong_type is not None and not mypy.errors:
        yield Finding("wrong row type", query, f"{run.wrong_type} -- {mypy.revealed}")
    if (difference := _difference(query, run.asked, run.django)) is not None:
        yield Finding("adj and Django differ", query, difference)


def _is_untried_reading(query: Query, mypy: Said, run: Run) -> bool:
    """Whether what mypy refuses to read was not read: there was no row, or a key that is NULL."""
    has_rows = not run.asked.is_empty and bool(run.asked.rows)
    return bool(query.reads) and ("[adj-not-loaded]" in mypy.errors[0] or not has_rows)


def _difference(query: Query, asked: Outcome, django: Outcome) -> str | None:
    if asked.error is not None and django.error is None and not query.reads and not _is_early(asked.error):
        return f"adj alone refuses: {_described(asked.error)}"
    if django.error is not None and asked.error is None:
        return f"Django alone refuses: {_described(django.error)}"
    if asked.error is None and "Now()" not in query.asked and asked.plain != django.plain:
        return f"adj gives {asked.rows!r:.300}, Django {django.rows!r:.300}"
    return None


def _is_early(error: Exception) -> bool:
    """Whether adj objects to a name that Django looks at only where it needs it, as that of a join for a count."""
    return isinstance(error, UnknownField)


def _described(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text:.300}"
