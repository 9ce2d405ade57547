"""Keys of several columns beside other columns, in rows of every shape, as Django has them.

Django counts what is selected, of which a composite key is one, and the database counts columns.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, models
from django.db.models import Count, F, FilteredRelation, Q, Window
from django.db.models.functions import Lower, RowNumber
from django.test.utils import isolate_apps

from adj import ShapeError, q
from tests.engines.test_page_walks import walk
from tests.parity.oracle import Session, compare, ending
from tests.running import run
from tests.shop.models import Order, OrderLine

# The stubs know no models that are defined in a block.
fields: Any = models

with isolate_apps("tests.shop"):

    class Parcel(models.Model):
        name = fields.CharField(max_length=20)

        class Meta:
            app_label = "shop"

    class Crate(Parcel):
        """A child with a separate table."""

        weight = fields.IntegerField()

        class Meta:
            app_label = "shop"

    class Numbered(models.Model):
        """An abstract base with a composite key."""

        pk = fields.CompositePrimaryKey("parcel_id", "number")
        number = fields.IntegerField()

        class Meta:
            abstract = True
            app_label = "shop"

    class Leg(Numbered):
        parcel = fields.ForeignKey(Parcel, models.CASCADE, related_name="legs")
        place = fields.CharField(max_length=20)
        started = fields.DateTimeField(null=True)

        class Meta(Numbered.Meta):
            abstract = False

    class Flight(Leg):
        class Meta:
            app_label = "shop"
            proxy = True

    class Label(models.Model):
        """A reverse one-to-one whose key has another column first."""

        pk = fields.CompositePrimaryKey("kind", "parcel")
        kind = fields.CharField(max_length=5)
        parcel = fields.OneToOneField(Parcel, models.CASCADE, related_name="label")
        text = fields.CharField(max_length=20)

        class Meta:
            app_label = "shop"

    class Scan(models.Model):
        """Refers to a composite key by two columns, either of which may be null."""

        parcel_number = fields.IntegerField(null=True)
        leg_number = fields.IntegerField(null=True)
        leg = fields.ForeignObject(
            Leg,
            on_delete=models.DO_NOTHING,
            from_fields=("parcel_number", "leg_number"),
            to_fields=("parcel", "number"),
            null=True,
            related_name="scans",
        )
        note = fields.CharField(max_length=20)

        class Meta:
            app_label = "shop"


MODELS = (Parcel, Crate, Leg, Label, Scan)


@contextmanager
def parcels_on(alias: str) -> Generator[None]:
    """Tables and rows on a database, until the block ends."""
    wrapper: Any = connections[alias]
    with wrapper.schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)
    try:
        _load(alias)
        yield
    finally:
        with wrapper.schema_editor() as editor:
            for model in reversed(MODELS):
                editor.delete_model(model)


def _load(alias: str) -> None:
    start = datetime.datetime(2020, 2, 1, tzinfo=datetime.UTC)
    first, last = (Parcel._base_manager.using(alias).create(name=name) for name in ("first", "last"))
    crate = Crate._base_manager.using(alias).create(name="crate", weight=3)
    for parcel, number, place in ((first, 1, "Ghent"), (first, 2, "Oslo"), (crate, 1, "Pisa")):
        Leg._base_manager.using(alias).create(
            parcel_id=parcel.pk, number=number, place=place, started=start.replace(day=number)
        )
    Label._base_manager.using(alias).create(kind="air", parcel=first, text="up")
    Label._base_manager.using(alias).create(kind="sea", parcel_id=crate.pk, text="down")
    for keys in ((first.pk, 1), (first.pk, 2), (None, None), (first.pk, None), (None, 1), (99, 1), (last.pk, 1)):
        Scan._base_manager.using(alias).create(parcel_number=keys[0], leg_number=keys[1], note=f"{keys}")


@pytest.fixture(scope="module", autouse=True)
def _parcels(_sqlite: None) -> Generator[None]:
    with parcels_on("default"):
        yield


Build = Callable[[Any], Any]

INSTANCES: dict[str, Build] = {
    "instances": lambda s: s(Leg),
    "its relation": lambda s: s(Leg).select_related("parcel"),
    "a child of its relation": lambda s: s(Leg).select_related("parcel__crate"),
    "reverse one-to-one": lambda s: s(Parcel).select_related("label"),
    "reverse one-to-one of a relation": lambda s: s(Leg).select_related("parcel__label"),
    "reverse one-to-one of a child": lambda s: s(Crate).select_related("label"),
    "reverse one-to-one through a child": lambda s: s(Parcel).select_related("crate__label", "label"),
    "some or all parts are null": lambda s: s(Scan).select_related("leg"),
    "null, and relations behind": lambda s: s(Scan).select_related("leg__parcel__label"),
    "annotation": lambda s: s(Leg).annotate(key=F("pk"), place2=F("place")),
    "annotation twice": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).annotate(again=F("pk"), n=F("number")),
    "annotation before relations": lambda s: s(Scan).annotate(key=F("leg__pk"), z=F("note")).select_related("leg"),
    "annotations around, before relations": lambda s: (
        s(Scan)
        .annotate(z=F("note"), key=F("leg__pk"), again=F("leg__pk"), low=Lower("leg__place"))
        .select_related("leg__parcel__label")
    ),
    "annotation and extra": lambda s: (
        s(Leg).extra(select={"seven": "7"}).annotate(key=F("pk"), z=F("started")).select_related("parcel")
    ),
    "annotation and only": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).only("place"),
    "annotation and defer": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).defer("started"),
    "annotation and only of a relation": lambda s: (
        s(Leg).annotate(key=F("pk"), z=F("started")).select_related("parcel").only("place", "parcel__name")
    ),
    "annotation of many": lambda s: s(Parcel).annotate(key=F("legs__pk"), z=F("legs__started")).select_related("label"),
    "annotation of the relation that is joined": lambda s: (
        s(Parcel).annotate(key=F("label__pk"), z=F("legs__started")).select_related("label", "crate")
    ),
    "annotation of a child": lambda s: s(Crate).annotate(key=F("legs__pk"), label_key=F("label__pk"), z=F("name")),
    "annotation before a child": lambda s: (
        s(Parcel).annotate(key=F("legs__pk"), z=F("legs__started")).select_related("crate__label")
    ),
    "annotation before a deferred child": lambda s: (
        s(Parcel).annotate(key=F("legs__pk"), z=F("name")).select_related("crate").only("name", "crate__weight")
    ),
    "annotation of a proxy": lambda s: s(Flight).annotate(key=F("pk"), z=F("started")).select_related("parcel"),
    "annotation that counts": lambda s: s(Leg).annotate(n=Count("scans"), key=F("pk"), z=F("started")),
    "annotation without duplicates": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).distinct(),
    "annotation and a filtered relation": lambda s: (
        s(Parcel)
        .annotate(one=FilteredRelation("legs", condition=Q(legs__number=1)), key=F("one__pk"), z=F("one__started"))
        .select_related("one")
    ),
    "annotation and a filtered one-to-one": lambda s: (
        s(Parcel)
        .annotate(air=FilteredRelation("label", condition=Q(label__kind="air")), key=F("air__pk"), z=F("name"))
        .select_related("air")
    ),
    "annotation and a prefetch": lambda s: (
        s(Parcel).annotate(key=F("legs__pk"), z=F("legs__started")).prefetch_related("legs", "label")
    ),
    "annotation and a window": lambda s: (
        s(Leg).annotate(key=F("pk"), z=F("started"), row=Window(RowNumber(), order_by="number")).filter(row=1)
    ),
    "union": lambda s: s(Leg).union(s(Leg)).order_by("place"),
    "only the key": lambda s: s(Leg).only("pk"),
    "only a part of the key": lambda s: s(Leg).annotate(key=F("pk")).only("parcel"),
    "defer the key": lambda s: s(Leg).defer("pk", "number"),
    "of a model with __init__": lambda s: (
        s(Order).annotate(key=F("lines__pk"), paid=F("is_paid")).select_related("customer__country")
    ),
    "of another that is nullable": lambda s: (
        s(OrderLine).annotate(key=F("pk"), cents2=F("cents")).select_related("book__author", "order")
    ),
}
VALUES: dict[str, Build] = {
    "values": lambda s: s(Leg).values("place", "pk", "number", "started"),
    "values of all": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).values(),
    "values of an annotation": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).values("key", "z", "pk"),
    "values of an expression": lambda s: s(Leg).values("place", key=F("pk"), z=F("started")),
    "values of a relation": lambda s: s(Scan).values("leg", "note"),
    "values through a relation": lambda s: s(Scan).values("leg__pk", "note", "leg__started"),
    "values with extra": lambda s: (
        s(Leg).extra(select={"seven": "7"}).annotate(key=F("pk"), z=F("started")).values("seven", "z", "key", "pk")
    ),
    "values in groups": lambda s: s(Leg).values("pk").annotate(n=Count("scans"), z=F("started")),
    "tuples": lambda s: s(Scan).values_list("leg__pk", "note", "leg__started"),
    "tuples of all": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).values_list(),
    "tuples with extra": lambda s: s(Leg).extra(select={"seven": "7"}).annotate(key=F("pk")).values_list(),
    "tuples with the key twice": lambda s: s(Leg).values_list("pk", "pk", "started"),
    "flat": lambda s: s(Scan).values_list("leg__pk", flat=True),
    "named": lambda s: s(Scan).values_list("leg__pk", "note", "leg__started", named=True),
    "named annotation": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).values_list("key", "z", named=True),
    "named of all": lambda s: s(Leg).annotate(key=F("pk"), z=F("started")).values_list(named=True),
    "union of tuples": lambda s: (
        s(Leg).values_list("pk", "started").union(s(Leg).values_list("pk", "started")).order_by("started")
    ),
}
# Django cuts the columns off that only the order needs, and counts a key as one.
CUT: dict[str, Build] = {
    "instances": lambda s: s(Leg).annotate(key=F("pk"), z=F("place")).order_by("parcel__name").distinct(),
    "instances of no converted column": lambda s: (
        s(Leg).defer("started").annotate(key=F("pk")).order_by("parcel__name").distinct()
    ),
    "values": lambda s: s(Leg).values("number", "pk").order_by("parcel__name").distinct(),
    "tuples": lambda s: s(Leg).values_list("pk", "number", "place").order_by("parcel__name").distinct(),
    "the key in front": lambda s: s(Leg).values_list("pk", "number").order_by("parcel__name").distinct(),
    "flat": lambda s: s(Leg).values_list("pk", flat=True).order_by("parcel__name").distinct(),
    "named": lambda s: s(Leg).values_list("pk", "number", named=True).order_by("parcel__name").distinct(),
    "no key": lambda s: s(Leg).values_list("number", "place").order_by("parcel__name").distinct(),
}  # fmt: skip


@pytest.mark.parametrize("name", INSTANCES)
def test_columns_behind_a_composite_key_stay_where_they_are(name: str) -> None:
    compare(INSTANCES[name])


@pytest.mark.parametrize("name", VALUES)
def test_values_beside_a_composite_key_are_djangos(name: str) -> None:
    compare(VALUES[name])


@pytest.mark.parametrize("name", CUT)
def test_rows_that_django_cuts_too_short_are_djangos(name: str) -> None:
    compare(CUT[name])


@pytest.mark.parametrize("finish", ["aget", "afirst", "alast", "aget_or_none", "stream", "aiterator", "async for"])
def test_a_composite_key_beside_other_columns_is_djangos_in_every_ending(finish: str) -> None:
    compare(
        lambda start: (
            start(Leg).filter(place="Oslo").annotate(key=F("pk"), z=F("started")).select_related("parcel__label")
        ),
        finish=ending(finish),
    )


def test_composite_keys_beside_other_columns_are_djangos_on_postgresql(postgres: str) -> None:
    with parcels_on(postgres), Session(postgres) as session:
        for build in (*INSTANCES.values(), *VALUES.values(), *CUT.values()):
            session.compare(build, (), (), in_any_order=True)


# -- pages -------------------------------------------------------------------------------------------------------------

SORTED: list[tuple[Any, list[Any]]] = [
    (Scan, ["leg"]),
    (Scan, ["-leg"]),
    (Scan, ["leg", "note"]),
    (Scan, ["leg__number"]),
    (Scan, ["leg__parcel"]),
    (Scan, ["leg__parcel", "-leg"]),
    (Scan, ["leg__parcel__name"]),
    (Parcel, ["label"]),
    (Parcel, ["label__pk"]),
    (Parcel, ["-label__pk"]),
    (Parcel, [F("label__pk").asc()]),
    (Leg, ["parcel__label"]),
    (Leg, ["-parcel__label__pk"]),
]


def check_pages(alias: str) -> None:
    """Pages by composite keys, forwards and backwards, are Django's rows."""
    for model, terms in SORTED:
        expected = list(model._base_manager.using(alias).order_by(*terms, "pk"))
        assert run(walk(q(model).using(alias).order_by(*terms), 2)) == expected, terms


def test_pages_by_a_composite_key_of_a_relation_are_djangos_rows() -> None:
    check_pages("default")


def test_pages_by_a_composite_key_of_a_relation_are_djangos_rows_on_postgresql(postgres: str) -> None:
    with parcels_on(postgres):
        check_pages(postgres)


@pytest.mark.parametrize("term", ["leg__pk", "-leg__pk", F("leg__pk"), F("leg__pk").desc()], ids=str)
def test_pages_by_the_key_of_a_row_that_may_be_missing_are_refused(term: Any) -> None:
    """Django joins the row and sorts by its key; a path to it gives the columns that refer to it, which may dangle."""
    with pytest.raises(ShapeError, match=r'sorts this query by "shop_leg"\."parcel_id", which page\(\) cannot compare'):
        run(q(Scan).order_by(term).page(2))
