"""What a type checker with the generated stubs may miss, or report on right code, and why: one row for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHECKERS: Final = ("mypy", "pyright", "basedpyright", "ty", "pyrefly", "zuban")


@dataclass(frozen=True, slots=True)
class Difference:
    """A kind of mistake that some checkers miss; mistakes name it after their mark."""

    kind: str
    missed_by: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class StrictError:
    """An error of pyright's strict mode on right code; lines name it after a mark."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class NewError:
    """An error on a line of the example project that a checker reports only with the stubs."""

    checker: str
    line: str
    reason: str


DIFFERENCES: Final[Sequence[Difference]] = (
    Difference(
        "a column that is not selected",
        ("pyright", "basedpyright", "ty", "pyrefly"),
        "it is marked as deprecated, which is not an error; keys in a variable have to pass",
    ),
    Difference(
        "the type of a selected column",
        ("pyrefly",),
        "pyrefly takes rows of `values()` for plain dicts after `run()`",
    ),
    Difference(
        "the fields of a class",
        ("pyright", "basedpyright", "ty", "pyrefly", "zuban"),
        "they infer the rows of `into()`, but stubs cannot compare the fields of a class with columns; adj does so when"
        " the query is written",
    ),
    Difference(
        "a manager of an unknown model",
        ("pyright", "basedpyright", "ty", "zuban"),
        "its class is declared as `Manager[Any]`, or without a model; the query is not typed",
    ),
    Difference(
        "only() of a relation to several rows",
        ("mypy",),
        "the plugin checks that the name exists; the stubs list columns",
    ),
    Difference(
        "a number for a text",
        ("mypy",),
        "django-stubs declares that a text field accepts integers; the stubs declare what it returns",
    ),
)

STRICT_ERRORS: Final[Sequence[StrictError]] = (
    StrictError(
        "rows as an argument",
        "the result of `run()` is a `list[Book]` whose items are typed when it is iterated over; a function that takes "
        "an iterable sees `Book`, whose fields have no types without a plugin",
    ),
    StrictError(
        "a query that is declared without its rows",
        "`AsyncQuery[Book]` is a query with rows of the type `Book`, whose fields have no types without a plugin",
    ),
)

NEW_ERRORS: Final[Sequence[NewError]] = (
    NewError(
        "pyrefly",
        "return await asyncio.gather(*(query.run() for query in queries))",
        "a list of the results of several queries is not a `list[list[City]]` for pyrefly; pyright and ty infer the "
        "declared type",
    ),
)
