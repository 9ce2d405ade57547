"""Each case is asked of Django by its synchronous methods, and of adj; answers, rows and tables are the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from functools import partial
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Avg, Count, F, Q
from django.utils import translation
from djmoney.money import Money

import adj
from adj import q
from adj.events import QueryEvent
from tests.parity.plain import plain
from tests.thirdparty import data
from tests.thirdparty.models import (
    Bar,
    Circle,
    Document,
    Folder,
    Food,
    Genre,
    News,
    Place,
    Poll,
    Product,
    Restaurant,
    Shape,
    Square,
    Task,
)

Build = Callable[[Any], Any]
Call = tuple[str, tuple[Any, ...], dict[str, Any]]


def call(name: str, /, *args: Any, **kwargs: Any) -> Call:
    """A terminal method with its arguments."""
    return name, args, kwargs


ALL = [
    call("run"),
    call("count"),
    call("exists"),
    call("first"),
    call("last"),
    call("in_bulk"),
    call("iterator"),
    call("aggregate", n=Count("pk")),
]

READS: dict[str, tuple[Any, Build, list[Call]]] = {
    "money: all": (Product, lambda rows: rows.all(), ALL),
    "money: a price": (Product, lambda rows: rows.filter(price=Money(5, "EUR")), ALL),
    "money: a price is named twice": (
        Product,
        lambda rows: rows.filter(price__gte=Money(5, "EUR")).exclude(price=Money(9, "EUR")),
        ALL,
    ),
    "money: Q": (Product, lambda rows: rows.filter(Q(price=Money(5, "USD")) | Q(name="cap")), ALL),
    "money: in": (Product, lambda rows: rows.filter(price__in=[Money(5, "EUR"), Money(2, "USD")]), ALL),
    "money: get": (Product, lambda rows: rows.all(), [call("get", price=Money(5, "USD"))]),
    "money: a field": (Product, lambda rows: rows.filter(price=F("price")).order_by("-price"), ALL),
    "money: values": (Product, lambda rows: rows.filter(price=Money(5, "USD")).values("name"), [call("run")]),
    "polymorphic: all": (Shape, lambda rows: rows.all(), ALL),
    "polymorphic: instance_of": (Shape, lambda rows: rows.filter(instance_of=Circle), ALL),
    "polymorphic: Q": (Shape, lambda rows: rows.filter(Q(instance_of=Square) | Q(Circle___radius__gt=5)), ALL),
    "polymorphic: a subclass's field": (Shape, lambda rows: rows.filter(Circle___radius=3), ALL),
    "polymorphic: order": (Shape, lambda rows: rows.order_by("-Circle___radius", "pk"), [call("run"), call("first")]),
    "polymorphic: a subclass": (Circle, lambda rows: rows.filter(radius__gt=1), ALL),
    "polymorphic: get": (Shape, lambda rows: rows.all(), [call("get", name="tile"), call("get", Square___side=4)]),
    "polymorphic: slice": (Shape, lambda rows: rows.order_by("pk")[1:3], [call("run"), call("count")]),
    "polymorphic: aggregate": (Shape, lambda rows: rows.all(), [call("aggregate", r=Avg("Circle___radius"))]),
    "polymorphic: only": (Shape, lambda rows: rows.only("name").order_by("pk"), [call("run")]),
    "polymorphic: values": (Shape, lambda rows: rows.values("name").order_by("pk"), [call("run")]),
    "safedelete: all": (Document, lambda rows: rows.all(), ALL),
    "safedelete: filter": (Document, lambda rows: rows.filter(pages__gt=0), ALL),
    "safedelete: exclude": (Document, lambda rows: rows.exclude(pages__gt=2), ALL),
    "safedelete: folder": (Document, lambda rows: rows.filter(folder__name="here"), ALL),
    "safedelete: slice": (Document, lambda rows: rows.order_by("-pk")[:2], [call("run"), call("count")]),
    "safedelete: or": (Document, lambda rows: rows.filter(pages=0) | rows.filter(pages=2), ALL),
    "safedelete: union": (Document, lambda rows: rows.filter(pages=0).union(rows.filter(pages=2)), [call("run")]),
    "safedelete: get": (Document, lambda rows: rows.all(), [call("get", name="doc1"), call("get", name="doc2")]),
    "safedelete: prefetch": (Folder, lambda rows: rows.prefetch_related("documents").order_by("pk"), [call("run")]),
    "safedelete: select_related": (Document, lambda rows: rows.select_related("folder"), [call("run"), call("count")]),
    "safedelete: values": (Document, lambda rows: rows.values_list("name", flat=True), [call("run"), call("count")]),
    "inheritance: all": (Place, lambda rows: rows.all(), ALL),
    "inheritance: filter": (Place, lambda rows: rows.filter(name__contains="a").order_by("pk"), ALL),
    "inheritance: annotate": (Place, lambda rows: rows.annotate(n=Count("pk")).order_by("pk"), [call("run")]),
    "inheritance: get": (Place, lambda rows: rows.all(), [call("get", name="Roma")]),
    "soft deletable": (Task, lambda rows: rows.order_by("pk"), ALL),
    "translation: all": (News, lambda rows: rows.all(), ALL),
    "translation: filter": (News, lambda rows: rows.filter(title__startswith="A"), ALL),
    "translation: order": (News, lambda rows: rows.order_by("-title"), ALL),
    "translation: values": (News, lambda rows: rows.values("title", "views"), [call("run")]),
    "translation: values_list": (News, lambda rows: rows.values_list("title", flat=True), [call("run")]),
    "translation: get": (News, lambda rows: rows.all(), [call("get", title="zoo"), call("get", title="Affe")]),
    "translation: Q and F": (News, lambda rows: rows.filter(~Q(title=F("title_en"))), ALL),
    "translation: annotate": (News, lambda rows: rows.annotate(t=F("title")).order_by("t"), [call("run")]),
    "translation: only": (News, lambda rows: rows.only("title"), [call("run")]),
    "history: versions": (Poll.history.model, lambda rows: rows.order_by("history_id"), ALL),
    "history: polls": (Poll, lambda rows: rows.filter(question__endswith="?"), ALL),
    "mptt: all": (Genre, lambda rows: rows.all(), ALL),
    "mptt: filter": (Genre, lambda rows: rows.filter(parent__name="rock"), ALL),
    "mptt: root nodes": (Genre, lambda rows: rows.filter(parent=None).select_related("parent"), ALL),
    "taggit: tags": (Food, lambda rows: rows.filter(tags__name="red").order_by("pk"), ALL),
    "taggit: several tags": (Food, lambda rows: rows.filter(tags__name__in=["red", "hot"]).distinct(), ALL),
    "taggit: prefetch": (Food, lambda rows: rows.prefetch_related("tags").order_by("pk"), [call("run")]),
}

# What is asked of a manager or a QuerySet of the package's own.
STARTS: dict[str, Callable[[], Any]] = {
    "safedelete: all objects": lambda: Document.all_objects,
    "safedelete: deleted objects": lambda: Document.deleted_objects,
    "safedelete: with deleted": lambda: Document.objects.all_with_deleted(),
    "safedelete: by pk": lambda: Document.objects.filter(pk=1),
    "safedelete: documents of a folder": lambda: Folder.objects.get(name="here").documents,
    "inheritance: subclasses": lambda: Place.objects.select_subclasses(),
    "inheritance: one subclass": lambda: Place.objects.select_subclasses(Restaurant),
    "inheritance: instances": lambda: Place.objects.filter(name="Bar").select_subclasses("bar"),
    "polymorphic: not polymorphic": lambda: Shape.objects.non_polymorphic(),
    "polymorphic: instances": lambda: Shape.objects.instance_of(Circle),
    "translation: not rewritten": lambda: News.objects.rewrite(False),
    "soft deletable: all": lambda: Task.all_objects,
    "soft deletable: available": lambda: Task.available_objects,
    "history: of a poll": lambda: Poll.objects.get(pk=1).history,
    "history: as of now": lambda: Poll.history.latest_of_each(),
    "mptt: descendants": lambda: Genre.objects.get(name="rock").get_descendants(),
    "mptt: ancestors": lambda: Genre.objects.get(name="metal").get_ancestors(include_self=True),
    "taggit: of a food": lambda: Food.objects.get(name="apple").tags,
    "money: dearer": lambda: Product.objects.filter(price__gt=Money(1, "EUR")),
}

WRITES: dict[str, tuple[Any, Build, Call]] = {
    "money: create": (Product, lambda rows: rows, call("create", name="new", price=Money(3, "USD"))),
    "money: get or create": (
        Product,
        lambda rows: rows,
        call("get_or_create", price=Money(5, "USD"), defaults={"name": "x"}),
    ),
    "money: create by get": (
        Product,
        lambda rows: rows,
        call("get_or_create", price=Money(7, "USD"), defaults={"name": "x"}),
    ),
    "money: update": (
        Product,
        lambda rows: rows.filter(price=Money(5, "EUR")),
        call("update", price=Money(6, "USD")),
    ),
    "money: delete": (Product, lambda rows: rows.filter(price=Money(5, "EUR")), call("delete")),
    "money: bulk create": (Product, lambda rows: rows, call("bulk_create", [Product(name="b", price=Money(1, "USD"))])),
    "polymorphic: create": (Circle, lambda rows: rows, call("create", name="new", radius=1)),
    "polymorphic: delete": (Shape, lambda rows: rows.filter(instance_of=Circle), call("delete")),
    "polymorphic: update": (Shape, lambda rows: rows.filter(instance_of=Square), call("update", name="x")),
    "safedelete: delete": (Document, lambda rows: rows.filter(pages__lt=4), call("delete")),
    "safedelete: delete folders": (Folder, lambda rows: rows.filter(name="here"), call("delete")),
    "safedelete: update": (Document, lambda rows: rows.filter(pages__lt=4), call("update", pages=77)),
    "safedelete: update all": (Document, lambda rows: rows, call("update", pages=F("pages") + 1)),
    "safedelete: revive": (
        Document,
        lambda rows: rows,
        call("update_or_create", name="doc2", defaults={"pages": 50}),
    ),
    "inheritance: create": (Restaurant, lambda rows: rows, call("create", name="new", stars=1)),
    "inheritance: delete": (Place, lambda rows: rows.filter(name="Roma"), call("delete")),
    "soft deletable: delete": (Task, lambda rows: rows.filter(name="one"), call("delete")),
    "translation: create": (News, lambda rows: rows, call("create", title="new", views=1)),
    "translation: update": (News, lambda rows: rows.filter(title="Affe"), call("update", title="Esel")),
    "translation: get or create": (News, lambda rows: rows, call("get_or_create", title="Affe", defaults={"views": 0})),
    "history: create": (Poll, lambda rows: rows, call("create", question="who")),
    "history: update or create": (
        Poll,
        lambda rows: rows,
        call("update_or_create", question="why?", defaults={"question": "why not"}),
    ),
    "history: delete": (Poll, lambda rows: rows.filter(question="why?"), call("delete")),
    "mptt: create": (Genre, lambda rows: rows, call("create", name="new")),
    "mptt: delete": (Genre, lambda rows: rows.filter(name="metal"), call("delete")),
    "taggit: delete": (Food, lambda rows: rows.filter(tags__name="hot"), call("delete")),
    "bar: bulk update": (Bar, lambda rows: rows.filter(seats__gt=1), call("update", seats=1)),
}


class Loop:
    """One event loop for all checks, which keeps its connection."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()

    def get(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine, run in the language of now."""
        return self.runner.run(coroutine, context=copy_context())


loop = Loop()


@pytest.fixture(scope="module", autouse=True)
def rows() -> Iterator[None]:
    """The rows of all models."""
    data.load()
    for model in (Shape, Circle, Square):
        ContentType.objects.get_for_model(model, for_concrete_model=False)
    yield
    loop.runner.close()
    connection.close()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("case", READS)
def test_reads_are_djangos(case: str, language: str) -> None:
    """Cold, from the cache, and with the other language's names."""
    model, build, calls = READS[case]
    with translation.override(language):
        for name, args, kwargs in calls:
            expected = outcome(lambda: ask_django(build(model._default_manager), name, args, kwargs))  # noqa: B023
            for _ in range(2):
                found = outcome(lambda: ask_adj(lambda: build(q(model)), name, args, kwargs))  # noqa: B023
                assert found == expected, name
                assert expected[0] != "error" or name == "get", expected


@pytest.mark.parametrize("case", STARTS)
def test_managers_and_querysets_are_djangos(case: str) -> None:
    """As they are, and with a further condition."""
    start = STARTS[case]
    steps: list[Build] = [
        lambda rows: rows.filter(pk__gt=0),
        lambda rows: rows.exclude(pk=1),
        lambda rows: rows.order_by("-pk")[:2],
    ]
    for build in steps:
        for name in ("run", "count", "exists"):
            source = start()
            expected = outcome(partial(ask_django, build(start()), name, (), {}))
            assert outcome(partial(ask_adj, partial(build, q(source)), name, (), {})) == expected, name
            assert expected[0] != "error", expected


@pytest.mark.parametrize("case", WRITES)
def test_writes_are_djangos(case: str) -> None:
    """The answer, and the tables afterwards."""
    model, build, (name, args, kwargs) = WRITES[case]
    sides: list[Callable[[], Any]] = [
        lambda: ask_django(build(model._default_manager), name, args, kwargs),
        lambda: ask_adj(lambda: build(q(model)), name, args, kwargs),
    ]
    found = []
    with translation.override("de"):
        for side in sides:
            data.load()
            found.append((data.timeless(outcome(side)), data.dump()))
    data.load()
    assert found[0] == found[1]
    assert "('error'" not in found[0][0]


def test_a_packages_related_manager_is_taken_by_its_name() -> None:
    async def main() -> list[str]:
        food = await q(Food).aget(name="apple")
        return [tag.name for tag in await adj.related(food, "tags").order_by("name").run()]

    assert loop.get(main()) == list(Food.objects.get(name="apple").tags.order_by("name").values_list("name", flat=True))


def test_they_are_observed() -> None:
    """One event for each query, with its statement."""
    seen: list[QueryEvent] = []

    async def main() -> None:
        for model in (Product, Shape, Document, Place, News):
            await q(model).filter(pk=1).aget()

    with adj.observe(seen.append):
        loop.get(main())
    assert [event.was_cached for event in seen] == [False] * 5
    assert all(event.sql.startswith("SELECT") for event in seen)


def outcome(side: Callable[[], Any]) -> Any:
    """What a side answers, or the class and the text of its error."""
    try:
        return plain(side())
    except Exception as error:  # noqa: BLE001  # whatever it is, the other side has to raise the like
        return "error", type(error), re.sub(r"0x\w+", "", str(error))


def ask_django(rows: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The answer of a synchronous method."""
    if name == "run":
        return list(rows.all())
    return list(rows.iterator(chunk_size=2)) if name == "iterator" else getattr(rows, name)(*args, **kwargs)


def ask_adj(build: Callable[[], Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The answer of adj, whose query is built on the loop."""

    async def main() -> Any:
        query = build()
        if name == "run":
            return await query.run()
        if name == "iterator":
            return [row async for row in query.aiterator(chunk_size=2)]
        return await getattr(query, f"a{name}")(*args, **kwargs)

    return loop.get(main())
