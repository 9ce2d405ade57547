"""Queries whose rows have no place of their own have no pages, which is said before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Count

from adj import AsyncQuery, ShapeError, q
from tests.running import run
from tests.shop.models import Book


def refused() -> list[Any]:
    books = q(Book)
    return [
        (books.order_by("?"), "a random order"),
        (books.order_by("title")[:5], "cannot cut a slice"),
        (books.union(books), "union"),
        (books.values("title").distinct(), "distinct rows"),
        (books.values("author").annotate(n=Count("pk")), "of groups"),
        (books.order_by("tags__name"), "leads to several rows"),
        (books.order_by("contributions__position"), "leads to several rows"),
        (q(Book.objects.values_list("title", flat=True)), "flat=True"),
        (books.order_by("metadata__lang"), "is JSON"),
        (books.order_by("-metadata"), "is JSON"),
        (books.extra(order_by=["title"]), "extra"),
    ]


@pytest.mark.parametrize(("query", "reason"), refused(), ids=lambda value: value if isinstance(value, str) else "")
def test_rows_without_a_place_are_refused(query: AsyncQuery[Any, Any], reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        run(query.page(3))
