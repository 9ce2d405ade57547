"""Queries whose rows have no place of their own have no pages, which is said before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Count, F, Func, Subquery, Window
from django.db.models.functions import Lower, Now, Random, RowNumber

from adj import AsyncQuery, ShapeError, q
from tests.running import run
from tests.shop.models import Book, Tag


def refused() -> list[Any]:
    books = q(Book)
    return [
        (books.order_by("?"), "a random order"),
        (books.order_by("title")[:5], "does not support slices"),
        (books.union(books), "union"),
        (books.values("title").distinct(), r"values\(\) with distinct"),
        (books.values("author").annotate(n=Count("pk")), "grouped values"),
        (books.order_by("tags__name"), "leads to several rows"),
        (books.order_by("contributions__position"), "leads to several rows"),
        (q(Book.objects.values_list("title", flat=True)), "flat=True"),
        (books.order_by("metadata__lang"), "is a JSONField"),
        (books.order_by("-metadata"), "is a JSONField"),
        (books.annotate(lang=F("metadata__lang")).order_by("lang"), "is a JSONField"),
        (books.order_by(Random()), "Random has another value each time"),
        (books.order_by(Now() - F("released")), "Now has another value each time"),
        (books.annotate(age=Now() - F("released")).order_by("-age"), "Now has another value each time"),
        (books.order_by(Func(function="clock_timestamp")), "Func has another value each time"),
        (books.order_by(Window(RowNumber(), order_by="title")), "A window function"),
        (books.annotate(row=Window(RowNumber(), order_by="title")).order_by("title"), "A window function"),
        (books.alias(row=Window(RowNumber(), order_by="pk")).filter(row__lt=5), "A window function"),
        (books.order_by(Subquery(Tag.objects.order_by("?").values("name")[:1])), "nested query in a random order"),
        (books.order_by(Lower("tags__name")), "leads to several rows"),
        (books.annotate(tag=F("tags__name")).order_by("title"), "leads to several rows"),
        (books.filter(tags__weight__gt=0), '"tags" leads to several rows'),
        (books.filter(contributions__position=1).order_by("title"), '"contributions" leads to several rows'),
        (books.filter(notes__text="x"), "leads to several rows"),
        (books.extra(tables=["shop_author"]), "extra"),
        (books.extra(order_by=["title"]), "extra"),
    ]


@pytest.mark.parametrize(("query", "reason"), refused(), ids=lambda value: value if isinstance(value, str) else "")
def test_rows_without_a_place_are_refused(query: AsyncQuery[Any, Any], reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        run(query.page(3))
