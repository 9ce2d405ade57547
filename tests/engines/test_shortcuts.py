"""Django's shortcuts and its paginator for views, on adj's engine."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core import paginator
from django.http import Http404

from adj import get_list_or_404, get_object_or_404, q
from tests.diary.models import Entry, Writer
from tests.engines.diaries import diaries
from tests.engines.places import Place
from tests.running import run


@pytest.fixture(autouse=True)
def writer(place: Place) -> Iterator[Writer]:
    """Diaries on the engine, with nine entries."""
    with diaries(place):
        writer = Writer.objects.create(name="Anaïs")
        Entry.objects.bulk_create(
            Entry(writer=writer, title=f"Day {number}", slug=f"day-{number}", words=number) for number in range(9)
        )
        yield writer


@pytest.mark.parametrize(
    "source",
    [Entry, Entry.objects, Entry.objects.all(), q(Entry), Entry.aobjects],
    ids=lambda source: str(type(source)),
)
def test_rows_are_returned_for_every_source_of_q(source: Any) -> None:
    async def main() -> None:
        assert (await get_object_or_404(source, title="Day 3")).words == 3
        assert len(await get_list_or_404(source, words__gte=5)) == 4
        with pytest.raises(Http404, match=r"No Entry matches the given query\."):
            await get_object_or_404(source, title="Day 33")
        with pytest.raises(Http404, match=r"No Entry matches the given query\."):
            await get_list_or_404(source, title="Day 33")
        with pytest.raises(Entry.MultipleObjectsReturned):
            await get_object_or_404(source, words__gte=5)

    run(main())


def test_rows_of_other_shapes_are_returned_as_well() -> None:
    async def main() -> None:
        assert await get_object_or_404(q(Entry).values("title"), words=2) == {"title": "Day 2"}
        assert await get_list_or_404(q(Entry).values_list("title", flat=True), words=2) == ["Day 2"]

    run(main())


def test_a_source_that_is_none_is_refused() -> None:
    source: Any = Entry(title="Day 1")
    with pytest.raises(TypeError, match=r"q\(\) expects a model, a manager, a QuerySet or a query; got Entry"):
        run(get_object_or_404(source, pk=1))


# Django 5.2 has none.
django_paginator: Any = getattr(paginator, "AsyncPaginator", None)
has_paginator = pytest.mark.skipif(django.VERSION < (6, 0), reason="AsyncPaginator came with Django 6.0")


@has_paginator
def test_djangos_asynchronous_paginator_takes_a_query() -> None:
    async def main() -> None:
        pages = django_paginator(q(Entry).order_by("pk"), 4, orphans=1)
        assert await pages.acount() == 9
        assert await pages.anum_pages() == 2
        assert [[entry.words async for entry in page] async for page in pages] == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
        page = await pages.aget_page("99")
        assert page.number == 2
        assert [entry.words for entry in await page.aget_object_list()] == [4, 5, 6, 7, 8]
        assert (len(page), page[0].words) == (5, 4)
        assert await page.ahas_previous()
        assert (await pages.aget_page("x")).number == 1
        with pytest.raises(paginator.EmptyPage):
            await pages.apage(3)
        values = django_paginator(q(Entry).order_by("pk").values_list("words", flat=True), 3)
        assert [words async for words in await values.apage(3)] == [6, 7, 8]
        assert await django_paginator(Entry.aobjects, 5).anum_pages() == 2

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", paginator.UnorderedObjectListWarning)
        run(main())


@has_paginator
def test_the_typed_paginator_is_djangos() -> None:
    from adj.models.paginator import AsyncPaginator  # not to be had in Django 5.2

    async def main() -> None:
        pages = AsyncPaginator(q(Entry).order_by("-pk"), 4)
        assert isinstance(pages, django_paginator)
        assert [entry.words async for entry in await pages.aget_page(3)] == [0]

    run(main())


@has_paginator
def test_djangos_paginator_warns_of_a_query_without_an_order() -> None:
    with pytest.warns(paginator.UnorderedObjectListWarning, match="inconsistent results with an unordered"):
        django_paginator(q(Entry), 4)
