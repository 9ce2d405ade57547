"""Where adj and Django differ by design, or Django from itself; each with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.fuzz.comparing import Case


@dataclass(frozen=True)
class Known:
    """Patterns of places and values, as of file names, and an expression that is found in what differs."""

    reason: str
    found: str = ""
    places: str = "*"
    values: str = "*"


KNOWN: Final = [
    Known(
        "adj says at the line what it takes, with a TypeError; Django fails in its own code, as with an AttributeError",
        found=r"(ShapeError|InvalidOrder)\(.*\(\) expects (names|a query|expressions|lookups|the name of a)",
    ),
    Known(
        "a query of adj has no truth, length or rows before it has run; Django runs a QuerySet for them",
        found=r"TypeError\(.(A query (has no truth value|cannot be iterated|has no length)|`in` does not work)",
    ),
    Known("the text of a query of adj says what it asks; Django runs a QuerySet for its text", found="AsyncQuery"),
    Known(
        "Django runs a query while it builds one, which its own guard refuses on an event loop",
        found=r"SynchronousOnlyOperation\(.You cannot call this from an async context",
    ),
    Known(
        "adj takes a lazy list for the list; Django copies it by its class, which fails, or writes no JSON of it",
        found=r"'generator' object is not callable|not JSON serializable",
        values="SimpleLazyObject of a list",
    ),
    Known(
        "adj reads a lazy text when it takes it; Django looks at the class of a value first, or not at all",
        found="looked at",
        values="*that raises",
    ),
    Known("adj takes lazy objects in a list for what they stand for; Django writes their text", "SimpleLazyObject"),
    *[
        Known(
            "adj looks up a name that it does not know; Django looks at it only when there are rows", "Unknown", places
        )
        for places in ("*prefetch*", "*Prefetch*", "*select_related*")
    ],
    Known(
        "a prepared statement counts its parameters before it is run; Django's own has none to prepare",
        found="bind message supplies 0 parameters",
        places="extra*",
    ),
    Known("a random order", found=r"ORDER BY RAND(OM)?\(\)"),
    Known(
        "aiterator() of Django, as of adj, takes no None; the iterator() that it is compared with does",
        places="aiterator",
        values="NoneType None",
    ),
    Known(
        "a text that equals everything is a column to Django where it compares, and to adj where it looks it up",
        found="UnknownColumn",
        places="*",
        values="*Alike*",
    ),
]


_BOTH_RAISE = re.compile(r"Django( raises|:) [A-Z]\w*\(.*adj( raises|:   ) [A-Z]\w*\(", re.DOTALL)


def reason_for(case: Case, found: str) -> str | None:
    """Why a case may differ."""
    if len(case.places) > 1 and _BOTH_RAISE.search(found):
        return "of two faults either may be told of first; each place is compared by itself as well"
    for place, given in zip(case.places, case.given, strict=True):
        for known in KNOWN:
            is_meant = fnmatchcase(place.name, known.places) and fnmatchcase(given.name, known.values)
            if is_meant and re.search(known.found, found):
                return known.reason
    return None
