"""The views of the tests' project: each asks in every way that adj and Django have."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse

import adj
from adj import atomic, q
from tests.shop.models import Country


def names() -> list[str]:
    """The names of the countries that Django finds."""
    return list(Country.objects.values_list("name", flat=True))


async def tenants_names(request: HttpRequest, name: str) -> JsonResponse:
    """The names that a tenant finds, by API; the middleware reads the tenant's name."""
    found = {
        "q": await q(Country).values_list("name", flat=True).run(),
        "run_sync": await adj.run_sync(names),
        "Django": [country.name async for country in Country.objects.all()],
        "sync_to_async": await sync_to_async(names)(),
    }
    async with q(Country).stream(1) as rows:
        found["stream"] = [country.name async for country in rows]
    async with atomic():
        found["atomic"] = await q(Country).values_list("name", flat=True).run()
        found["Django, atomic"] = [country.name async for country in Country.objects.all()]
    found["q, again"] = [country.name for country in await q(Country).run()]
    return JsonResponse(found)


async def tenants_names_in_native(request: HttpRequest, name: str) -> JsonResponse:
    """The same in a block of the view's own."""
    async with adj.native():
        return await tenants_names(request, name)


async def names_without_tenant(request: HttpRequest) -> JsonResponse:
    """The same for a request of no tenant."""
    return await tenants_names(request, "")


async def country(request: HttpRequest, number: int) -> JsonResponse:
    """What requests of a project do: write, read and write again, by adj and by Django."""
    code = f"{number:02x}"
    written = await Country.objects.acreate(code=code, name="request")
    async with atomic():
        changed = await q(Country).filter(pk=code, name="request").aupdate(name="changed")
        again = await Country.objects.filter(pk=code).aupdate(population=number)
    found = await q(Country).aget(pk=code)
    listed = [row.pk async for row in Country.objects.filter(pk=code)]
    by_django = await Country.objects.aget(pk=code)
    deleted, _ = await q(Country).filter(pk=code).adelete()
    return JsonResponse(
        {
            "written": written.pk,
            "changed": changed + again,
            "found": [found.name, found.population, by_django.name, *listed],
            "deleted": deleted,
        }
    )
