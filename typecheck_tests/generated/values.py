"""Literals and lookups for each kind of column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from typecheck_tests.generated.dice import Dice

LITERALS: Final[Mapping[str, tuple[str, ...]]] = {
    "int": ("0", "1", "3", "400", "-2"),
    "float": ("1.5", "4.0", "0.25"),
    "decimal": ('Decimal("9.99")', 'Decimal("20")', "7"),
    "bool": ("True", "False"),
    "year": ("1980", "2001"),
    "str": ('"Emma"', '"a"', '"e"', '"ace"', '"DE"'),
    "text": ('"About"', '"read"', '""'),
    "address": ('"192.168.0.1"', '"::1"'),
    "date": ("date(1980, 1, 1)", "date(2001, 5, 6)", '"1990-01-01"'),
    "datetime": ("datetime(2021, 10, 31, 1, 30, tzinfo=UTC)", "datetime(2000, 1, 1, tzinfo=UTC)"),
    "time": ("time(12, 30)", "time(0, 0)"),
    "duration": ("timedelta(hours=7)", "timedelta(0)"),
    "uuid": ("UUID(int=5)", 'UUID("00000010-0000-0000-0000-000000001eef")'),
    "bytes": ('b""', 'b"cover"'),
    "json": ("17", '"text"', '{"prints": 12}', "[]"),
    "money": ("Money(100)", "550"),
}
"""What Django takes for a column of this kind."""

WRONG: Final[Mapping[str, tuple[str, ...]]] = {
    "year": ('"last"',),
    "int": ('"many"', "date(2020, 1, 1)"),
    "float": ('"high"',),
    "decimal": ("date(2020, 1, 1)", 'b"1"'),
    "bool": ('"perhaps"', "7"),
    "date": ("5", "1.5"),
    "datetime": ("5",),
    "time": ("5",),
    "duration": ('"long"', "5"),
    "uuid": ("date(2020, 1, 1)", "1.5"),
}
"""What it refuses."""

_ORDER: Final = ("gt", "gte", "lt", "lte")
LOOKUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "int": ("", "exact", *_ORDER, "in", "range", "isnull", "ne", "abs", "abs__lt"),
    "float": ("", *_ORDER, "in", "range", "isnull"),
    "decimal": ("", "exact", *_ORDER, "in", "range", "isnull"),
    "bool": ("", "exact", "isnull", "in"),
    "str": (
        "", "exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex",
        "in", "isnull", "gt", "ne", "matches", "lower", "lower__startswith", "length", "length__gt", "folded",
    ),
    "text": ("", "icontains", "startswith", "in", "isnull", "regex"),
    "address": ("", "isnull", "in"),
    "date": ("", *_ORDER, "in", "range", "isnull", "year", "year__gte", "month", "week_day", "quarter__in"),
    "datetime": ("", *_ORDER, "range", "isnull", "date", "date__gt", "year", "hour__lt", "time__gt", "month__in"),
    "time": ("", *_ORDER, "isnull", "hour", "minute__gt"),
    "duration": ("", *_ORDER, "isnull"),
    "uuid": ("", "in", "isnull"),
    "bytes": ("", "isnull"),
    "json": (
        "", "isnull", "has_key", "has_keys", "prints", "prints__gt", "loc__shelf", "lang__startswith", "prints__isnull",
    ),
    "money": ("", "gt", "isnull"),
}  # fmt: skip
"""The lookups that fit; the empty one compares."""

_RESULTS: Final[Mapping[str, str]] = {
    "lower": "str", "length": "int", "year": "year", "month": "int", "week_day": "int", "quarter": "int", "hour": "int",
    "minute": "int", "date": "date", "time": "time", "has_key": "str", "has_keys": "list", "prints": "int",
    "loc": "str", "lang": "str",
}  # fmt: skip
"""What a transform makes of its column."""


def literal(dice: Dice, kind: str) -> str:
    """A value for a column of this kind, which may be of a wrong type."""
    if kind == "list":
        return '["prints", "ok"]'
    if kind in WRONG and dice.slips("value"):
        return dice.pick(WRONG[kind])
    return dice.pick(LITERALS[kind])


def lookup(dice: Dice, kind: str) -> str:
    """A lookup with its value, as `gt=3`; an empty one as `=3`."""
    name = dice.pick(LOOKUPS[kind])
    if dice.slips("lookup") and kind != "json":
        name = dice.pick(("near", "icontain", "gtt", "years"))
    first, _, last = name.rpartition("__")
    if kind == "json" and last == "isnull":
        # Django takes anything here.
        return f"{name}={dice.pick(('True', 'False'))}"
    return f"{name}={_operand(dice, _kind(kind, first, last), last)}"


def _kind(kind: str, first: str, last: str) -> str:
    return _RESULTS.get(first) or _RESULTS.get(last) or kind


def _operand(dice: Dice, kind: str, lookup: str) -> str:
    match lookup:
        case "isnull":
            return dice.pick(('"yes"', "1")) if dice.slips("isnull") else dice.pick(("True", "False"))
        case "in":
            if dice.slips("in"):
                return "3"
            items = ", ".join(literal(dice, kind) for _ in range(dice.number(1, 3)))
            return dice.pick((f"[{items}]", f"({items},)", f"{{{items}}}" if kind != "json" else f"[{items}]"))
        case "range":
            return f"({literal(dice, kind)}, {literal(dice, kind)})"
        case "regex" | "iregex":
            return dice.pick(('"^[A-M]"', '"a.*e"'))
        case _:
            return literal(dice, kind)
