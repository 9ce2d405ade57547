"""The ten queries of wrong.py, corrected."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef

from adj import q
from world.models import City, Country, Language


async def report(language: Language) -> None:
    cities = q(City).filter(population__gt=1_000_000)

    await cities.filter(country__name="Chile").run()
    await cities.filter(name__icontains="san").run()
    await cities.filter(population__lt=2_000_000).run()
    await cities.filter(country__languages=language).run()
    await cities.order_by("-population").run()
    await q(Country).annotate(towns=Count("cities")).run()
    await q(Country).filter(Exists(cities.filter(country=OuterRef("code")))).run()
    await q(City).aupdate(population=0)
    async for row in cities.values("name", "latitude"):
        print(row["latitude"])
    async for city in cities.order_by("name").select_related("country"):
        print(city.name, city.country.name)
