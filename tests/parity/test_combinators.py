"""Several queries in one: union, intersection, difference, and conditions joined by operators."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Count, F, Value
from django.db.models.functions import Length

from tests.parity.oracle import Start, compare, ending
from tests.shop.models import Author, Book, Country, OrderLine, Publisher, Review, Tag

CASES: list[tuple[str, Any, list[Any]]] = [
    (
        "union",
        lambda s, a, b: s(Book).filter(pages=a).union(s(Book).filter(pages=b)).order_by("pk"),
        [(96, 220), (96, 96), (2**70, 96), (96, 2**70)],
    ),
    (
        "union all",
        lambda s, a, b: s(Book).filter(pages=a).union(s(Book).filter(pages=b), all=True).order_by("pk"),
        [(96, 220), (96, 96)],
    ),
    (
        "union of three",
        lambda s, a: s(Tag).filter(name=a).union(s(Tag).filter(weight=0), s(Tag).filter(weight=1)),
        ["sea", "war"],
    ),
    (
        "union of values",
        lambda s, a: s(Book).filter(pages=a).values("title").union(s(Author).values("name")),
        [96, 220],
    ),
    (
        "union of lists",
        lambda s, a: (
            s(Book)
            .filter(pages=a)
            .values_list("title", "pages")
            .union(s(Tag).values_list("name", "weight"))
            .order_by("title")
        ),
        [96, 220],
    ),
    (
        "union then values",
        lambda s, a: s(Book).filter(pages=a).union(s(Book).filter(weight=0)).values("title"),
        [96, 220],
    ),
    (
        "union then list",
        lambda s, a: (
            s(Book).filter(pages=a).union(s(Book).filter(weight=0)).values_list("title", flat=True).order_by("title")
        ),
        [96],
    ),
    (
        "union sliced",
        lambda s, n: s(Book).filter(pages=96).union(s(Book).filter(pages=220)).order_by("-pk")[:n],
        [2, 4],
    ),
    ("union of none", lambda s: s(Book).none().union(s(Book).filter(pages=96)), []),
    ("union with none", lambda s: s(Book).filter(pages=96).union(s(Book).none()), []),
    (
        "union annotated",
        lambda s, v: s(Tag).annotate(x=Value(v)).union(s(Tag).annotate(x=Value("b"))).order_by("pk", "x"),
        ["a", "b"],
    ),
    ("union with queryset", lambda s, a: s(Tag).filter(name=a).union(Tag.objects.filter(weight=0)), ["sea"]),
    (
        "union of unions",
        lambda s, a: s(Tag).filter(name=a).union(s(Tag).filter(weight=0).union(s(Tag).filter(weight=2))),
        ["sea", "war"],
    ),
    ("union then filter", lambda s: s(Tag).union(s(Tag)).filter(weight=0), []),
    ("union then annotate", lambda s: s(Tag).union(s(Tag)).annotate(n=Count("pk")), []),
    ("union then distinct", lambda s: s(Tag).union(s(Tag)).distinct(), []),
    ("union then only", lambda s: s(Tag).union(s(Tag)).only("name"), []),
    ("union then exclude", lambda s: s(Tag).union(s(Tag)).exclude(pk=1), []),
    ("union then select_related", lambda s: s(Book).union(s(Book)).select_related("author"), []),
    ("union then prefetch", lambda s: s(Book).union(s(Book)).prefetch_related("tags"), []),
    ("union then lock", lambda s: s(Book).union(s(Book)).select_for_update(), []),
    ("union then reverse", lambda s: s(Tag).union(s(Tag)).order_by("name").reverse(), []),
    ("union of sliced", lambda s, n: s(Tag).order_by("pk")[:n].union(s(Tag).order_by("-pk")[:n]), [1, 2]),
    ("union of ordered", lambda s: s(Tag).order_by("pk").union(s(Tag).order_by("-pk")), []),
    ("union of different columns", lambda s: s(Tag).values("name").union(s(Tag).values("name", "weight")), []),
    ("union order by unknown", lambda s: s(Tag).values("name").union(s(Tag).values("name")).order_by("weight"), []),
    (
        "union nested in a filter",
        lambda s, a: s(Book).filter(
            pk__in=s(Book).filter(pages=a).values("pk").union(s(Book).filter(weight=0).values("pk"))
        ),
        [96, 220],
    ),
    (
        "intersection",
        lambda s, a, b: s(Book).filter(pages__gt=a).intersection(s(Book).filter(pages__lt=b)).order_by("pk"),
        [(96, 500), (400, 100), (2**70, 1)],
    ),
    ("intersection of none", lambda s: s(Book).intersection(s(Book).none()), []),
    (
        "difference",
        lambda s, a, b: s(Book).filter(pages__gt=a).difference(s(Book).filter(pages__gt=b)).order_by("pk"),
        [(96, 300), (0, 2**70), (2**70, 0)],
    ),
    (
        "difference of two",
        lambda s, a: s(Tag).difference(s(Tag).filter(name=a), s(Tag).filter(weight=0)).order_by("pk"),
        ["sea", "war"],
    ),
    (
        "and",
        lambda s, a, b: s(Book).filter(pages__gt=a) & s(Book).filter(title__contains=b),
        [(96, "a"), (300, "e"), (2**70, "x")],
    ),
    (
        "or",
        lambda s, a, b: s(Book).filter(pages=a) | s(Book).filter(title__contains=b),
        [(96, "a"), (220, "e"), (2**70, "x")],
    ),
    ("xor", lambda s, a, b: s(Book).filter(pages=a) ^ s(Book).filter(title__contains=b), [(96, "a"), (220, "e")]),
    ("and of the same value", lambda s, a, b: s(Book).filter(pages=a) & s(Book).filter(pages=b), [(96, 96), (96, 220)]),
    (
        "or over relations",
        lambda s, a, b: s(Book).filter(tags__name=a) | s(Book).filter(author__name=b),
        [("sea", "Homer"), ("war", "x")],
    ),
    (
        "and over many",
        lambda s, a, b: s(Book).filter(tags__name=a) & s(Book).filter(tags__name=b),
        [("sea", "war"), ("sea", "sea")],
    ),
    ("or with none", lambda s: s(Book).none() | s(Book).filter(pages=96), []),
    ("and with none", lambda s: s(Book).filter(pages=96) & s(Book).none(), []),
    ("and with queryset", lambda s, a: s(Book).filter(pages=a) & Book.objects.filter(weight=0), [96, 220]),
    ("or of sliced", lambda s: s(Book)[:3] | s(Book)[:4], []),
    ("or of other models", lambda s: s(Book) | s(Tag), []),
    (
        "or of values",
        lambda s: s(Book).filter(pages=96).values("title") | s(Book).filter(pages=220).values("title"),
        [],
    ),
    (
        "and with excludes",
        lambda s, a, b: s(Author).exclude(books__title=a) & s(Author).exclude(books__title=b),
        [("Emma", "Dawn"), ("Emma", "Emma")],
    ),
    (
        "or of annotated",
        lambda s, a: (
            s(Author).annotate(n=Count("books")).filter(n__gt=a) | s(Author).annotate(n=Count("books")).filter(n=0)
        ),
        [3, 5],
    ),
    ("union of managers", lambda s: s(Review).union(s(Review.everything)).order_by("pk"), []),
    ("union of composite", lambda s: s(OrderLine).union(s(OrderLine).filter(number=1)), []),
    (
        "union of countries",
        lambda s, n: s(Country).filter(name=n).union(s(Country).filter(is_member=None)),
        ["France", "Germany"],
    ),
    (
        "union filtered by f",
        lambda s, n: s(Book).filter(pages__gt=F("weight") + n).values("pk").union(s(Publisher).values("pk")),
        [1, 2],
    ),
]


@pytest.mark.parametrize(("build", "values"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("finish", ["run", "acount", "aexists", "afirst"])
def test_a_combination_is_djangos(finish: str, build: Any, values: list[Any]) -> None:
    compare(build, *values, finish=ending(finish))


def test_an_order_by_what_is_not_selected_is_djangos() -> None:
    # Compiling such a query twice breaks it in Django, so that its SQL is not asked for.
    finish = ending("async for")

    def union(start: Start, pages: int) -> Any:
        return start(Book).filter(pages=pages).union(start(Book).filter(weight=0))

    compare(
        lambda start, pages: union(start, pages).values_list("price", "pk").order_by("title"), 96, 220, finish=finish
    )
    compare(lambda start, pages: union(start, pages).values("price").order_by("title"), 96, 220, finish=finish)
    compare(
        lambda start, pages: union(start, pages).values_list("price", flat=True).order_by("title"), 96, finish=finish
    )
    compare(lambda start: start(Tag).union(start(Tag).filter(weight=0)).order_by(Length("name"), "pk"), finish=finish)
