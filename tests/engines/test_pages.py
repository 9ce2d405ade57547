"""Pages by cursor: put together they are the whole, in any order, on every engine, forwards and backwards."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import signing
from django.db.models import Count, F, Value
from django.db.models.functions import Coalesce, Length, Lower

from adj import AsyncQuery, InvalidCursor, Page, q
from tests.diary.models import Entry, Essay, Writer
from tests.engines.diaries import diaries
from tests.engines.places import Place
from tests.running import run


@pytest.fixture(autouse=True)
def _entries(place: Place) -> Iterator[None]:
    """Forty entries of three writers, with many equal values and many nulls."""
    choose = random.Random(7)
    with diaries(place):
        writers = [Writer.objects.create(name=name) for name in ("Anaïs", "Virginia", "zoe")]
        Entry.objects.bulk_create(
            Entry(
                writer=choose.choice(writers),
                title=choose.choice(["Rain", "rain", "Snow", "Été", "100%", ""]),
                slug=f"entry-{number}",
                words=choose.choice([None, 0, 1, 5, 2**31 - 1]),
                mood=choose.choice([None, "", "calm", "grim"]),
                written=choose.choice([None, datetime.date(2020, 1, 1), datetime.date(2021, 5, 6)]),
            )
            for number in range(40)
        )
        yield


async def forwards(query: AsyncQuery[Any, Any], size: int) -> list[Any]:
    """All rows, page by page."""
    page = await query.page(size)
    assert not page.has_previous
    rows = list(page.rows)
    while page.next is not None:
        before = page
        page = await query.page(size, after=page.next)
        assert page.has_previous
        assert len(page) <= size
        assert list((await query.page(size, before=page.previous)).rows) == list(before.rows)
        rows.extend(page)
    return rows


async def backwards(query: AsyncQuery[Any, Any], size: int) -> list[Any]:
    """All rows but those of the last page, from there to the beginning."""
    page = await query.page(size)
    while page.next is not None:
        page = await query.page(size, after=page.next)
    rows: list[Any] = []
    while page.previous is not None:
        page = await query.page(size, before=page.previous)
        assert page.has_next
        rows[:0] = page.rows
    return rows


def check(query: AsyncQuery[Any, Any], whole: AsyncQuery[Any, Any], *sizes: int) -> None:
    """Pages of several sizes are the rows of another query, whose order is total."""

    async def main() -> None:
        rows = await whole.run()
        assert len(rows) > 20
        for size in sizes or (7, 40):
            assert await forwards(query, size) == rows
            assert await backwards(query, size) == rows[: (len(rows) - 1) // size * size]

    run(main())


NAMES = ["title", "words", "mood", "written", "writer__name", "slug", "writer", "writer_id"]


def random_orders() -> Iterator[list[Any]]:
    """Orders of one to four terms in both directions, with nulls where they are by default, or put somewhere."""
    choose = random.Random(11)
    for _ in range(12):
        terms: list[Any] = []
        for name in choose.sample(NAMES, choose.randint(1, 4)):
            way = choose.randint(0, 5)
            if way < 4:
                terms.append(("-" if way % 2 else "") + name)
            elif way == 4:
                terms.append(F(name).desc(nulls_last=True) if choose.random() < 0.5 else F(name).asc(nulls_last=True))
            else:
                terms.append(F(name).asc(nulls_first=True) if choose.random() < 0.5 else F(name).desc(nulls_first=True))
        yield terms


def choose_size(terms: list[Any]) -> int:
    """Some orders are asked row by row, which takes long."""
    return 1 if len(terms) == 4 else 7


@pytest.mark.parametrize("terms", list(random_orders()), ids=lambda terms: ", ".join(map(str, terms)))
def test_pages_in_a_random_order_are_the_whole(terms: list[Any]) -> None:
    check(q(Entry).order_by(*terms), q(Entry).order_by(*terms, "pk"), choose_size(terms))


def test_without_an_order_pages_go_by_the_primary_key() -> None:
    check(q(Entry), q(Entry).order_by("pk"))
    check(q(Entry).order_by("-pk"), q(Entry).order_by("-pk"))
    check(Entry.aobjects.order_by("pk", "words"), q(Entry).order_by("pk"))


def test_the_opposite_order_has_the_opposite_pages() -> None:
    check(q(Entry).order_by("words", "-title").reverse(), q(Entry).order_by("words", "-title", "pk").reverse())


def test_expressions_and_annotations_may_sort() -> None:
    query = q(Entry).annotate(size=Length("title"), lower=Lower("title"))
    check(query.order_by("-size", "lower"), query.order_by("-size", "lower", "pk"))
    check(query.order_by(Lower("title").desc(), Coalesce("words", Value(3))),
          query.order_by(Lower("title").desc(), Coalesce("words", Value(3)), "pk"))  # fmt: skip
    counted = q(Entry).annotate(n=Count("writer__entries"))
    check(counted.order_by("-n"), counted.order_by("-n", "pk"))


def test_rows_have_the_requested_shape() -> None:
    query = q(Entry).order_by("words", "-mood")
    whole = q(Entry).order_by("words", "-mood", "pk")
    check(query.values("title", "words"), whole.values("title", "words"))
    check(query.values(), whole.values())
    check(query.values_list("title", "mood"), whole.values_list("title", "mood"))
    check(query.values_list("slug", flat=True), whole.values_list("slug", flat=True))
    check(query.values_list("title", "slug", named=True), whole.values_list("title", "slug", named=True))
    check(query.only("title"), whole.only("title"))

    async def main() -> None:
        (row,) = await query.values_list("title", "slug", named=True).page(1)
        assert row._fields == ("title", "slug")
        (entry,) = await query.select_related("writer").page(1)
        assert not [name for name in vars(entry) if name.startswith("adj_")]
        assert entry.writer.name

    run(main())


def test_conditions_go_with_pages_and_strangers_do_not_shift_them() -> None:
    async def main() -> None:
        query = q(Entry).filter(words__isnull=False).order_by("slug")
        first = await query.page(5)
        await Entry.aobjects.acreate(writer=await q(Writer).alatest("pk"), title="New", slug="aaa", words=1)
        second = await query.page(5, after=first.next)
        assert not {entry.pk for entry in first} & {entry.pk for entry in second}
        slugs = await query.exclude(slug="aaa").values_list("slug", flat=True).run()
        assert [entry.slug for entry in (*first, *second)] == slugs[:10]

    run(main())


def test_an_empty_table_has_one_empty_page() -> None:
    async def main() -> None:
        assert await q(Essay).order_by("topic").page(5) == Page([], None, None)
        assert await q(Entry).none().page(5) == Page([], None, None)

    run(main())


def test_a_page_says_where_it_is() -> None:
    async def main() -> None:
        page = await q(Entry).page(40)
        assert (page.has_next, page.has_previous, len(page)) == (False, False, 40)
        page = await q(Entry).page(39)
        assert (page.has_next, page.has_previous) == (True, False)
        assert page.next is not None
        last = await q(Entry).page(39, after=page.next)
        assert (last.has_next, last.has_previous, len(last)) == (False, True, 1)

    run(main())


def test_a_page_whose_rows_are_gone_leads_back() -> None:
    async def main() -> None:
        query = q(Entry).order_by("mood", "-words")
        page = await query.page(30)
        await q(Entry).exclude(pk__in=[entry.pk for entry in page]).adelete()
        empty = await query.page(30, after=page.next)
        assert (empty.rows, empty.has_next, empty.has_previous) == ([], False, True)
        assert list(await query.page(30, before=empty.previous)) == list(page)

    run(main())


def test_a_cursor_of_another_annotation_of_the_same_name_is_refused() -> None:
    async def main() -> None:
        cursor = (await q(Entry).annotate(size=Length("title")).order_by("size").page(3)).next
        with pytest.raises(InvalidCursor, match="another model, order or database"):
            await q(Entry).annotate(size=Length("slug")).order_by("size").page(3, after=cursor)

    run(main())


# -- mistakes ----------------------------------------------------------------------------------------------------------


def test_cursors_that_do_not_fit_are_refused() -> None:
    async def main() -> None:
        query = q(Entry).order_by("words")
        cursor = (await query.page(3)).next
        assert cursor is not None
        wrong: list[Any] = [
            (query, cursor[:-1] + ("A" if cursor[-1] != "A" else "B")),
            (query, "x" + cursor),
            (query, ""),
            (query, "words"),
            (query, 5),
            (query, signing.dumps(["words", 1, 2])),
            (query, signing.dumps(5, salt="adj.page")),
            (q(Entry).order_by("-words"), cursor),
            (q(Entry).order_by("words", "title"), cursor),
            (q(Entry).order_by(F("words").asc(nulls_last=True)), cursor),
            (q(Writer), cursor),
        ]
        for other, given in wrong:
            with pytest.raises(InvalidCursor, match=r"The cursor cannot be used: .* to get the first page"):
                await other.page(3, after=given)
            with pytest.raises(ValueError, match="The cursor cannot be used"):
                await other.page(3, before=given)

    run(main())


def test_sizes_that_are_none_and_two_cursors_are_refused() -> None:
    async def main() -> None:
        sizes: list[Any] = [0, -1, "5", True, 2.5]
        for size in sizes:
            with pytest.raises(ValueError, match="page\\(\\) expects a positive number of rows"):
                await q(Entry).page(size)
        with pytest.raises(ValueError, match="got both"):
            await q(Entry).page(1, after="a", before="b")

    run(main())
