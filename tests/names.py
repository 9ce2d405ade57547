"""Names that are hard to write into code, keys or messages."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from django.db import models
from django.utils.safestring import SafeString


class Code(str):
    """Its `repr()` is code, as that of any subclass may be."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "__import__('os').abort()"


class Alike(str):
    """Equals every other object, and matches the dict key "name"."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("name")

    def __repr__(self) -> str:
        return "'name'"


class Choice(models.TextChoices):
    """One of Django's enums."""

    NAME = "name", "Name"
    OTHER = "other", "Other"


class Member(enum.StrEnum):
    """One of Python's enums."""

    NAME = "name"
    OTHER = "other"


class Hiding(enum.StrEnum):
    """An enum one of whose members hides a method of `str`."""

    NAME = "name"
    OTHER = "other"
    title = "title"  # type: ignore[assignment]  # what it is there for


class Mixed(str, enum.Enum):  # noqa: UP042  # the way before StrEnum, whose `str()` is another
    """An enum whose members are formatted by their own names."""

    NAME = "name"
    OTHER = "other"


def _full_width(text: str) -> str:
    """A text that Python's parser takes for the plain one."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


LOOK_ALIKES = [
    *map(_full_width, ["id", "pk", "save", "title", "is", "name"]),
    _full_width("i") + "s_available",
    "\N{LATIN SMALL LIGATURE FI}le",
    "\N{MATHEMATICAL BOLD SMALL I}d",
    "\N{FEMININE ORDINAL INDICATOR}",
    "\N{DOUBLE-STRUCK ITALIC SMALL I}",
]
DUNDERS = [
    "__init__",
    "__class__",
    "__dict__",
    "__doc__",
    "__slots__",
    "__debug__",
    "__builtins__",
    "__setattr__",
    "__eq__",
    "__weakref__",
    "__module__",
    "_state",
    "_meta",
]
WORDS = ["class", "None", "True", "lambda", "match", "_", "not"]
# What the generated code itself calls something.
OURS = [
    *[
        "i0",
        "c0",
        "s0",
        "f0",
        "m0",
        "n0",
        "n1",
        "k0",
        "x0",
        "v0_0",
        "t0_0",
        "w",
        "rows",
        "rest",
        "hydrate",
        "instances",
    ],
    *["append", "connection", "new", "ModelState", "fetch_mode", "row_class", "adding", "db", "fields_cache"],
]
DJANGOS = ["pk", "id", "name", "title", "author", "author_id", "objects", "delete", "save_base", "DoesNotExist", "mro"]
SIGNS = [
    *[
        "{x}",
        "{name!r}",
        "{{",
        "}",
        "{",
        "\\",
        "a\\",
        "\\N{BULLET}",
        "a.b",
        "",
        "a b",
        "a\nb",
        "a'b",
        'a"b',
        "'''",
        "\0",
    ],
    *["a;b", "a#b", "a--b", "1", "1a", "$", "-a", "+", ",", ")", "a=1", "(0)", "#", "\ud800", "\u202e", "é", "e\u0301"],
]
LONG = ["x" * 1_000_000]
SUBCLASSES = [kind(text) for kind in (Code, Alike, SafeString) for text in ("other", _full_width("id"))]
MEMBERS = [kind.OTHER for kind in (Choice, Member, Hiding, Mixed)]
NAMES: list[str] = [*LOOK_ALIKES, *DUNDERS, *WORDS, *OURS, *DJANGOS, *SIGNS, *LONG, *SUBCLASSES, *MEMBERS]
# Some of each kind, for what asks every name again and again.
FEW_NAMES: list[str] = [
    *[*LOOK_ALIKES[:3], "__class__", "_state", "class", "None", "i0", "n0", "rows", "pk", "title", "objects", "mro"],
    *["{x}", "{name!r}", "\\", "a.b", "", "a\nb", "a'b", "1", "-a", "e\u0301", "\ud800", *LONG, *SUBCLASSES, *MEMBERS],
]


def short(name: str) -> str:
    """A name for messages, without its own `repr()`."""
    return f"{type(name).__name__}:{ascii(str.__str__(name))[:40]}"


def subclassed(text: str) -> Iterator[str]:
    """Names that say the same as a text, and are of another class."""
    yield Code(text)
    yield SafeString(text)
    for kind in (Choice, Member, Hiding, Mixed):
        yield kind(text)
