"""The tour's examples, in the order in which they are shown.

Each class has one query in two forms: `adj`, and `django` for Django's own async ORM. The body of `adj` is printed
unchanged, so it must fit a terminal of 80 columns.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

from django.db.models import Avg, Count, Exists, F, Max, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from adj import q
from tour.example import Example, Question, Row
from world.models import City, Continent, Country

CONTINENTS: Final = ("AF", "AS", "EU", "NA", "OC", "SA")


class OneByKey(Example[Country]):
    """One country by its key."""

    shows = "aget, defer, select_related"
    columns = ("Country", "Capital", "Continent", "Currency", "People")

    async def adj(self) -> Country:
        countries = q(Country).defer("phone", "domain", "postal_code_pattern")
        related = countries.select_related("capital", "continent", "currency")
        return await related.aget(pk="IS")

    async def django(self) -> Country:
        countries = Country.objects.defer("phone", "domain", "postal_code_pattern")
        related = countries.select_related("capital", "continent", "currency")
        return await related.aget(pk="IS")

    def rows(self, answer: Country) -> Iterable[Row]:
        yield answer.name, answer.capital, answer.continent, answer.currency, answer.population


class LargestCities(Example[list[City]]):
    """The largest cities of Europe."""

    shows = "filter across relations, order_by, a slice"
    columns = ("City", "Country", "People")

    async def adj(self) -> list[City]:
        european = q(City).filter(country__continent__name="Europe")
        largest = european.select_related("country").order_by("-population")[:5]
        return await largest.run()

    async def django(self) -> list[City]:
        european = City.objects.filter(country__continent__name="Europe")
        largest = european.select_related("country").order_by("-population")[:5]
        return [city async for city in largest]

    def rows(self, answer: list[City]) -> Iterable[Row]:
        return ((city.name, city.country, city.population) for city in answer)


class SouthernCapitals(Example[list[City]]):
    """The southernmost capitals."""

    shows = "a reverse join, nested select_related"
    columns = ("Capital", "Country", "Continent", "Currency", "Latitude")

    async def adj(self) -> list[City]:
        capitals = q(City).filter(capital_of__isnull=False, latitude__lt=-30)
        related = capitals.select_related("country__continent", "country__currency")
        return await related.order_by("latitude").run()

    async def django(self) -> list[City]:
        capitals = City.objects.filter(capital_of__isnull=False, latitude__lt=-30)
        related = capitals.select_related("country__continent", "country__currency")
        return [city async for city in related.order_by("latitude")]

    def rows(self, answer: list[City]) -> Iterable[Row]:
        for city in answer:
            yield city.name, city.country, city.country.continent, city.country.currency, city.latitude


class CrowdedCountries(Example[Sequence[Mapping[str, object]]]):
    """The most crowded countries."""

    shows = "annotate with F, values"
    columns = ("Country", "Continent", "People per km²")

    async def adj(self) -> Sequence[Mapping[str, object]]:
        large = q(Country).filter(area__gte=100)
        crowded = large.annotate(density=F("population") / F("area"))
        rows = crowded.order_by("-density").values("name", "continent__name", "density")
        return await rows[:5].run()

    async def django(self) -> Sequence[Mapping[str, object]]:
        large = Country.objects.filter(area__gte=100)
        crowded = large.annotate(density=F("population") / F("area"))
        rows = crowded.order_by("-density").values("name", "continent__name", "density")
        return [row async for row in rows[:5]]

    def rows(self, answer: Sequence[Mapping[str, object]]) -> Iterable[Row]:
        return ((row["name"], row["continent__name"], row["density"]) for row in answer)


class TimeZones(Example[list[str]]):
    """The time zones of Australia."""

    shows = "values_list(flat=True), distinct"
    columns = ("Time zone",)

    async def adj(self) -> list[str]:
        cities = q(City).filter(country__name="Australia").order_by("timezone")
        return await cities.values_list("timezone", flat=True).distinct().run()

    async def django(self) -> list[str]:
        cities = City.objects.filter(country__name="Australia").order_by("timezone")
        return [zone async for zone in cities.values_list("timezone", flat=True).distinct()]

    def rows(self, answer: list[str]) -> Iterable[Row]:
        return ((zone,) for zone in answer)


class NorthernCities(Example[Sequence[tuple[object, ...]]]):
    """The northernmost cities."""

    shows = "values_list(named=True)"
    columns = ("City", "Country", "Latitude")

    async def adj(self) -> Sequence[tuple[object, ...]]:
        cities = q(City).order_by("-latitude", "pk")[:5]
        rows = cities.values_list("name", "country__name", "latitude", named=True)
        return await rows.run()

    async def django(self) -> Sequence[tuple[object, ...]]:
        cities = City.objects.order_by("-latitude", "pk")[:5]
        rows = cities.values_list("name", "country__name", "latitude", named=True)
        return [city async for city in rows]

    def rows(self, answer: Sequence[tuple[object, ...]]) -> Iterable[Row]:
        return map(attrgetter("name", "country__name", "latitude"), answer)


class Continents(Example[Sequence[Mapping[str, object]]]):
    """The continents by their number of cities."""

    shows = "annotate with Count and Max, grouped"
    columns = ("Continent", "Countries", "Cities", "People in the largest")

    async def adj(self) -> Sequence[Mapping[str, object]]:
        counted = q(Continent).annotate(
            states=Count("countries", distinct=True),
            towns=Count("countries__cities"),
            largest=Max("countries__cities__population"),
        )
        ordered = counted.order_by("-towns", "pk")
        return await ordered.values("name", "states", "towns", "largest").run()

    async def django(self) -> Sequence[Mapping[str, object]]:
        counted = Continent.objects.annotate(
            states=Count("countries", distinct=True),
            towns=Count("countries__cities"),
            largest=Max("countries__cities__population"),
        )
        ordered = counted.order_by("-towns", "pk")
        return [row async for row in ordered.values("name", "states", "towns", "largest")]

    def rows(self, answer: Sequence[Mapping[str, object]]) -> Iterable[Row]:
        return ((row["name"], row["states"], row["towns"], row["largest"]) for row in answer)


class Totals(Example[Mapping[str, object]]):
    """The cities of Asia in figures."""

    shows = "aaggregate"
    columns = ("Cities", "People in all", "People on average", "People in the largest")

    async def adj(self) -> Mapping[str, object]:
        cities = q(City).filter(country__continent="AS")
        return await cities.aaggregate(
            cities=Count("pk"),
            people=Sum("population"),
            mean=Avg("population"),
            largest=Max("population"),
        )

    async def django(self) -> Mapping[str, object]:
        cities = City.objects.filter(country__continent="AS")
        return await cities.aaggregate(
            cities=Count("pk"),
            people=Sum("population"),
            mean=Avg("population"),
            largest=Max("population"),
        )

    def rows(self, answer: Mapping[str, object]) -> Iterable[Row]:
        yield answer["cities"], answer["people"], answer["mean"], answer["largest"]


class Saints(Example[tuple[int, bool]]):
    """Cities outside the Americas that are named after saints."""

    shows = "Q objects, exclude, acount, aexists"
    columns = ("Cities", "One has over a million people")

    async def adj(self) -> tuple[int, bool]:
        named = Q(name__startswith="San ") | Q(name__startswith="Saint-")
        saints = q(City).filter(named).exclude(country__continent__in=["NA", "SA"])
        millions = saints.filter(population__gt=1_000_000)
        return await saints.acount(), await millions.aexists()

    async def django(self) -> tuple[int, bool]:
        named = Q(name__startswith="San ") | Q(name__startswith="Saint-")
        saints = City.objects.filter(named).exclude(country__continent__in=["NA", "SA"])
        millions = saints.filter(population__gt=1_000_000)
        return await saints.acount(), await millions.aexists()

    def rows(self, answer: tuple[int, bool]) -> Iterable[Row]:
        yield answer


class LargestOfEach(Example[Sequence[tuple[object, ...]]]):
    """The largest city of each country in South America."""

    shows = "a correlated Subquery, values_list"
    columns = ("Country", "Capital", "Largest city")

    async def adj(self) -> Sequence[tuple[object, ...]]:
        cities = q(City).filter(country=OuterRef("pk")).order_by("-population")
        countries = (
            q(Country)
            .filter(continent="SA")
            .annotate(
                largest=Subquery(cities.values("name")[:1])  # type: ignore[arg-type]  # the stubs know QuerySet only
            )
        )
        columns = countries.values_list("name", "capital__name", "largest")
        return await columns.order_by("name").run()

    async def django(self) -> Sequence[tuple[object, ...]]:
        cities = City.objects.filter(country=OuterRef("pk")).order_by("-population")
        countries = Country.objects.filter(continent="SA").annotate(largest=Subquery(cities.values("name")[:1]))
        columns = countries.values_list("name", "capital__name", "largest")
        return [row async for row in columns.order_by("name")]

    def rows(self, answer: Sequence[tuple[object, ...]]) -> Iterable[Row]:
        return answer


class OvershadowedCapitals(Example[list[Country]]):
    """Capitals that a city of five million has outgrown."""

    shows = "Exists"
    columns = ("Country", "Capital", "People in the capital")

    async def adj(self) -> list[Country]:
        cities = q(City).filter(country=OuterRef("pk"), population__gt=5_000_000)
        larger = cities.filter(population__gt=OuterRef("capital__population"))
        countries = q(Country).filter(Exists(larger)).select_related("capital")  # type: ignore[arg-type]  # the stubs know QuerySet only
        return await countries.order_by("name").run()

    async def django(self) -> list[Country]:
        cities = City.objects.filter(country=OuterRef("pk"), population__gt=5_000_000)
        larger = cities.filter(population__gt=OuterRef("capital__population"))
        countries = Country.objects.filter(Exists(larger)).select_related("capital")
        return [country async for country in countries.order_by("name")]

    def rows(self, answer: list[Country]) -> Iterable[Row]:
        for country in answer:
            yield country.name, country.capital, country.capital and country.capital.population


class Neighbours(Example[list[Country]]):
    """Neighbours, languages and large cities of five countries."""

    shows = "prefetch_related, Prefetch"
    columns = ("Country", "Neighbours", "Languages", "Cities over a million")

    async def adj(self) -> list[Country]:
        cities = q(City).filter(population__gt=1_000_000).order_by("-population")
        large = Prefetch("cities", cities)  # type: ignore[arg-type]  # the stubs know QuerySet only
        countries = q(Country).filter(continent="SA").order_by("-population")[:5]
        return await countries.prefetch_related("neighbours", "languages", large).run()

    async def django(self) -> list[Country]:
        cities = City.objects.filter(population__gt=1_000_000).order_by("-population")
        large = Prefetch("cities", cities)
        countries = Country.objects.filter(continent="SA").order_by("-population")[:5]
        related = countries.prefetch_related("neighbours", "languages", large)
        return [country async for country in related]

    def rows(self, answer: list[Country]) -> Iterable[Row]:
        for country in answer:
            neighbours = sorted(neighbour.code for neighbour in country.neighbours.all())
            languages = sorted(language.name for language in country.languages.all())
            cities = [city.name for city in country.cities.all()]
            yield country.name, " ".join(neighbours), ", ".join(languages), ", ".join(cities)


class AroundSwitzerland(Example[list[City]]):
    """The cities of a million people around Switzerland."""

    shows = "a query inside a query"
    columns = ("City", "Country", "People")

    async def adj(self) -> list[City]:
        around = q(Country).filter(neighbours="CH")
        cities = q(City).filter(country__in=around, population__gte=1_000_000)
        return await cities.select_related("country").order_by("-population").run()

    async def django(self) -> list[City]:
        around = Country.objects.filter(neighbours="CH")
        cities = City.objects.filter(country__in=around, population__gte=1_000_000)
        ordered = cities.select_related("country").order_by("-population")
        return [city async for city in ordered]

    def rows(self, answer: list[City]) -> Iterable[Row]:
        return ((city.name, city.country, city.population) for city in answer)


class NearGreenwich(Example[Sequence[City]]):
    """The cities nearest to the meridian of Greenwich."""

    shows = "raw"
    columns = ("City", "Longitude")

    async def adj(self) -> Sequence[City]:
        nearest = "SELECT * FROM world_city ORDER BY abs(longitude) LIMIT %s"
        return await q(City).raw(nearest, [5]).run()

    async def django(self) -> Sequence[City]:
        nearest = "SELECT * FROM world_city ORDER BY abs(longitude) LIMIT %s"
        return [city async for city in City.objects.raw(nearest, [5])]

    def rows(self, answer: Sequence[City]) -> Iterable[Row]:
        return ((city.name, city.longitude) for city in answer)


class NamedYork(Example[list[City]]):
    """Cities named after York."""

    shows = "only"
    columns = ("City", "Country", "People")

    async def adj(self) -> list[City]:
        yorks = q(City).filter(name__iendswith="york").select_related("country")
        columns = yorks.only("name", "population", "country__name")
        return await columns.order_by("-population", "pk").run()

    async def django(self) -> list[City]:
        yorks = City.objects.filter(name__iendswith="york").select_related("country")
        columns = yorks.only("name", "population", "country__name")
        return [city async for city in columns.order_by("-population", "pk")]

    def rows(self, answer: list[City]) -> Iterable[Row]:
        return ((city.name, city.country.name, city.population) for city in answer)


class EachContinent(Example[list[list[City]]]):
    """The largest cities of six continents, fetched at the same time."""

    shows = "asyncio.gather: six queries at a time, one plan for all"
    columns = ("Continent", "Largest cities")

    async def adj(self) -> list[list[City]]:
        cities = q(City).select_related("country__continent").order_by("-population")
        queries = [cities.filter(country__continent=code)[:3] for code in CONTINENTS]
        return await asyncio.gather(*(query.run() for query in queries))

    async def django(self) -> list[list[City]]:
        cities = City.objects.select_related("country__continent").order_by("-population")
        queries = [cities.filter(country__continent=code)[:3] for code in CONTINENTS]
        return await asyncio.gather(*(collect(query) for query in queries))

    def rows(self, answer: list[list[City]]) -> Iterable[Row]:
        for cities in filter(None, answer):
            yield cities[0].country.continent, ", ".join(city.name for city in cities)


class Hemispheres(Example[Counter[str]]):
    """The people on either side of the equator."""

    shows = "stream, through all cities"
    columns = ("Hemisphere", "People in cities")

    async def adj(self) -> Counter[str]:
        people: Counter[str] = Counter()
        async with q(City).stream(chunk_size=2_000) as cities:
            async for city in cities:
                people["north" if city.latitude >= 0 else "south"] += city.population
        return people

    async def django(self) -> Counter[str]:
        people: Counter[str] = Counter()
        async for city in City.objects.aiterator(chunk_size=2_000):
            people["north" if city.latitude >= 0 else "south"] += city.population
        return people

    def rows(self, answer: Counter[str]) -> Iterable[Row]:
        return answer.most_common()


async def collect(cities: QuerySet[City]) -> list[City]:
    """A QuerySet's rows as a coroutine, which `asyncio.gather` can run."""
    return [city async for city in cities]


TOUR: Final[tuple[Question, ...]] = (
    OneByKey(),
    LargestCities(),
    SouthernCapitals(),
    CrowdedCountries(),
    TimeZones(),
    NorthernCities(),
    Continents(),
    Totals(),
    Saints(),
    AroundSwitzerland(),
    LargestOfEach(),
    OvershadowedCapitals(),
    Neighbours(),
    NamedYork(),
    NearGreenwich(),
    EachContinent(),
    Hemispheres(),
)
