"""The models of the world app: plain Django, without adj.

The annotations on the fields are for type checkers that run without a plugin; Django never reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class Continent(models.Model):
    """One of the seven continents, under its GeoNames code."""

    code: models.CharField[str, str] = models.CharField(max_length=2, primary_key=True)
    name: models.CharField[str, str] = models.CharField(max_length=50, unique=True)

    countries: RelatedManager[Country]

    def __str__(self) -> str:
        return self.name


class Currency(models.Model):
    """A currency under its ISO 4217 code; its name does not include the country ("Dollar")."""

    code: models.CharField[str, str] = models.CharField(max_length=3, primary_key=True)
    name: models.CharField[str, str] = models.CharField(max_length=50)

    countries: RelatedManager[Country]

    class Meta:
        verbose_name_plural = "currencies"

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class Language(models.Model):
    """A language under its ISO 639 code, which is also its name if Django does not know one."""

    code: models.CharField[str, str] = models.CharField(max_length=3, primary_key=True)
    name: models.CharField[str, str] = models.CharField(max_length=50)

    countries: RelatedManager[Country]

    def __str__(self) -> str:
        return self.name


class Country(models.Model):
    """A country or territory under its ISO 3166 code."""

    code: models.CharField[str, str] = models.CharField(max_length=2, primary_key=True)
    code3: models.CharField[str, str] = models.CharField(max_length=3, unique=True)
    name: models.CharField[str, str] = models.CharField(max_length=100, unique=True)
    population: models.BigIntegerField[int, int] = models.BigIntegerField()
    area: models.FloatField[float, float] = models.FloatField(help_text="Square kilometres.")
    phone: models.CharField[str, str] = models.CharField(max_length=20, blank=True)
    domain: models.CharField[str, str] = models.CharField(max_length=10, blank=True)
    postal_code_pattern: models.CharField[str, str] = models.CharField(max_length=200, blank=True)

    continent: models.ForeignKey[Continent, Continent] = models.ForeignKey(
        Continent, on_delete=models.PROTECT, related_name="countries"
    )
    currency: models.ForeignKey[Currency | None, Currency | None] = models.ForeignKey(
        Currency, on_delete=models.PROTECT, null=True, related_name="countries"
    )
    capital: models.OneToOneField[City | None, City | None] = models.OneToOneField(
        "City", on_delete=models.SET_NULL, null=True, related_name="capital_of"
    )
    languages: models.ManyToManyField[Language, models.Model] = models.ManyToManyField(
        Language, related_name="countries"
    )
    neighbours: models.ManyToManyField[Country, models.Model] = models.ManyToManyField("self")

    cities: RelatedManager[City]
    continent_id: str
    currency_id: str | None
    capital_id: int | None

    class Meta:
        verbose_name_plural = "countries"

    def __str__(self) -> str:
        return self.name


class City(models.Model):
    """A city of at least 15,000 people, or a capital, under its GeoNames number."""

    geoname_id: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(primary_key=True)
    name: models.CharField[str, str] = models.CharField(max_length=100)
    population: models.PositiveIntegerField[int, int] = models.PositiveIntegerField()
    latitude: models.FloatField[float, float] = models.FloatField()
    longitude: models.FloatField[float, float] = models.FloatField()
    timezone: models.CharField[str, str] = models.CharField(max_length=40)

    country: models.ForeignKey[Country, Country] = models.ForeignKey(
        Country, on_delete=models.CASCADE, related_name="cities"
    )

    country_id: str

    class Meta:
        verbose_name_plural = "cities"
        indexes: ClassVar = [
            models.Index(fields=["name"]),
            models.Index(fields=["latitude"]),
            models.Index(fields=["-population"]),
            models.Index(fields=["country", "-population"]),
        ]

    def __str__(self) -> str:
        return self.name
