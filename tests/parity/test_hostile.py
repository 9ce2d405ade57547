"""Differences that the fuzz of names and values has found, one case each."""

from __future__ import annotations

import decimal
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import (
    CharField,
    Exists,
    FilteredRelation,
    JSONField,
    Prefetch,
    Q,
    Value,
)
from django.db.models.functions import Concat
from django.test import override_settings
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.translation import gettext_lazy, override

import adj
from adj import q
from adj.errors import ShapeError
from tests.fuzz.hostile import AlikeInt, Anything, LyingDict, LyingInt, LyingList, OwnMapping, Raising, Truth
from tests.parity.oracle import Fresh, compare, ending
from tests.running import run
from tests.shop.models import Author, Book, Tag

Build = Callable[[Any, Any], Any]
SNAN = decimal.Decimal("sNaN")

CASES: dict[str, tuple[Build, list[Any]]] = {
    "texts as bounds": (lambda s, v: s(Tag).order_by("pk")[:v], ["2", "x", uuid.UUID(int=2), b"2", 2, 2.5]),
    "numbers that lie as bounds": (lambda s, v: s(Tag).order_by("pk")[v:9], [LyingInt(1), AlikeInt(2), True, 2]),
    "an index": (
        lambda s, v: (s(Tag).order_by("pk"), ending("[]", v)),
        [SimpleLazyObject(lambda: 1), LyingInt(1), AlikeInt(2), True, "1", 1.0, 3],
    ),
    "not a list for in_bulk": (lambda s, v: (s(Tag), ending("ain_bulk", v)), [0, 0.0, "", False, 5, ~Q(), [1]]),
    "complex_filter": (
        lambda s, v: s(Tag).complex_filter(v),
        [((1, 2),), (1,), {None: ()}, {1: 1}, LyingDict(weight=1), OwnMapping(), [("weight", 1)], {"weight": 1}],
    ),
    "chunk_size": (
        lambda s, v: (s(Tag).order_by("pk"), ending("aiterator", v)),
        ["2", 0, -1, 0.0, -1.5, 1.5, b"", [], decimal.Decimal(0), True, 3],
    ),
    "a query in a FilteredRelation": (
        lambda s, v: (
            s(Book).annotate(y=FilteredRelation("tags", condition=Q(tags__in=s(Tag).filter(weight=v)))).filter(y=None)
        ),
        [1, 2],
    ),
    "names that cannot be compared": (lambda s, v: s(Tag).order_by(v), [Truth(), [1], {}, "pk"]),
    "what looks like an expression": (lambda s, v: s(Tag).order_by("weight", v), [Anything(), "nope", "pk"]),
    "an expression of several columns": (
        lambda s, v: s(Tag).filter(weight=v).values_list(Tag.objects.all(), flat=True),
        [1, 2],
    ),
    "a truth compared with a number": (
        lambda s, v: s(Tag).alias(y=Exists(s(Tag).filter(pk=1))).filter(y=v).order_by("pk"),
        [1, 0, 1, True],
    ),
    "values that cannot be compared": (
        lambda s, v: s(Tag).annotate(x=Concat("name", Value(v)), y=Concat("name", Value("x"))).order_by("pk"),
        ["a", SNAN, "x", SNAN],
    ),
    "views of a dict as a value": (
        lambda s, v: s(Book).filter(metadata=v).order_by("pk"),
        [{"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items(), ["a"]],
    ),
    "views of a dict as texts": (
        lambda s, v: s(Tag).exclude(name=v).order_by("pk"),
        [{"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items(), "sea"],
    ),
    "views of a dict as members": (
        lambda s, v: s(Tag).filter(pk__in=v).order_by("pk"),
        [{1: 2}.keys(), {1: 2, 3: 4}.values(), {5: 6}.keys(), [7]],
    ),
    "lists that lie": (
        lambda s, v: s(Tag).filter(pk__in=v).order_by("pk"),
        [LyingList([1, 3]), [1, 3], LyingList([2]), LyingList()],
    ),
    "lists that lie as JSON": (
        lambda s, v: s(Book).annotate(y=Value(v, output_field=JSONField())).order_by("pk"),
        [LyingList([1, 3]), [1, 3], LyingDict(weight=1), {"weight": 1}],
    ),
    "dicts that lie as texts": (
        lambda s, v: s(Tag).filter(name__iexact=v).order_by("pk"),
        [LyingDict(weight=1), LyingList([1, 3]), OwnMapping(), "sea"],
    ),
    "a union of all": (
        lambda s, v: s(Tag).filter(pk=1).union(s(Tag).filter(pk=1), all=v).order_by("pk"),
        [1, AlikeInt(0), "", "x", [], None, True],
    ),
    "flat and named": (
        lambda s, v: s(Tag).order_by("pk").values_list("name", flat=v, named=False),
        [1, "", "x", AlikeInt(0), None, True],
    ),
    "lazy kinds of dates": (lambda s, v: s(Book).dates("published", v), [lazystr("year"), "year", lazystr("month")]),
    "translations of raw()": (
        lambda s, v: (s(Tag).raw("SELECT * FROM shop_tag ORDER BY id", translations=v), ending("async for")),
        ["x", [("a", "b")], 5, {"nope": "name"}, {}],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_queries_from_the_fuzzer_behave_as_in_django(name: str) -> None:
    build, values = CASES[name]
    compare(build, *[(value,) for value in values])
    for value in values:
        # With the plan of a usual value.
        compare(build, (values[-1],), (value,), (values[-1],))


# Both sides run out of stack. What Python collects at that depth has none left for its own code.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_list_that_holds_itself_ends() -> None:
    items: list[Any] = [1]
    items.append(items)
    compare(lambda start, items: start(Tag).filter(pk__in=items), (Fresh(lambda: items),), (Fresh(lambda: items),))
    compare(lambda start, items: start(Book).filter(metadata=items), (Fresh(lambda: items),), (Fresh(lambda: items),))


def test_a_lazy_kind_is_read_in_the_language_of_the_query(empty_plan_cache: None) -> None:
    """It was in the key of the plan as it was, and another one by the next language."""

    async def kinds() -> list[list[Any]]:
        found = []
        for language in ("en", "de", "en"):
            with override(language):
                # Django's own catalog has it.
                found.append(await q(Tag).values_list(Value(gettext_lazy("Yes"), output_field=CharField())).run())
        return found

    english, german, again = run(kinds())
    assert english == again != german


@pytest.mark.parametrize("queryset", [5, "books", Book, [], Book.objects])
def test_a_prefetch_takes_a_query(queryset: Any) -> None:
    # What was found out of a query is not true of another class.
    q(Author).prefetch_related(Prefetch("books", Book.objects.all()))
    with pytest.raises(ShapeError, match=r"Prefetch\(\) expects a query or a QuerySet; got"):
        q(Author).prefetch_related(Prefetch("books", queryset))


def test_what_cannot_be_compared_has_no_plan(empty_plan_cache: None) -> None:
    query = q(Tag).annotate(y=Value(SNAN)).annotate(y=Concat("name", Value(1.5), output_field=CharField()))
    django = Tag.objects.annotate(y=Value(SNAN)).annotate(y=Concat("name", Value(1.5), output_field=CharField()))
    assert query.sql() == django.query.sql_with_params()
    assert adj.plan_cache.stats().size == 0


def test_a_plan_that_cannot_bind_its_own_values_is_not_kept(empty_plan_cache: None) -> None:
    query = q(Tag).alias(y=Exists(Tag.objects.filter(pk=1))).filter(y=1)
    assert query.sql() == query.sql()
    assert (adj.plan_cache.stats().size, adj.plan_cache.stats().uncacheable) == (0, 2)


def test_a_value_without_a_text_hides_no_error() -> None:
    with override_settings(DEBUG=True), pytest.raises(TypeError, match="expects expressions; got Raising"):
        q(Tag).annotate(Raising("sea"))
    with override_settings(DEBUG=True), pytest.raises(ShapeError, match="expects names; got int"):
        q(Tag).only(10**5_000)  # type: ignore[arg-type]
