"""Pages walked forwards and backwards are the rows of Django's whole query, whatever it is sorted by."""

from __future__ import annotations

import datetime
import decimal
import random
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.db.models import (
    Avg,
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    FloatField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import (
    Abs,
    Cast,
    Coalesce,
    Concat,
    ExtractHour,
    Greatest,
    Length,
    Lower,
    Sqrt,
    TruncDate,
    TruncDay,
    TruncHour,
    TruncMonth,
    Upper,
)
from django.test import override_settings
from django.utils import timezone

from adj import InvalidCursor, Page, ShapeError, q
from tests.running import run
from tests.shop.models import Author, Shelf, Tag
from tests.walks import readings
from tests.walks.models import Reading, Sample, Slip, Station

Start = Callable[[Any], Any]


PLACES = {
    "SQLite": ("default", "threads"),
    "MariaDB": ("mariadb_shop", "threads"),
    "psycopg": ("postgres", "psycopg"),
    "psycopg, prepared": ("postgres", "psycopg"),
    "threads on PostgreSQL": ("postgres", "threads"),
    "threads, bound by the server": ("postgres", "threads"),
}
OPTIONS: dict[str, dict[str, object]] = {
    "psycopg, prepared": {"prepare_threshold": 0},
    "threads, bound by the server": {"server_side_binding": True},
}


@pytest.fixture(params=PLACES)
def alias(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with readings, on an engine."""
    name, engine = PLACES[request.param]
    if name != "default":
        request.getfixturevalue(name)
    for option, value in OPTIONS.get(request.param, {}).items():
        monkeypatch.setitem(connections.settings[name]["OPTIONS"], option, value)
    readings.load(name)
    with override_settings(ADJ={name: {"engine": engine}}):
        yield name
    readings.empty(name)


@pytest.fixture
def _readings() -> Iterator[None]:
    """Readings on SQLite."""
    readings.load("default")
    yield
    readings.empty("default")


async def walk(query: Any, size: int) -> list[Any]:
    """All rows page by page, and back again."""
    page = await query.page(size)
    pages: list[Page[Any]] = [page]
    while page.next is not None:
        page = await query.page(size, after=page.next)
        pages.append(page)
        assert len(pages) <= 2 * readings.COUNT, "the walk has no end"
    rows = [row for page in pages for row in page]
    for before in reversed(pages[:-1]):
        assert page.previous is not None
        page = await query.page(size, before=page.previous)
        assert list(page) == list(before)
    assert page.previous is None
    return rows


def whole(queryset: Any) -> list[Any]:
    """Django's rows, whose order is made total."""
    terms = queryset.query.order_by or queryset.model._meta.ordering
    return list(queryset.order_by(*terms, "pk"))


def check(alias: str, build: Callable[[Start], Any], size: int = 7) -> None:
    """Pages are Django's rows."""
    expected = whole(build(lambda model: model.objects.using(alias)))
    assert expected
    assert run(walk(build(lambda model: q(model).using(alias)), size)) == expected


# -- random orders -----------------------------------------------------------------------------------------------------

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Chatham"]
FIELDS = [name for name in readings.VALUES if name != "data"]
NAMES = [*FIELDS, "twice", "station", "station_id", "seal", "seal__color", "slip", "slip__pk", "station__name"]
EXPRESSIONS: list[Callable[[], Any]] = [
    lambda: F("real") + 0.5,
    lambda: F("exact") / 7,
    lambda: F("moment") - F("moment"),
    lambda: F("whole") % Value(5),
    lambda: Sqrt(Abs("whole")),
    lambda: Greatest("whole", Value(3)),
    lambda: Cast("exact", FloatField()),
    lambda: Cast("whole", CharField(max_length=50)),
    lambda: Lower("name"),
    lambda: Concat("name", Value("x"), "name"),
    lambda: Coalesce("name", "station__name", Value("zz")),
    lambda: Length("text"),
    lambda: Case(When(whole__gt=0, then=Value("pos")), When(flag=True, then=Value(None)), default=F("name")),
    lambda: ExpressionWrapper(Q(whole__gt=0), BooleanField()),
    lambda: Exists(Sample.objects.filter(reading=OuterRef("pk"), value__gt=2)),
    lambda: Subquery(Sample.objects.filter(reading=OuterRef("pk")).order_by("-label").values("value")[:1]),
    lambda: Cast(KT("data__n"), CharField(max_length=20)),
]
# MariaDB needs tables of time zones for them, which few servers have.
IN_ZONES: list[Callable[[], Any]] = [
    lambda: TruncMonth("moment"),
    lambda: TruncDay("moment"),
    lambda: TruncDate("moment"),
    lambda: TruncHour("moment", tzinfo=ZoneInfo("America/St_Johns")),
    lambda: ExtractHour("moment"),
]
AGGREGATES: list[Callable[[], Any]] = [
    lambda: Avg("samples__value"),
    lambda: Avg("samples__value") / 7,
    lambda: Sum("samples__value") + F("real"),
    lambda: Count("samples", filter=Q(samples__value__gt=1)),
    lambda: Max("station__height"),
]
FILTERS: list[dict[str, Any]] = [{}, {"whole__gte": -1}, {"samples__label": "a"}, {"station__height__gt": 0}]


def random_term(choose: random.Random, expressions: list[Callable[[], Any]]) -> Any:
    """A name or an expression in some direction, with nulls somewhere."""
    way = choose.randint(0, 5)
    name = choose.choice(NAMES)
    if way < 2:
        return ("-" if way else "") + name
    expression = choose.choice([*[make() for make in expressions], F(choose.choice(FIELDS))])
    nulls = choose.choice([{}, {"nulls_first": True}, {"nulls_last": True}])
    return expression.asc(**nulls) if way % 2 else expression.desc(**nulls)


def random_query(seed: int, alias: str) -> Callable[[Start], Any]:
    """A query with up to four terms, half of them of an annotation; one of two seeds counts from the other end."""

    def build(start: Start) -> Any:
        choose = random.Random(seed)
        expressions = EXPRESSIONS if alias == "mariadb_shop" else [*EXPRESSIONS, *IN_ZONES]
        query = start(Reading).filter(**choose.choice(FILTERS))
        terms = [random_term(choose, expressions) for _ in range(choose.randint(1, 3))]
        annotation = choose.choice(choose.choice([expressions, AGGREGATES]))()
        if choose.random() < 0.5:
            terms.insert(0, choose.choice(["x", "-x"]))
            query = query.annotate(x=annotation) if choose.random() < 0.5 else query.alias(x=annotation)
        query = query.order_by(*terms)
        query = query.reverse() if choose.random() < 0.5 else query
        shape = choose.randint(0, 4)
        if query.query.group_by is None and shape < 3:
            # These columns contain no NaN.
            query = [
                lambda: query.values("pk", "name", "moment"),
                lambda: query.values_list("exact", "pk"),
                lambda: query.values_list("pk", flat=True),
            ][shape]()
        # MariaDB does not sort distinct groups; PostgreSQL takes the same expression with other parameters for another.
        elif shape == 3 and alias == "default":
            query = query.distinct()
        return query

    return build


def test_pages_of_random_queries_are_djangos_rows(alias: str) -> None:
    for seed in range(30):
        with timezone.override(random.Random(seed).choice(ZONES)):
            try:
                check(alias, random_query(seed, alias), random.Random(seed).choice([5, 9, 20, 60]))
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise


@pytest.mark.parametrize("direction", ["", "-"])
def test_pages_by_every_field_are_djangos_rows(alias: str, direction: str) -> None:
    for name in (*NAMES, "pk", "moment__date", "moment__hour"):
        check(alias, lambda start: start(Reading).order_by(direction + name), 15)  # noqa: B023
    check(alias, lambda start: start(Reading).order_by(F("twice").desc(nulls_last=True)).reverse())


# -- samples -----------------------------------------------------------------------------------------------------------


def test_pages_by_an_average_have_an_end(alias: str) -> None:
    check(alias, lambda start: start(Reading).annotate(a=Avg("samples__value")).order_by("a"), 5)
    check(
        alias,
        lambda start: start(Station).annotate(a=Avg("readings__exact"), b=Max("readings__moment")).order_by("a", "b"),
        1,
    )
    check(
        alias,
        lambda start: start(Station).alias(a=Sum("readings__real"), b=Avg("readings__span")).order_by("-a", "b"),
        1,
    )


def test_pages_by_a_part_of_a_moment_are_whole_in_every_zone(alias: str) -> None:
    if alias == "mariadb_shop":
        pytest.skip("Django needs the tables of time zones, which few servers have")
    for zone in ZONES:
        with timezone.override(zone):
            for trunc in (TruncMonth, TruncDay, TruncHour, TruncDate):
                check(alias, lambda start: start(Reading).order_by(trunc("moment").desc(nulls_last=True)), 15)  # noqa: B023
            check(alias, lambda start: start(Reading).annotate(x=TruncDay("moment")).order_by("x").values("pk", "x"), 9)


@pytest.mark.usefixtures("_readings")
def test_a_cursor_of_another_zone_is_refused() -> None:
    async def main() -> None:
        query = q(Reading).order_by(TruncDay("moment"))
        with timezone.override("Asia/Tokyo"):
            cursor = (await query.page(3)).next
        with timezone.override("America/Lima"), pytest.raises(InvalidCursor, match="another model, order or database"):
            await query.page(3, after=cursor)

    run(main())


def test_keys_of_several_columns_are_compared_by_each(alias: str) -> None:
    for terms in (["pk"], ["-pk"], ["-page"], [F("pk").desc()], ["reading__station", "-book"], []):
        check(alias, lambda start: start(Slip).order_by(*terms), 4)  # noqa: B023
        check(alias, lambda start: start(Slip).order_by(*terms).values("pk", "reading_id"), 4)  # noqa: B023
        check(alias, lambda start: start(Slip).order_by(*terms).values(), 4)  # noqa: B023
        check(alias, lambda start: start(Slip).order_by(*terms).values_list("pk", "page", named=True), 4)  # noqa: B023
        check(alias, lambda start: start(Slip).order_by(*terms).values_list("pk", flat=True), 4)  # noqa: B023


def test_joins_that_keep_each_row_once_have_pages(alias: str) -> None:
    builds: list[Callable[[Start], Any]] = [
        lambda start: start(Reading).filter(samples__label="a").order_by("samples__value"),
        lambda start: start(Reading).filter(samples__label__in=["a"]).order_by("-samples__value"),
        lambda start: start(Reading).filter(samples__value__gt=0).distinct().order_by("name"),
        lambda start: start(Reading).exclude(samples__value__gt=2).order_by("name"),
        lambda start: start(Reading).filter(samples__value__gt=0).annotate(n=Count("pk")).order_by("-n"),
        lambda start: (
            start(Reading).annotate(b=FilteredRelation("samples", condition=Q(samples__label="b"))).order_by("b__value")
        ),
        lambda start: start(Reading).filter(seal__color="red").order_by("-seal__color", "slip__page"),
        lambda start: start(Sample).order_by("reading__station", "-reading__seal__color", "label"),
        lambda start: start(Reading).annotate(x=Value("same"), y=Value(7)).order_by("x", "-y", "name"),
        lambda start: start(Reading).select_related("station", "seal").order_by("station__height", "seal"),
        lambda start: start(Reading).none().order_by("name") | start(Reading).filter(flag=True).order_by("name"),
    ]
    for build in builds:
        check(alias, build)


def test_the_rows_of_a_manager_over_many_to_many_have_pages() -> None:
    # Without the plugin for Django, checkers do not know related managers.
    rows: list[Any] = [*Tag.objects.all(), Author.objects.get(name="Homer")]
    for row in rows:
        expected = whole(row.books.order_by("-title"))
        assert run(walk(q(row.books).order_by("-title"), 2)) == expected


SEVERAL: list[Callable[[Start], Any]] = [
    lambda start: start(Reading).order_by("samples__value"),
    lambda start: start(Reading).order_by("samples"),
    lambda start: start(Reading).order_by(Upper("samples__label").desc()),
    lambda start: start(Reading).order_by(Coalesce(F("samples__value"), F("whole"))),
    lambda start: start(Reading).annotate(x=F("samples__label")).order_by("x"),
    lambda start: start(Reading).annotate(x=F("samples__label")).order_by("name"),
    lambda start: start(Reading).alias(x=Lower("samples__label")).order_by("name"),
    lambda start: start(Reading).annotate(x=F("samples__label"), n=Count("pk")).order_by("n"),
    lambda start: start(Reading).annotate(x=F("samples__label")).order_by("name").distinct(),
    lambda start: start(Reading).order_by("samples__label").distinct(),
    lambda start: start(Reading).filter(samples__value__gt=0),
    lambda start: start(Reading).filter(samples__label="a").filter(samples__value__gt=0),
    lambda start: start(Reading).filter(Q(samples__label="a") | Q(name="a")),
    lambda start: start(Reading).filter(samples__label__in=["a", "b"]).order_by("name").values("name"),
    lambda start: (
        start(Reading).annotate(b=FilteredRelation("samples", condition=Q(samples__value__gt=1))).order_by("b__value")
    ),
    lambda start: start(Station).filter(readings__flag=True),
    lambda start: start(Station).filter(readings__samples__label="a").order_by("name"),
]


@pytest.mark.parametrize("number", range(len(SEVERAL)))
def test_joins_by_which_a_row_may_come_twice_are_refused(number: int) -> None:
    with pytest.raises(ShapeError, match=r'"(samples|readings|b)" leads to several rows'):
        run(SEVERAL[number](q).page(3))


def test_numbers_that_are_none_have_a_place_on_postgresql(postgres: str) -> None:
    readings.load(postgres)
    for number, text in enumerate(["NaN", "Infinity", "-Infinity", "NaN"]):
        Reading.objects.using(postgres).create(real=float(text), exact=None, whole=number)
    check(postgres, lambda start: start(Reading).order_by("real"), 3)
    check(postgres, lambda start: start(Reading).order_by(F("real").desc(nulls_last=True), "whole"), 3)
    readings.empty(postgres)


def test_arrays_have_a_place_on_postgresql(postgres: str) -> None:
    async def main() -> None:
        for terms in (["labels"], ["-numbers", "labels"]):
            whole = await q(Shelf).using(postgres).order_by(*terms, "pk").run()
            assert await walk(q(Shelf).using(postgres).order_by(*terms), 1) == whole

    run(main())


def test_floats_of_single_precision_are_compared_as_the_server_has_them(mariadb_shop: str) -> None:
    readings.load(mariadb_shop)
    with connections[mariadb_shop].cursor() as cursor:
        cursor.execute("UPDATE walks_reading SET `real` = NULL WHERE ABS(`real`) > 1e30")
        cursor.execute("ALTER TABLE walks_reading MODIFY `real` FLOAT NULL")
        try:
            check(mariadb_shop, lambda start: start(Reading).order_by("real"), 3)
        finally:
            cursor.execute("ALTER TABLE walks_reading MODIFY `real` DOUBLE PRECISION NULL")
    readings.empty(mariadb_shop)


def test_distinct_groups_are_refused_on_mariadb(mariadb_shop: str) -> None:
    with pytest.raises(ShapeError, match="leave out distinct"):
        run(q(Reading).using(mariadb_shop).alias(x=Avg("samples__value")).order_by("x").distinct().page(3))


def test_texts_longer_than_a_sort_key_are_refused_on_mariadb(mariadb_shop: str) -> None:
    async def main() -> None:
        await q(Reading).using(mariadb_shop).page(1)
        with pytest.raises(ShapeError, match="max_sort_length"):
            await q(Reading).using(mariadb_shop).order_by("text").page(1)

    for end in "ba":
        Reading.objects.using(mariadb_shop).create(text="x" * 255 + end)
    readings_before = whole(Reading.objects.using(mariadb_shop).order_by("text"))
    assert [reading.text[-1] for reading in readings_before] == ["a", "b"]
    run(walk(q(Reading).using(mariadb_shop).order_by("name"), 1))
    Reading.objects.using(mariadb_shop).update(text=Concat(Value("x"), "text"))
    run(main())
    readings.empty(mariadb_shop)


# -- rows that come and go ---------------------------------------------------------------------------------------------

MOVING: list[list[Any]] = [
    ["name", "-real"],
    [F("moment").desc(nulls_last=True)],
    ["-station", "exact"],
    [TruncDay("moment"), "-flag"],
    ["x"],
    ["-pk"],
]


async def walk_while_rows_move(alias: str, terms: list[Any], seed: int) -> None:
    """Each row that stays from the beginning to the end is visited once, and no row twice."""
    choose = random.Random(seed)
    rows = q(Reading).using(alias)
    query = rows.annotate(x=Avg("samples__value")).order_by(*terms)
    lasting = {row.pk for row in await query.run()}

    async def move() -> None:
        gone = choose.sample(sorted(lasting), min(len(lasting), choose.randint(0, 3)))
        lasting.difference_update(gone)
        await rows.filter(pk__in=gone).adelete()
        for _ in range(choose.randint(0, 2)):
            fresh = readings.random_reading(choose, [])
            await rows.abulk_create([fresh])

    page = await query.page(6)
    visited = [row.pk for row in page]
    while page.next is not None:
        await move()
        page = await query.page(6, after=page.next)
        visited += [row.pk for row in page]
        assert len(visited) < 5 * readings.COUNT
    assert len(set(visited)) == len(visited)
    assert lasting <= set(visited)
    lasting = {row.pk for row in await query.run()} - {row.pk for row in page}
    visited = []
    while page.previous is not None:
        await move()
        page = await query.page(6, before=page.previous)
        visited[:0] = [row.pk for row in page]
        assert len(visited) < 5 * readings.COUNT
    assert len(set(visited)) == len(visited)
    assert lasting <= set(visited)


@pytest.mark.parametrize("number", range(len(MOVING)))
def test_each_lasting_row_is_visited_once_while_others_come_and_go(alias: str, number: int) -> None:
    for seed in range(2):
        run(walk_while_rows_move(alias, MOVING[number], seed))


def test_a_page_whose_rows_are_gone_leads_back(alias: str) -> None:
    async def main() -> None:
        rows = q(Reading).using(alias)
        query = rows.order_by("name", F("real").desc(nulls_last=True))
        page = await query.page(20)
        kept = list(page)
        last = await query.page(20, after=page.next)
        await rows.exclude(pk__in=[row.pk for row in kept]).adelete()
        empty = await query.page(20, after=page.next)
        assert (list(empty), empty.next) == ([], None)
        back = await query.page(30, before=empty.previous)
        assert list(back) == kept
        assert back.previous is None
        # What comes behind the cursor is found from there.
        assert list(await query.page(30, before=last.previous)) == kept
        first, second = (await query.page(1)), (await query.page(1, after=(await query.page(1)).next))
        await rows.filter(pk=first.rows[0].pk).adelete()
        empty = await query.page(1, before=second.previous)
        assert (list(empty), empty.previous) == ([], None)
        assert list(await query.page(30, after=empty.next)) == kept[1:]

    run(main())


@pytest.mark.usefixtures("_readings")
def test_a_page_before_a_row_that_moved_away_is_empty_and_leads_on() -> None:
    async def main() -> None:
        query = q(Reading).order_by("whole")
        cursor = (await query.page(5)).next
        await q(Reading).all().adelete()
        page = await query.page(5, after=cursor)
        assert page.previous is not None
        page = await query.page(5, before=page.previous)
        assert (list(page), page.previous) == ([], None)
        page = await query.page(5, after=page.next)
        assert (list(page), page.next) == ([], None)

    run(main())


# -- what a cursor belongs to ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_readings")
def test_a_cursor_knows_what_the_names_of_its_order_mean() -> None:
    def one_of(field: str) -> Any:
        return q(Reading).annotate(x=F(field)).order_by("x")

    pairs: list[tuple[Any, Any]] = [
        (one_of("whole"), one_of("twice")),
        (one_of("station__name"), one_of("name")),
        (
            q(Reading).annotate(x=F("whole") + Value(1)).order_by("x"),
            q(Reading).annotate(x=F("whole") + Value(2)).order_by("x"),
        ),
        (
            q(Reading).annotate(x=Avg("samples__value")).order_by("x"),
            q(Reading).annotate(x=Max("samples__value")).order_by("x"),
        ),
        (
            q(Reading).filter(samples__value=1).annotate(x=Count("samples")).order_by("x"),
            q(Reading).filter(samples__value=2).annotate(x=Count("samples")).order_by("x"),
        ),
        (q(Reading).order_by("name"), q(Reading).order_by(F("name").asc(nulls_last=True))),
        (q(Reading).order_by("name"), q(Reading).order_by("name").reverse()),
        (
            q(Sample).annotate(x=F("reading__whole")).order_by("x"),
            q(Sample).annotate(x=F("reading__station__height")).order_by("x"),
        ),
        (
            q(Reading).order_by(Exists(Sample.objects.filter(reading=OuterRef("pk"), value=1))),
            q(Reading).order_by(Exists(Sample.objects.filter(reading=OuterRef("pk"), value=2))),
        ),
    ]

    async def main() -> None:
        for one, other in pairs:
            cursor = (await one.page(1)).next
            assert cursor is not None
            with pytest.raises(InvalidCursor, match="another model, order or database"):
                await other.page(1, after=cursor)
            assert await one.page(1, after=cursor)

    run(main())


@pytest.mark.usefixtures("_readings")
def test_a_cursor_stays_good_while_filters_change() -> None:
    async def main() -> None:
        query = q(Reading).order_by("station__name", "seal__color")
        cursor = (await query.page(3)).next
        for other in (
            query.filter(whole__gt=0),
            query.filter(seal__color="red"),
            query.filter(slip__page__gt=3).select_related("station"),
            query.values("pk"),
        ):
            assert (await other.page(3, after=cursor)).has_previous
        same = q(Reading).annotate(y=F("station__name")).order_by("y", "seal__color")
        assert (await same.page(3, after=cursor)).has_previous

    run(main())


def test_floats_and_decimals_that_look_alike_are_apart() -> None:
    Reading.objects.bulk_create(
        Reading(
            real=real,
            exact=decimal.Decimal(repr(real)).quantize(decimal.Decimal("0.000001")),
            span=datetime.timedelta(0, 0, number),
        )
        for number, real in enumerate([0.1, 0.1 + 2**-56, 0.30000000000000004, 0.3, -0.0, 0.0])
    )
    for terms in (["real"], ["-real"], ["exact", "-span"]):
        check("default", lambda start: start(Reading).order_by(*terms), 1)  # noqa: B023
    readings.empty("default")
