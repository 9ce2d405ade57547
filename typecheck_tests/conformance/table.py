"""The table: a model, a path, an operand, and what is to be said of them.

An operand is the source of an expression; `NAMES` says which names it may use. Django judges by building the query and
running it on SQLite, the plugin by reading the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Verdict(Enum):
    """What is said of a condition."""

    RIGHT = "right"
    """By both."""

    WRONG = "wrong"
    """By both."""

    STRICTER = "stricter"
    """Django takes it, and the plugin does not, for a reason."""

    LATER = "later"
    """The plugin takes it by its type, and Django refuses this one value."""

    @property
    def runs(self) -> bool:
        """Whether Django builds and runs it."""
        return self in {Verdict.RIGHT, Verdict.STRICTER}

    @property
    def passes(self) -> bool:
        """Whether the plugin has nothing to say."""
        return self in {Verdict.RIGHT, Verdict.LATER}


@dataclass(frozen=True, slots=True)
class Row:
    """A condition and its verdict; what is not `RIGHT` or `WRONG` has a reason."""

    model: str
    path: str
    operand: str
    verdict: Verdict
    reason: str = ""

    def __str__(self) -> str:
        return f"q({self.model}).filter({self.path}={self.operand})"


NAMES: Final[Mapping[str, str]] = {
    "author": "Author",
    "publisher": "Publisher",
    "book": "Book",
    "tag": "Tag",
    "bestseller": "Bestseller",
    "item": "Item",
    "gadget": "Gadget",
    "reader": "Reader",
    "order": "Order",
    "number": "int",
    "text": "str",
}
"""The variables that operands may name, and their types; the instances are saved."""

_RIGHT: Final = """
Book pages 3 | True | Size.SMALL | None | F("weight") | Value(3) | q(Book).values("pages")[:1] | F("weight") + 1
Book pages__gt 3 | 3.5 | F("rating") | Coalesce("weight", 3)
Book pages__gte 3.5
Book pages__lt 3.5
Book pages__lte 3
Book pages__in [1, 2] | (1, 2) | {1, 2} | range(3) | {1: "a"} | [1, None] | [] | (n for n in [1, 2])
Book pages__in q(Book).values("pages") | q(Book).values_list("pages", flat=True) | [F("weight"), 3]
Book pages__range (1, 2) | [1, 2] | (F("weight"), 3)
Book pages__isnull True | False
Book pages__startswith 3 | "3"
Book pages__ne 3
Book weight None
Book weight__abs 3
Book weight__abs__gt 3
Book title "Emma" | Format.EBOOK | gettext_lazy("Emma") | None | F("subtitle") | Lower(Value("EMMA"))
Book title__in ["Emma"] | ("Emma", "Sula") | {"Emma"} | q(Book).values("title") | [gettext_lazy("Emma")]
Book title__gt "A"
Book title__iexact "emma" | None
Book title__contains "m" | gettext_lazy("m") | F("subtitle")
Book title__regex "^E"
Book title__lower "emma"
Book title__length__gte 3
Book title__folded "EMMA"
Book title__matches "Em*"
Book subtitle__isnull True
Book format Format.EBOOK | "eb"
Book format__in [Format.EBOOK, "pb"]
Book is_available True | False | None
Book is_translated None | True
Book rating 3.5 | 3 | Decimal("3.5") | None
Book rating__in [3.5, 3]
Book price Decimal("3.5") | 3 | 3.5 | "3.5"
Book price__range (3, "4.5")
Book published date(2020, 1, 1) | "2020-01-01" | datetime(2020, 1, 1, tzinfo=UTC) | None
Book published__gt F("released")
Book published__year 2020
Book published__year__in [2020, 2021]
Book published__month__gte 3
Book published__week_day 2
Book published__range ("2020-01-01", date(2021, 1, 1))
Book released datetime(2020, 1, 1, tzinfo=UTC) | "2020-01-01T10:00:00Z"
Book released__date date(2020, 1, 1) | "2020-01-01"
Book released__time time(10) | "10:00"
Book released__hour__gt 3
Book reading_hour time(10) | "10:00" | "10:00:30"
Book reading_time timedelta(hours=1) | None
Book reading_time__gt timedelta(hours=1)
Book reference UUID(int=3) | "00000000000000000000000000000003"
Book reference__in [UUID(int=3), "00000000000000000000000000000003"]
Book cover b"x" | bytearray(b"x") | memoryview(b"x") | None
Book metadata {"a": 1} | [1] | "a" | 3 | None
Book metadata__colour "red" | 3 | None
Book metadata__colour__icontains "r"
Book metadata__0 3
Book metadata__has_key "colour"
Book metadata__has_keys ["colour", "size"]
Book cost 3 | "3" | None
Book pk 3
Book pk__in [1, 2] | q(Book)
Book author author | 3 | None | q(Author)[:1] | F("editor")
Book author_id 3 | author
Book author__in [author, 3] | q(Author) | q(Author).values("pk") | [author]
Book author__gt 3
Book author__isnull True
Book author__name "Jane"
Book author__publisher__country__code "CL"
Book editor None | author
Book tags tag | 3 | None
Book tags__in [tag, 3] | q(Tag)
Book tags__name "sea"
Book tags__isnull True
Book notes__text "lost"
Book contributors__name "Jane"
Book detail__summary "x"
Book detail 3
Author books book | 3 | bestseller
Author books__in q(Book) | q(Bestseller)
Author mentor__mentor author
Author profile__isnull True
Author profile__website None
Author profile__address "127.0.0.1"
Publisher items item | gadget | reader
Publisher items__in q(Reader)
Publisher country "CL"
Reader gadget_ptr gadget | item | reader
Reader item_ptr__name "x"
Depot publisher publisher | "planeta"
OrderLine order order | order.pk | str(order.pk)
OrderLine pk (order.pk, 1) | [order.pk, 1]
OrderLine pk__in [(order.pk, 1)]
OrderLine total__gt 3
Note content_type__model "book"
Bestseller author author
"""
"""What both take; several operands stand between bars."""

_WRONG: Final = """
Book published "yesterday"
Book released "soon"
Book reading_hour "noon"
Book price "cheap"
Book reference "x"
Book pages Colour.RED | "x" | date(2020, 1, 1) | timedelta(1) | object()
Book pages__gt None | "x"
Book pages__in 3 | None | "ab" | ["x"]
Book pages__range 3 | ("x", "y") | (1, 2, 3) | None
Book pages__isnull 1 | "yes" | None
Book pages__year 3
Book pages__title "x"
Book titel "x"
Book title__icontain "x"
Book title__contains None
Book title__startswith None
Book title__gt None
Book title__length__gt "x"
Book title__in 3 | None
Book is_available "yes" | 3
Book is_available__length 3
Book rating "x" | date(2020, 1, 1)
Book price date(2020, 1, 1) | UUID(int=3)
Book published 2020 | time(10) | True
Book published__yaer 2020
Book published__year "x"
Book released timedelta(1) | 3
Book released__date 3
Book reading_hour 10 | date(2020, 1, 1)
Book reading_time "01:00:00" | 3600 | time(1)
Book reference 3.5 | date(2020, 1, 1)
Book reference__in 3
Book cover "x" | 3
Book author "Jane" | publisher | date(2020, 1, 1)
Book author__in 3 | [publisher] | q(Book) | ["x"] | q(Author).values("pk", "name")
Book author__icontains "a"
Book author__nam "a"
Book author_idd 3
Book tags book | "x"
Book tags__nam "x"
Book notes__txt "x"
Book detail__sumary "x"
Book pk "x"
Author book 3
Author books author
Author books__in q(Tag)
Author profile__bios "x"
Publisher items book
Reader voltag 3
OrderLine order 3.5
OrderLine pk 3 | "x"
OrderLine pk__in [3]
Note target 3
Country cod "CL"
"""
"""What both refuse."""

_STRICTER: Final = {
    "a text is a number by luck, and only Django knows which": """
Book pages "3"
Book pages__in ["3"]
Book pages__gt "3"
Book rating "3.5"
Book published__year "2020"
Book author "3"
Book pk "3"
""",
    "a number is not a str; Django converts it": """
Book title 3
Book title__contains 3
Book title__in [3]
Book author__name 3
""",
    "Django cuts off the fraction, and finds another number": """
Book pages 3.5
Book pages__in [3.5]
Book pages Decimal("3.5")
Book pages__gt Decimal("3.5")
""",
    "a UUID is a number by luck, and no number of anything": """
Book pages UUID(int=3)
""",
    "1 and 0 are true and false by luck; another number is refused": """
Book is_available 1
""",
    "an iterable of letters is hardly meant": """
Book title__in "Emma"
Book metadata__has_keys "colour"
""",
    "a moment has more than a time of day, which Django drops": """
Book reading_hour datetime(2020, 1, 1, tzinfo=UTC)
""",
    "a key of another kind is most likely another row's": """
Book reference 3
""",
    "nothing is between a number and NULL": """
Book pages__range (1, None)
""",
    "SQLite compares a number with a text; other databases refuse": """
Book pages__in q(Book).values("title")
Book author__in q(Author).values_list("name", flat=True)
Book title__in q(Book).values("pages")
""",
    "bytes become the text of their Python form": """
Book title b"Emma"
""",
    "an object becomes the text of its Python form": """
Book title Path("Emma")
Book format Colour.RED
""",
}
"""What Django takes by its kindness, by the reason why the plugin does not."""

_LATER: Final = {
    "whether a text is a date is known when it is read": """
Book released__date "soon"
""",
}
"""What the plugin takes by its type, by the reason why Django may not."""


def rows() -> Iterator[Row]:
    """Every row of the table."""
    yield from _read(_RIGHT, Verdict.RIGHT)
    yield from _read(_WRONG, Verdict.WRONG)
    for verdict, parts in ((Verdict.STRICTER, _STRICTER), (Verdict.LATER, _LATER)):
        for reason, text in parts.items():
            yield from _read(text, verdict, reason)


def _read(text: str, verdict: Verdict, reason: str = "") -> Iterator[Row]:
    for line in text.strip().splitlines():
        model, path, operands = line.split(" ", 2)
        for operand in operands.split(" | "):
            yield Row(model, path, operand, verdict, reason)
