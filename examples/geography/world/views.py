"""Three async views of the world app, with a few queries each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

from django.http import Http404, HttpRequest, JsonResponse, StreamingHttpResponse

from adj import q
from world.models import City, Country

PAGE: Final = 20
LARGEST: Final = 5


async def country_list(request: HttpRequest) -> JsonResponse:
    """One page of countries, the most populous first; filtered by `?continent=EU` and `?page=2`."""
    query = q(Country).order_by("-population", "code")
    if continent := request.GET.get("continent"):
        query = query.filter(continent=continent.upper())
    start = (page_number(request) - 1) * PAGE
    page = query.values("code", "name", "population", "capital__name")[start : start + PAGE]
    # Outside a transaction the two queries run at the same time, on separate connections.
    countries, total = await asyncio.gather(page.run(), query.acount())
    return JsonResponse({"total": total, "countries": countries})


async def country_detail(_request: HttpRequest, code: str) -> JsonResponse:
    """One country with its neighbors and its largest cities."""
    cities = q(City).filter(country=code.upper())
    country, largest, total = await asyncio.gather(
        q(Country)
        .select_related("continent", "currency", "capital")
        .prefetch_related("languages", "neighbours")
        .aget_or_none(code=code.upper()),
        cities.order_by("-population").values("name", "population", "timezone")[:LARGEST].run(),
        cities.acount(),
    )
    if country is None:
        raise Http404(f"No country has the code {code!r}.")
    return JsonResponse(
        {
            "code": country.code,
            "name": country.name,
            "continent": country.continent.name,
            "currency": country.currency and str(country.currency),
            "capital": country.capital and country.capital.name,
            "languages": [language.name for language in country.languages.all()],
            "neighbours": [neighbour.code for neighbour in country.neighbours.all()],
            "cities": {"total": total, "largest": largest},
        }
    )


async def country_cities(_request: HttpRequest, code: str) -> StreamingHttpResponse:
    """All cities of a country as CSV, sent while they are read."""
    return StreamingHttpResponse(csv_lines(code.upper()), content_type="text/csv; charset=utf-8")


async def csv_lines(country: str) -> AsyncIterator[str]:
    """A header, then a line for each city."""
    cities = q(City).filter(country=country).order_by("name", "pk")
    yield "name,population,latitude,longitude\r\n"
    async with cities.values_list("name", "population", "latitude", "longitude").stream(chunk_size=500) as rows:
        async for name, population, latitude, longitude in rows:
            quoted = name.replace('"', '""')
            yield f'"{quoted}",{population},{latitude},{longitude}\r\n'


def page_number(request: HttpRequest) -> int:
    """The page number from the URL, at least 1."""
    asked = request.GET.get("page", "1")
    # With this many digits, the offset still fits into every database's integers.
    if not re.fullmatch("[1-9][0-9]{0,5}", asked):
        raise Http404(f"{asked!r} is not a page number.")
    return int(asked)
