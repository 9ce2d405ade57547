"""Ten queries that look correct and are not: without mypy, a test or a user would find them."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef

from adj import q
from world.models import City, Country, Language


async def report(language: Language) -> None:
    cities = q(City).filter(population__gt=1_000_000)

    await cities.filter(contry__name="Chile").run()
    await cities.filter(name__icontain="san").run()
    await cities.filter(population__lt="2000000").run()
    await cities.filter(country=language).run()
    await cities.order_by("-populaton").run()
    await q(Country).annotate(towns=Count("city")).run()
    await q(Country).filter(Exists(cities.filter(country=OuterRef("kode")))).run()
    await q(City).aupdate(population=None)
    async for row in cities.values("name", "population"):
        print(row["latitude"])
    async for city in cities.order_by("name"):
        print(city.name, city.country.name)
