"""Operands belong to the line that writes them: what happens to them afterwards changes no query.

Django's QuerySet is built and evaluated at the same line. adj's query is built from the same operand, which is then
used up, emptied or changed, and run twice: cold, and from the cache where it has a plan.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    JSONField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Rank
from django.db.models.lookups import GreaterThan

import adj
from adj import q
from adj.models.managers import AsyncManager
from tests.parity.plain import difference, plain
from tests.running import run
from tests.shop.models import Author, Book, Order, OrderLine, Publisher, Shelf, Tag

Start = Callable[[Any], Any]


@dataclass(frozen=True)
class Spoiled:
    """A query that is built from an operand, and what is done to the operand afterwards."""

    name: str
    operand: Callable[[], Any]
    build: Callable[[Start, Any], Any]
    spoil: Callable[[Any], object]


def flag(condition: Any) -> Case:
    """An annotation that says which rows fulfil a condition."""
    return Case(When(condition, then=Value("yes")), default=Value("no"), output_field=CharField())


def generator(*items: Any) -> Callable[[], Any]:
    return lambda: (item for item in items)


def exhaust(items: Iterable[Any]) -> None:
    for _ in items:
        pass


def empty(items: Any) -> None:
    items.clear()


def fill(items: Any) -> None:
    items.extend(range(100))


def add_all(condition: Q) -> None:
    condition.add(Q(pk__gt=0), Q.OR)
    condition.children.append(("pk__lt", 0))


def become_another(instance: Any) -> None:
    instance.pk = 10_000


def narrow(queryset: QuerySet[Any]) -> None:
    list(queryset)
    queryset.query.add_q(Q(pk__lt=0))


class Twice(Func):
    """An expression of a project, which keeps its arguments in its own attributes."""

    template = "(%(expressions)s)"

    def __init__(self, *expressions: Any, factors: list[int]) -> None:
        super().__init__(*expressions, output_field=IntegerField())
        self.factors = factors

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        sql, parameters = super().as_sql(compiler, connection, *args, **context)
        return f"({sql} * {sum(self.factors)})", parameters


def ordered(query: Any) -> Any:
    return query.order_by("pk")


CASES = [
    # -- conditions
    Spoiled("filter, generator", generator(1, 2), lambda s, v: s(Book).filter(pk__in=v), exhaust),
    Spoiled("filter, list", lambda: [1, 2], lambda s, v: s(Book).filter(pk__in=v), empty),
    Spoiled("filter, grown list", lambda: [1, 2], lambda s, v: s(Book).filter(pk__in=v), fill),
    Spoiled("filter, set", lambda: {1, 2}, lambda s, v: s(Book).filter(pk__in=v), empty),
    Spoiled("filter, deque", lambda: deque([1, 2]), lambda s, v: s(Book).filter(pk__in=v), empty),
    Spoiled("filter, keys of a dict", lambda: {1: 0, 2: 0}, lambda s, v: s(Book).filter(pk__in=v.keys()), empty),
    Spoiled("filter, values of a dict", lambda: {0: 1, 9: 2}, lambda s, v: s(Book).filter(pk__in=v.values()), empty),
    Spoiled("filter, range", lambda: [1, 9], lambda s, v: s(Book).filter(pk__range=v), empty),
    Spoiled(
        "filter, list in a dict",
        lambda: {"pk__in": [1]},
        lambda s, v: s(Book).filter(**v),
        lambda v: v["pk__in"].clear(),
    ),
    Spoiled("filter, pair", lambda: [1, 2], lambda s, v: s(Book).filter(("pk__in", v)), empty),
    Spoiled("filter, mixed list", lambda: [1, F("pk")], lambda s, v: s(Book).filter(pk__in=v), empty),
    Spoiled("filter, Q", lambda: Q(pk__in=[1, 2]), lambda s, v: s(Book).filter(v), add_all),
    Spoiled("filter, Q in a Q", lambda: Q(pk=1), lambda s, v: s(Book).filter(~Q(Q(v) | Q(pk=5))), add_all),
    Spoiled("filter, list in a Q", lambda: [1, 2], lambda s, v: s(Book).filter(Q(pages__gt=0) & Q(pk__in=v)), empty),
    Spoiled("filter, generator in a Q", generator(1, 2), lambda s, v: s(Book).filter(Q(pk__in=v) | Q(pk=5)), exhaust),
    Spoiled(
        "filter, one generator in two Qs",
        generator(1, 2),
        lambda s, v: s(Book).filter(Q(pk__in=v) | Q(id__in=v)),
        exhaust,
    ),
    Spoiled("filter, lookup", lambda: [1, 2], lambda s, v: s(Book).annotate(i=F("pk")).filter(Q(i__in=v)), empty),
    Spoiled("filter, lookup expression", lambda: Value(5), lambda s, v: s(Book).filter(GreaterThan(F("pk"), v)), id),
    Spoiled("filter, dict of JSON", lambda: {"lang": "en"}, lambda s, v: s(Book).filter(metadata=v), empty),
    Spoiled("exclude, generator", generator(1, 2), lambda s, v: s(Book).exclude(pk__in=v), exhaust),
    Spoiled("exclude, list", lambda: [1, 2], lambda s, v: s(Book).exclude(Q(pk__in=v)), empty),
    Spoiled("exclude over a relation", generator("a"), lambda s, v: s(Author).exclude(books__title__in=v), exhaust),
    Spoiled("complex_filter, Q", lambda: Q(pk__in=[1]), lambda s, v: s(Book).complex_filter(v), add_all),
    Spoiled("complex_filter, dict", lambda: {"pk__in": [1]}, lambda s, v: s(Book).complex_filter(v), empty),
    Spoiled("complex_filter, list in it", lambda: [1], lambda s, v: s(Book).complex_filter({"pk__in": v}), empty),
    # -- expressions
    Spoiled(
        "annotate, generator in When", generator(1, 2), lambda s, v: s(Book).annotate(x=flag(Q(pk__in=v))), exhaust
    ),
    Spoiled(
        "annotate, generator as lookup of When",
        generator(1, 2),
        lambda s, v: s(Book).annotate(x=Case(When(pk__in=v, then=Value(1)), default=Value(0))),
        exhaust,
    ),
    Spoiled("annotate, list in When", lambda: [1, 2], lambda s, v: s(Book).annotate(x=flag(Q(pk__in=v))), empty),
    Spoiled("annotate, Q in When", lambda: Q(pk=1), lambda s, v: s(Book).annotate(x=flag(v)), add_all),
    Spoiled("annotate, Q", lambda: Q(pk=1), lambda s, v: s(Book).annotate(x=v), add_all),
    Spoiled(
        "annotate, one Q twice", lambda: Q(pk=1), lambda s, v: s(Book).annotate(x=flag(v), y=flag(v | Q(pk=2))), add_all
    ),
    Spoiled(
        "annotate, Q in a wrapper",
        lambda: Q(pk__in=[1]),
        lambda s, v: s(Book).annotate(x=ExpressionWrapper(v, output_field=IntegerField())),
        add_all,
    ),
    Spoiled(
        "annotate, filter of an aggregate",
        generator(1, 2, 3),
        lambda s, v: s(Author).annotate(x=Count("books", filter=Q(books__pk__in=v))),
        exhaust,
    ),
    Spoiled(
        "annotate, deep in functions",
        lambda: [1, 2],
        lambda s, v: s(Book).annotate(x=Coalesce(Cast(flag(Q(pk__in=v)), CharField()), Value("none"))),
        empty,
    ),
    Spoiled(
        "annotate, arithmetic",
        lambda: [1, 2],
        lambda s, v: s(Book).annotate(x=F("pk") + Case(When(pk__in=v, then=Value(1)), default=Value(0))),
        empty,
    ),
    Spoiled(
        "annotate, value of JSON", lambda: {"a": [1]}, lambda s, v: s(Book).annotate(x=Value(v, JSONField())), empty
    ),
    Spoiled(
        "annotate, list in JSON",
        lambda: [1, [2]],
        lambda s, v: s(Book).annotate(x=Value({"a": v}, JSONField())),
        lambda v: v[1].clear(),
    ),
    Spoiled(
        "annotate, RawSQL",
        lambda: [1, 2],
        lambda s, v: s(Book).annotate(x=RawSQL("%s + %s", v)),
        lambda v: v.reverse() or v.__setitem__(0, 7),
    ),
    Spoiled(
        "annotate, a project's expression",
        lambda: [1, 2],
        lambda s, v: s(Book).annotate(x=Twice("pk", factors=v)),
        fill,
    ),
    Spoiled(
        "annotate, positional",
        lambda: [1, 2],
        lambda s, v: s(Author).annotate(Count("books")).filter(Q(pk__in=v)),
        empty,
    ),
    Spoiled(
        "annotate, window",
        lambda: [1, 2],
        lambda s, v: s(Book).annotate(x=Window(Rank(), order_by=[flag(Q(pk__in=v)).desc(), F("pk").asc()])),
        empty,
    ),
    Spoiled(
        "annotate, window's list",
        lambda: [F("pages").asc(), F("pk").asc()],
        lambda s, v: s(Book).annotate(x=Window(Rank(), order_by=v)),
        empty,
    ),
    Spoiled("alias", generator(1, 2), lambda s, v: s(Book).alias(x=flag(Q(pk__in=v))).filter(x="yes"), exhaust),
    Spoiled("order_by", generator(3, 4), lambda s, v: s(Book).order_by(flag(Q(pk__in=v)).desc(), "pk"), exhaust),
    Spoiled("order_by, list", lambda: [3, 4], lambda s, v: s(Book).order_by(flag(Q(pk__in=v)).desc(), "pk"), empty),
    Spoiled("values", generator(3, 4), lambda s, v: s(Book).values("pk", x=flag(Q(pk__in=v))), exhaust),
    Spoiled("values, list", lambda: [3, 4], lambda s, v: s(Book).values("pk", x=flag(Q(pk__in=v))), empty),
    Spoiled("values_list", generator(3, 4), lambda s, v: s(Book).values_list("pk", flag(Q(pk__in=v))), exhaust),
    Spoiled(
        "FilteredRelation",
        generator(1, 2, 3),
        lambda s, v: (
            s(Author).annotate(some=FilteredRelation("books", condition=Q(books__pk__in=v))).filter(some__isnull=False)
        ),
        exhaust,
    ),
    Spoiled(
        "FilteredRelation, Q",
        lambda: Q(books__pk__in=[1, 2, 3]),
        lambda s, v: s(Author).annotate(some=FilteredRelation("books", condition=v)).filter(some__isnull=False),
        add_all,
    ),
    # -- queries
    Spoiled("QuerySet", lambda: Author.objects.filter(pk__lt=5), lambda s, v: s(Book).filter(author__in=v), narrow),
    Spoiled("Query", lambda: Author.objects.filter(pk__lt=5), lambda s, v: s(Book).filter(author__in=v.query), narrow),
    Spoiled(
        "QuerySet in a Q", lambda: Author.objects.filter(pk=1), lambda s, v: s(Book).filter(Q(author__in=v)), narrow
    ),
    Spoiled(
        "QuerySet of values", lambda: Author.objects.values("pk")[:3], lambda s, v: s(Book).filter(author__in=v), list
    ),
    Spoiled(
        "Exists",
        lambda: Publisher.objects.filter(pk=1),
        lambda s, v: s(Book).filter(Exists(v.filter(authors=OuterRef("author")))),
        narrow,
    ),
    Spoiled(
        "Subquery",
        lambda: Author.objects.filter(pk=1).values("name"),
        lambda s, v: s(Book).annotate(x=Subquery(v)),
        narrow,
    ),
    Spoiled(
        "union", lambda: Tag.objects.filter(pk=2), lambda s, v: s(Tag).filter(pk=1).union(v).order_by("id"), narrow
    ),
    Spoiled("intersection", lambda: Tag.objects.all(), lambda s, v: s(Tag).intersection(v).order_by("id"), narrow),
    Spoiled("difference", lambda: Tag.objects.none(), lambda s, v: s(Tag).difference(v).order_by("id"), list),
    Spoiled("|", lambda: Book.objects.filter(pk=2), lambda s, v: ordered(s(Book).filter(pk=1) | v), narrow),
    Spoiled("&", lambda: Book.objects.filter(pk__lt=4), lambda s, v: ordered(s(Book).filter(pk__gt=1) & v), narrow),
    Spoiled("^", lambda: Book.objects.filter(pk__lt=4), lambda s, v: ordered(s(Book).filter(pk__gt=1) ^ v), narrow),
    Spoiled(
        "Prefetch",
        lambda: Book.objects.filter(pk__lt=9).order_by("pk"),
        lambda s, v: s(Author).prefetch_related(Prefetch("books", v)),
        narrow,
    ),
    # -- instances
    Spoiled("instance", lambda: Author(pk=1), lambda s, v: s(Book).filter(author=v), become_another),
    Spoiled(
        "instances",
        lambda: [Author(pk=1), Author(pk=2)],
        lambda s, v: s(Book).filter(author__in=v),
        lambda v: become_another(v[0]),
    ),
    Spoiled(
        "instances in a tuple",
        lambda: (Author(pk=1), Author(pk=2)),
        lambda s, v: s(Book).filter(author__in=v),
        lambda v: become_another(v[1]),
    ),
    Spoiled(
        "instances behind a key",
        lambda: [1, Author(pk=2)],
        lambda s, v: s(Book).filter(author__in=v),
        lambda v: become_another(v[1]),
    ),
    Spoiled(
        "instances in a set",
        lambda: {Author(pk=1)},
        lambda s, v: s(Book).filter(author__in=v),
        lambda v: become_another(next(iter(v))),
    ),
    Spoiled("instances in a generator", generator(Author(pk=1)), lambda s, v: s(Book).filter(author__in=v), exhaust),
    Spoiled(
        "instance in When", lambda: Author(pk=1), lambda s, v: s(Book).annotate(x=flag(Q(author=v))), become_another
    ),
    Spoiled("instance in exclude", lambda: Author(pk=1), lambda s, v: s(Book).exclude(author=v), become_another),
    # -- keys of several columns
    Spoiled(
        "generator of tuples",
        lambda: (line.pk for line in OrderLine.objects.order_by("number")[:3]),
        lambda s, v: s(OrderLine).filter(pk__in=v),
        exhaust,
    ),
    Spoiled(
        "list of lists",
        lambda: [list(line.pk) for line in OrderLine.objects.order_by("number")[:3]],
        lambda s, v: s(OrderLine).filter(pk__in=v),
        lambda v: [pair.reverse() for pair in v],
    ),
    Spoiled(
        "instance with a key of two columns",
        lambda: OrderLine.objects.order_by("number")[0],
        lambda s, v: s(Order).filter(lines=v),
        lambda v: setattr(v, "order_id", None),
    ),
]


def django_start(model: Any) -> Any:
    """Rows in one order, so that they compare; not where queries are combined, whose parts have none."""
    return model._default_manager.all() if model is Tag else model._default_manager.order_by("pk")


def adj_start(model: Any) -> Any:
    """The same with adj."""
    return q(model) if model is Tag else q(model).order_by("pk")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_happens_to_an_operand_after_its_line_changes_no_query(case: Spoiled) -> None:
    expected = plain(list(case.build(django_start, case.operand())))
    operand = case.operand()
    query = case.build(adj_start, operand)
    case.spoil(operand)
    adj.plan_cache.clear()

    async def answers() -> list[Any]:
        return [plain(await query.run()) for _ in range(3)]

    for answer in run(answers()):
        assert answer == expected, difference(expected, answer)


# -- endings -----------------------------------------------------------------------------------------------------------


def test_a_generator_in_an_ending_is_drained_once() -> None:
    def when(items: Any) -> Any:
        return Case(When(pk__in=items, then=Value(0)), default=Value(1))

    expected = [
        Book.objects.aggregate(x=Sum("pages", filter=Q(pk__in=(1, 2)))),
        Book.objects.earliest(when((3, 4)), "pk").pk,
        Book.objects.latest(when((3, 4)), "pk").pk,
        Book.objects.filter(pk=5).count(),
    ]

    async def answers(cold: bool) -> list[Any]:
        if cold:
            adj.plan_cache.clear()
        return [
            await q(Book).aaggregate(x=Sum("pages", filter=Q(pk__in=(key for key in (1, 2))))),
            (await q(Book).aearliest(when(key for key in (3, 4)), "pk")).pk,
            (await q(Book).alatest(when(key for key in (3, 4)), "pk")).pk,
            await q(Book).filter(pk=5).aupdate(pages=Case(When(pk__in=(key for key in (5, 6)), then=F("pages")))),
        ]

    for cold in (True, False, False):
        assert run(answers(cold)) == expected


def test_an_update_sets_what_its_generator_said() -> None:
    publisher = Publisher.objects.create(name="Sold", slug="sold")
    try:

        async def changed(keys: Any) -> Any:
            founded = Case(When(pk__in=keys, then=Value(1999)), default=Value(2000))
            await q(Publisher).filter(pk=publisher.pk).aupdate(founded=founded)
            return (await q(Publisher).aget(pk=publisher.pk)).founded

        assert run(changed(key for key in [publisher.pk])) == 1999
        assert run(changed(key for key in [publisher.pk, 0])) == 1999
        assert run(changed(key for key in [0])) == 2000
    finally:
        publisher.delete()


def test_a_list_that_a_loop_uses_again_gives_each_query_its_own() -> None:
    keys: list[int] = []
    queries = []
    for number in range(1, 5):
        keys[:] = [number, number + 1]
        queries.append(q(Book).annotate(x=flag(Q(pk__in=keys))).filter(x="yes").order_by("pk"))

    async def rows() -> list[list[int]]:
        return [[book.pk for book in await query.run()] for query in queries]

    assert run(rows()) == [[1, 2], [2, 3], [3, 4], [4, 5]]


def test_parameters_of_raw_sql_are_those_of_the_line() -> None:
    parameters = [3]
    query = q(Book).raw("SELECT * FROM shop_book WHERE id = %s", parameters)
    parameters[0] = 4

    async def rows() -> list[int]:
        return [book.pk for book in await query.run()]

    assert run(rows()) == [3]


def test_parameters_of_extra_are_those_of_the_line() -> None:
    parameters, selected = [3], [1]
    query = q(Book).extra(where=["id = %s"], params=parameters, select={"x": "%s"}, select_params=selected)
    parameters[0], selected[0] = 4, 2

    async def rows() -> list[tuple[int, int]]:
        return [(book.pk, vars(book)["x"]) for book in await query.run()]

    assert run(rows()) == [(3, 1)]


class OfTheDay(AsyncManager[Book]):
    """A manager whose rows are others at another time."""

    limit = 3

    def get_queryset(self) -> Any:
        return Book.objects.filter(pk__lt=self.limit)


def test_a_manager_as_an_operand_gives_the_rows_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = OfTheDay()
    manager.model = Book
    expected = plain(list(Author.objects.filter(books__in=Book.objects.filter(pk__lt=3)).order_by("pk")))
    query = q(Author).filter(books__in=manager).order_by("pk")
    monkeypatch.setattr(OfTheDay, "limit", 0)

    async def rows() -> Any:
        return plain(await query.run())

    assert run(rows()) == expected


# -- PostgreSQL --------------------------------------------------------------------------------------------------------

ARRAYS: list[tuple[str, Callable[[Start, Any], Any], Callable[[], Any]]] = [
    ("exact", lambda s, v: s(Shelf).filter(numbers=v), lambda: [1, 2]),
    ("contains", lambda s, v: s(Shelf).filter(numbers__contains=v), lambda: [1]),
    ("overlap in When", lambda s, v: s(Shelf).annotate(x=flag(Q(numbers__overlap=v))), lambda: [1]),
    ("in", lambda s, v: s(Shelf).filter(numbers__in=[v, [3]]), lambda: [1, 2]),
    ("value", lambda s, v: s(Shelf).annotate(x=Value(v, ArrayField(IntegerField()))), lambda: [1, 2]),
    ("value of JSON", lambda s, v: s(Book).filter(metadata__contains=v), lambda: {"lang": "en"}),
]


@pytest.mark.parametrize(("name", "build", "operand"), ARRAYS, ids=[name for name, _, _ in ARRAYS])
def test_lists_and_dicts_that_are_values_belong_to_their_line(
    postgres: str, name: str, build: Any, operand: Any
) -> None:
    expected = plain(list(build(lambda model: model._base_manager.using(postgres).order_by("pk"), operand())))
    given = operand()
    query = build(lambda model: q(model).using(postgres).order_by("pk"), given)
    given.clear()
    adj.plan_cache.clear()

    async def answers() -> list[Any]:
        return [plain(await query.run()) for _ in range(3)]

    for answer in run(answers()):
        assert answer == expected, difference(expected, answer)


def test_members_of_a_set_are_sent_in_the_order_of_the_set() -> None:
    """A copy of a set may have another order."""
    for number in range(40):
        members = {f"isbn {number * 7919 + step * 104729}" for step in range(9)}
        members -= set(sorted(members)[:3])
        query, django = q(Book).filter(isbn__in=members), Book.objects.filter(isbn__in=members)
        assert query.sql().params == django.query.sql_with_params()[1]
