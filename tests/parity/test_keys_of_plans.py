"""Queries that look alike and are not: none may run the other's plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, F, Func, Value
from django.db.models.functions import TruncDate
from django.utils import timezone

from adj import q
from tests.running import run
from tests.shop.models import Book


class Named(F):
    """A reference with another attribute."""

    def __init__(self, name: str, suffix: str) -> None:
        super().__init__(name)
        self.suffix = suffix

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return Func(
            super().resolve_expression(*args, **kwargs),
            Value(self.suffix),
            template="%(expressions)s",
            arg_joiner=" || ",
            output_field=CharField(),
        )


ALIKE: dict[str, list[Callable[[Any], Any]]] = {
    "slices of an F": [
        lambda start: start.values_list(F("title")[:3], flat=True),
        lambda start: start.values_list(F("title")[2:6], flat=True),
    ],
    "an F of the project": [
        lambda start: start.values_list(Named("title", "!"), flat=True),
        lambda start: start.values_list(Named("title", "?"), flat=True),
    ],
    "a condition as a pair": [
        lambda start: start.filter(("released__date__isnull", False)).values_list(TruncDate("released"), flat=True),
        lambda start: start.filter(("released__date__isnull", True)).values_list(TruncDate("released"), flat=True),
    ],
}


@pytest.mark.parametrize("alike", ALIKE.values(), ids=list(ALIKE))
def test_queries_that_look_alike_have_their_own_answers(alike: list[Callable[[Any], Any]]) -> None:
    for ask in [*alike, *alike]:
        assert run(ask(q(Book).order_by("pk")).run()) == list(ask(Book.objects.order_by("pk")))


def test_a_path_in_a_pair_is_of_the_current_time_zone() -> None:
    for zone in ("Asia/Tokyo", "America/New_York", "UTC"):
        with timezone.override(zone):
            condition = ("released__date", Book.objects.filter(released__isnull=False).dates("released", "day")[0])
            assert run(q(Book).filter(condition).order_by("pk").run()) == list(
                Book.objects.filter(condition).order_by("pk")
            )


def test_what_django_asks_while_it_compiles_is_not_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generic relation asks for its content type, which may not be known yet."""
    # Other tests count on what is known already.
    monkeypatch.setattr(ContentType.objects, "_cache", {})
    expected = list(Book.objects.filter(notes__text__contains="e").order_by("pk"))
    for _ in range(3):
        ContentType.objects.clear_cache()
        assert run(q(Book).filter(notes__text__contains="e").order_by("pk").run()) == expected
    assert run(q(Book).filter(notes__text__contains="e").order_by("pk").run()) == expected
