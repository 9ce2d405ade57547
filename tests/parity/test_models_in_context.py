"""Models of a project that read their context, such as the current tenant: in `Meta.ordering`, managers, relations and
fields, and expressions that do so in every part of a query. Each run gives the current tenant's rows.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections, models
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    FilteredRelation,
    Max,
    OuterRef,
    Prefetch,
    Q,
    Value,
    When,
)
from django.db.models.functions import StrIndex
from django.db.models.lookups import Exact, GreaterThan, LessThan
from django.test.utils import isolate_apps

import adj
from adj import InvalidCursor, q
from tests.parity.oracle import Session, ending
from tests.parity.test_proof import TENANT, CurrentTenant, tenant
from tests.running import run
from tests.shop.models import Author, Book

if TYPE_CHECKING:  # generic for the checkers only
    TextColumn = models.CharField[Any, Any]
    IntegerColumn = models.IntegerField[Any, Any]
    ForeignKey = models.ForeignKey[Any, Any]
    Rows = models.Manager[Any]
else:
    TextColumn, IntegerColumn = models.CharField, models.IntegerField
    ForeignKey, Rows = models.ForeignKey, models.Manager

# The stubs know no models that are defined in a block.
fields: Any = models

TENANTS = "abacb"
"""Whose turn it is: each finds the plans of others, and its own."""


class OfTenant(Rows):
    """The current tenant's rows."""

    def get_queryset(self) -> Any:
        """Those that it owns."""
        return super().get_queryset().filter(owner=TENANT.get())


class RestrictedKey(ForeignKey):
    """A foreign key whose joins leave the rows of other tenants out."""

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        """The owner of the referring row."""
        owner: Any = self.model._meta.get_field("owner")
        return Exact(owner.get_col(related_alias), TENANT.get())


class FilteredKey(ForeignKey):
    """A foreign key whose related rows are loaded for the current tenant only."""

    def get_extra_descriptor_filter(self, instance: Any) -> Any:
        """The name of the related row."""
        return {"name": TENANT.get()}


class Choosing(TextColumn):
    """A field that chooses its lookups by the tenant."""

    def get_lookup(self, lookup_name: str) -> Any:
        """More, or less."""
        if lookup_name == "beside":
            return GreaterThan if TENANT.get() == "a" else LessThan
        return super().get_lookup(lookup_name)


class Hidden(TextColumn):
    """A field that writes SQL around its column."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        """The column and the tenant."""
        return f"({sql} || %s)", (*params, TENANT.get())


class Stamp(TextColumn):
    """A field that writes SQL around what it stores."""

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """The value and the tenant."""
        return f"(%s || '{TENANT.get()}')"

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> Any:
        """The same, as Django has it from 6.1 on."""
        return self.get_placeholder(value, compiler, connection), (value,)


class Shifted(IntegerColumn):
    """A field that stores another number for each tenant."""

    def get_prep_value(self, value: Any) -> Any:
        """The number, or one more."""
        return super().get_prep_value(value) + (TENANT.get() != "a")


with isolate_apps("tests.shop"):

    class House(models.Model):
        name: Any = Choosing(max_length=9)

        class Meta:
            app_label = "shop"
            ordering = (StrIndex(F("name"), CurrentTenant()).desc(), "pk")

    class Room(models.Model):
        owner = fields.CharField(max_length=9)
        house = fields.ForeignKey(House, models.CASCADE, related_name="rooms")

        objects = OfTenant()

        class Meta:
            app_label = "shop"

    class Lamp(models.Model):
        owner = fields.CharField(max_length=9)
        house: Any = RestrictedKey(House, models.CASCADE, related_name="lamps")

        class Meta:
            app_label = "shop"

    class Door(models.Model):
        owner = fields.CharField(max_length=9)
        house: Any = FilteredKey(House, models.CASCADE, related_name="doors", null=True)
        rooms = fields.ManyToManyField(Room, related_name="doors")

        class Meta:
            app_label = "shop"

    class Secret(models.Model):
        text: Any = Hidden(max_length=40)
        plain = fields.CharField(max_length=40)
        house = fields.ForeignKey(House, models.CASCADE, related_name="secrets")

        class Meta:
            app_label = "shop"

    class Letter(models.Model):
        text: Any = Stamp(max_length=40)

        class Meta:
            app_label = "shop"

    class Meter(models.Model):
        number: Any = Shifted(primary_key=True)

        class Meta:
            app_label = "shop"

    class Gauge(models.Model):
        meter = fields.ForeignKey(Meter, models.CASCADE, related_name="gauges")

        class Meta:
            app_label = "shop"


MODELS: tuple[Any, ...] = (House, Room, Lamp, Door, Secret, Letter, Meter, Gauge)


@pytest.fixture(scope="module", autouse=True)
def _houses(_sqlite: None) -> Generator[None]:
    """Three houses, in each of which every tenant has everything."""
    wrapper: Any = connections["default"]
    with wrapper.schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)
    with tenant("a"):
        for number in (1, 2):
            Meter._base_manager.create(number=number)
            Gauge._base_manager.create(meter_id=number)
    for name in "abc":
        house = House._base_manager.create(name=name)
        for owner in "abc":
            Room._base_manager.create(owner=owner, house=house)
            Lamp._base_manager.create(owner=owner, house=house)
            Secret._base_manager.create(text=f"{name}{owner}", plain=owner, house=house)
            Door._base_manager.create(owner=owner, house=house).rooms.set(Room._base_manager.filter(house=house))
    yield
    with wrapper.schema_editor() as editor:
        for model in reversed(MODELS):
            editor.delete_model(model)


MEMBERS: dict[str, Any] = {
    "Meta.ordering": lambda s: s(House),
    "Meta.ordering, reversed": lambda s: s(House).reverse(),
    "Meta.ordering, over a relation": lambda s: s(Lamp).order_by("house", "pk"),
    "Meta.ordering, first": lambda s: (s(House), ending("afirst")),
    "Meta.ordering, last": lambda s: (s(House), ending("alast")),
    "manager": lambda s: s(Room).order_by("pk"),
    "manager, prefetch": lambda s: s(House).order_by("pk").prefetch_related("rooms"),
    "manager, prefetch of a query": lambda s: (
        s(House).order_by("pk").prefetch_related(Prefetch("rooms", s(Room).order_by("-pk")))
    ),
    "manager, to_attr": lambda s: s(House).order_by("pk").prefetch_related(Prefetch("rooms", to_attr="mine")),
    "manager, many to many": lambda s: s(Door).order_by("pk").prefetch_related("rooms"),
    "manager, prefetch of a prefetch": lambda s: s(Lamp).order_by("pk").prefetch_related("house__rooms__doors"),
    "manager, nested": lambda s: s(House).filter(rooms__in=s(Room)).order_by("pk"),
    "manager, Exists": lambda s: s(House).filter(Exists(s(Room).filter(house=OuterRef("pk"), pk__gt=1))).order_by("pk"),
    "restriction": lambda s: s(House).filter(lamps__pk__gt=0).order_by("pk", "lamps__pk"),
    "restriction, forward": lambda s: s(Lamp).filter(house__name__gte="a").order_by("pk"),
    "restriction, select_related": lambda s: s(Lamp).select_related("house").order_by("pk"),
    "restriction, counted": lambda s: s(House).annotate(n=Count("lamps"), m=Max("lamps__pk")).order_by("pk"),
    "restriction, values": lambda s: s(House).values_list("name", "lamps__owner").order_by("pk", "lamps__pk"),
    "restriction, exclude": lambda s: s(House).exclude(lamps__pk__lt=5).order_by("pk"),
    "restriction, aggregate": lambda s: (s(House), ending("aaggregate", m=Max("lamps__pk"), n=Count("lamps"))),
    "restriction, acount": lambda s: (s(House).filter(lamps__owner="a"), ending("acount")),
    "restriction, prefetch": lambda s: s(House).order_by("pk").prefetch_related("lamps"),
    "restriction, prefetch forward": lambda s: s(Lamp).order_by("pk").prefetch_related("house"),
    "descriptor filter, prefetch": lambda s: s(Door).order_by("pk").prefetch_related("house"),
    "get_lookup": lambda s: s(House).filter(name__beside="b").order_by("pk"),
    "get_lookup, in When": lambda s: (
        s(House).annotate(x=Case(When(name__beside="b", then=Value(1)), default=Value(0))).order_by("pk")
    ),
    "get_lookup, over a relation": lambda s: s(Room).exclude(house__name__beside="b").order_by("pk"),
    "the key of a relation": lambda s: s(Gauge).filter(meter=1).order_by("pk"),
    "the key of a relation, a constant": lambda s: s(Gauge).filter(meter=True).order_by("pk"),
}
SELECTED: dict[str, Any] = {
    "instances": lambda s: s(Secret).order_by("pk"),
    "filter": lambda s: s(Secret).filter(text="aa").order_by("pk"),
    "values": lambda s: s(Secret).order_by("pk").values("text", "plain"),
    "flat": lambda s: s(Secret).order_by("pk").values_list("text", flat=True),
    "F": lambda s: s(Secret).annotate(t=F("text")).order_by("pk").values_list("t"),
    "only": lambda s: s(Secret).only("text").order_by("pk"),
    "defer": lambda s: s(Secret).defer("text").order_by("pk"),
    "select_related": lambda s: s(Secret).select_related("house").order_by("pk"),
    "over a relation": lambda s: s(House).order_by("pk", "secrets__pk").values_list("name", "secrets__text"),
    "aggregate": lambda s: (s(Secret), ending("aaggregate", m=Max("text"))),
    "annotated aggregate": lambda s: s(House).annotate(m=Max("secrets__text")).order_by("pk"),
    "union": lambda s: s(Secret).values_list("text").union(s(Secret).values_list("text")).order_by("text"),
    "nested": lambda s: s(Secret).filter(text__in=s(Secret).values("text")).order_by("pk"),
    "distinct": lambda s: s(Secret).values_list("text").distinct().order_by("text"),
    "aget": lambda s: (s(Secret), ending("aget", text="aa")),
    "afirst": lambda s: (s(Secret), ending("afirst")),
    "prefetch": lambda s: s(House).prefetch_related("secrets").order_by("pk"),
    "prefetch of a query": lambda s: (
        s(House).prefetch_related(Prefetch("secrets", s(Secret).only("text", "house"))).order_by("pk")
    ),
}
EXPRESSIONS: dict[str, Any] = {
    "prefetch with an annotation": lambda s: (
        s(Author).order_by("pk").prefetch_related(Prefetch("books", s(Book).annotate(x=CurrentTenant()).order_by("pk")))
    ),
    "prefetch with a condition": lambda s: (
        s(Author)
        .order_by("pk")
        .prefetch_related(Prefetch("books", s(Book).filter(title__gt=CurrentTenant()).order_by("pk")))
    ),
    "prefetch of a QuerySet with an annotation": lambda s: (
        s(Author).order_by("pk").prefetch_related(Prefetch("books", Book.objects.annotate(x=CurrentTenant())))
    ),
    "acount": lambda s: (s(Book).filter(title__gt=CurrentTenant()), ending("acount")),
    "aexists": lambda s: (s(Book).filter(title=CurrentTenant()), ending("aexists")),
    "aaggregate": lambda s: (s(Book), ending("aaggregate", m=Max(CurrentTenant(), output_field=CharField()))),
    "alatest": lambda s: (s(Book).annotate(x=CurrentTenant()), ending("alatest", "x", "pk")),
    "ain_bulk": lambda s: (s(Book).annotate(x=CurrentTenant()), ending("ain_bulk", [1, 2, 3])),
    "filtered relation": lambda s: (
        s(Author)
        .annotate(r=FilteredRelation("books", condition=Q(books__title__gt=CurrentTenant())))
        .filter(r__pk__gt=0)
        .order_by("pk", "r__pk")
    ),
    "exclude over many rows": lambda s: s(Author).exclude(books__title__lt=CurrentTenant()).order_by("pk"),
    "slice": lambda s: s(Book).order_by("pk").annotate(x=CurrentTenant(in_text=True))[1:4],
    "base": lambda s: s(Book.objects.annotate(x=CurrentTenant())).order_by("pk"),
}
CASES = {
    f"{kind}: {name}": case
    for kind, cases in {"member": MEMBERS, "selected": SELECTED, "expression": EXPRESSIONS}.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_every_run_is_the_current_tenants(name: str) -> None:
    with Session() as session:
        adj.plan_cache.clear()
        for number, current in enumerate(TENANTS):
            with tenant(current):
                session.compare_once(CASES[name], (), is_first=not number)


def test_related_rows_are_the_current_tenants() -> None:
    """By `related()`, by a manager, and loaded."""

    async def main() -> list[list[int]]:
        house = await q(House).order_by("pk").afirst()
        assert house is not None
        rooms = getattr(house, "rooms")  # noqa: B009  # the checkers do not know related managers without the plugin
        by_name = [room.pk for room in await adj.related(house, "rooms").order_by("pk").run()]
        by_manager = [room.pk for room in await q(rooms).order_by("pk").run()]
        await adj.load(house, "rooms")
        return [by_name, by_manager, sorted(room.pk for room in rooms.all())]

    adj.plan_cache.clear()
    first = House._base_manager.order_by("pk")[0]
    for current in TENANTS:
        expected = [*Room._base_manager.filter(owner=current, house=first).values_list("pk", flat=True)]
        assert len(expected) == 1
        with tenant(current):
            assert run(main()) == [expected] * 3


def test_pages_in_an_order_that_reads_the_tenant_are_of_one_tenant() -> None:
    async def main() -> None:
        cursors = {}
        for current in TENANTS:
            with tenant(current):
                page = await q(House).page(1)
                assert [house.name for house in page] == [current]
                cursors[current] = page.next
                assert len((await q(House).page(2, after=page.next)).rows) == 2
        with tenant("b"), pytest.raises(InvalidCursor, match="another model, order or database"):
            await q(House).page(1, after=cursors["a"])

    run(main())


def test_what_a_field_writes_around_its_values_is_the_current_tenants() -> None:
    async def main() -> list[str]:
        stored = []
        for current in TENANTS:
            with tenant(current):
                letter = await q(Letter).acreate(text="created ")
                same = q(Letter).filter(pk=letter.pk).values_list("text", flat=True)
                stored.append(await same.aget())
                await q(Letter).filter(pk=letter.pk).aupdate(text="updated ")
                stored.append(await same.aget())
                await q(Letter).abulk_create([Letter(text="of many ")])
                stored.append(await q(Letter).order_by("-pk").values_list("text", flat=True)[:1].aget())
        return stored

    adj.plan_cache.clear()
    assert run(main()) == [f"{way} {name}" for name in TENANTS for way in ("created", "updated", "of many")]
