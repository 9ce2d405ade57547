"""No plan, no key and no other memory of adj's keeps a value or a row of the user's."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import gc
import importlib
import re
import sys
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, Concat, Lag, Lower

from adj import AsyncQuery, plan_cache, q
from adj.compiler.checks import validate
from adj.compiler.plans.cache import PlanCache
from adj.compiler.plans.plan import Plan
from adj.compiler.plans.prepared import Ready
from adj.engines.threads.server_facts import read_facts
from adj.errors import InvalidOperand
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, TerminalCall
from tests.running import run
from tests.shop.fields import Money
from tests.shop.models import Author, Book, Customer, Publisher, Visit
from tests.unit.asking import AnyQuery, prepared, sql_of
from tests.unit.corpus import CORPUS, Build, Values
from tests.unit.reachable import described, paths, reachable

FIRST = 7_700
SENTINELS = range(FIRST, FIRST + 300)
_TEXT = re.compile(r"(text|blob) 7[789]\d\d")


def sentinels() -> Values:
    """Values that occur nowhere else in the process."""
    return Values(next(_starts))


_starts: Iterator[int] = iter(())


@pytest.fixture(autouse=True)
def _fresh(empty_plan_cache: None) -> None:
    global _starts  # noqa: PLW0603  # a new range for each test
    _starts = iter(range(FIRST, FIRST + 300, 40))
    validate._seen.clear()


def exists(query: Any) -> Exists:
    """`Exists` around an `AsyncQuery`, which Django's stubs do not know."""
    return Exists(query)


def is_sentinel(found: Any) -> bool:  # noqa: C901  # one case a type
    """Whether an object is, or is made of, one of the values."""
    match found:
        case bool():
            return False
        case int():
            return found in SENTINELS
        case float() | decimal.Decimal():
            return bool(found == found) and -(10**6) < found < 10**6 and int(found) in SENTINELS  # noqa: PLR0124  # NaN
        case str():
            return bool(_TEXT.search(found))
        case bytes():
            return bool(_TEXT.search(found.decode(errors="replace")))
        case datetime.datetime():
            hours = (found.replace(tzinfo=None) - datetime.datetime(2001, 1, 1)).total_seconds() // 3_600  # noqa: DTZ001
            return int(hours) in SENTINELS
        case datetime.date():
            return (found - datetime.date(2000, 1, 1)).days in SENTINELS
        case datetime.time():
            return (found.hour * 60 + found.minute) * 60 + found.second in SENTINELS
        case datetime.timedelta():
            return int(found.total_seconds()) in SENTINELS
        case uuid.UUID():
            return found.int in SENTINELS
        case _:
            return isinstance(found, Money)


def memory() -> list[object]:
    """What adj keeps between queries."""
    return [plan_cache, validate._seen]


def assert_nothing_is_kept() -> None:
    kept = [described(path) for path in paths(*memory()) if is_sentinel(path[-1])]
    assert not kept, "\n".join(kept[:5])


CASES = [pytest.param(build, id=name) for name, build in CORPUS.items()]

MORE: dict[str, Build] = {
    "own __init__": lambda v: q(Customer).annotate(a=Value(v.text()), b=Lower(Value(v.text()))).filter(name=v.text()),
    "own from_db": lambda v: q(Visit)
    .annotate(a=Case(When(page=v.text(), then=Value(v.text())), default=Value(v.text())))
    .select_related("customer__country")
    .filter(customer__name=v.text()),
    "annotations of rows": lambda v: q(Book)
    .annotate(a=Concat("title", Value(v.text())), b=Count("tags", filter=Q(tags__name=v.text())))
    .select_related("author"),
    "annotations in dicts": lambda v: q(Book).annotate(a=Value(v.text()), b=Value(v.price())).values("a", "b", "title"),
    "annotations in tuples": lambda v: q(Book).values_list(Concat("title", Value(v.text())), Value(v.moment())),
    "join with a condition": lambda v: q(Author)
    .annotate(a=FilteredRelation("books", condition=Q(books__title=v.text(), books__pages__in=[v.number()] * 2)))
    .select_related("a"),
    "order": lambda v: q(Book).order_by(Case(When(title=v.text(), then=Value(v.text())), default=Value(v.text()))),
    "subquery in an annotation": lambda v: q(Author).annotate(
        a=Subquery(
            Book.objects.filter(author=OuterRef("pk"))
            .annotate(n=Concat("title", Value(v.text())))
            .filter(n__startswith=v.text())
            .order_by(Coalesce("subtitle", Value(v.text())))
            .values("n")[:1]
        )
    ),
    "nested in nested": lambda v: q(Author).filter(
        exists(
            q(Book).filter(
                author=OuterRef("pk"), publisher__in=q(Publisher).annotate(n=Value(v.text())).filter(n=v.text())
            )
        )
    ),
    "window": lambda v: q(Book).annotate(
        a=Window(Lag("title", default=Value(v.text())), partition_by=[Concat("isbn", Value(v.text()))], order_by="pk")
    ),
    "sum of a case": lambda v: q(Author).annotate(
        a=Sum(
            Case(
                When(books__title=v.text(), then=F("books__pages") % v.number()),
                default=F("books__pages"),
                output_field=IntegerField(),
            ),
            default=0,
        )
    ),
}  # fmt: skip
MORE_CASES = [pytest.param(build, id=name) for name, build in MORE.items()]


@pytest.mark.parametrize("build", CASES + MORE_CASES)
def test_a_plan_keeps_no_value_cold_or_warm(build: Build) -> None:
    for _ in range(3):
        query = build(sentinels())
        assert any(map(is_sentinel, reachable(query.statement))), "the search does not find what is there"
        prepared(query)
        assert_nothing_is_kept()


ENDINGS = [
    TerminalCall(Answer.GET),
    TerminalCall(Answer.FIRST),
    TerminalCall(Answer.LAST),
    TerminalCall(Answer.COUNT),
    TerminalCall(Answer.EXISTS),
    TerminalCall(Answer.EARLIEST, ("pk",)),
]


@pytest.mark.parametrize("finish", ENDINGS, ids=lambda finish: finish.answer.value)
@pytest.mark.parametrize("build", [MORE["own from_db"], MORE["annotations of rows"], MORE["order"]])
def test_no_terminal_method_keeps_a_value(build: Build, finish: TerminalCall) -> None:
    for _ in range(2):
        prepared(build(sentinels()), finish)
        assert_nothing_is_kept()


def test_an_aggregation_keeps_no_value_of_its_expressions() -> None:
    for _ in range(2):
        v = sentinels()
        operands = {
            "a": Sum("pages", filter=Q(title=v.text(), pages__gt=v.number())),
            "b": Count("pk", filter=Q(author__name__in=v.texts())),
            "c": Sum(Case(When(title=v.text(), then=F("pages") * v.number()))),
        }
        prepared(q(Book).filter(isbn=v.text()), TerminalCall(Answer.AGGREGATE, (), operands))
        assert_nothing_is_kept()


@pytest.mark.parametrize("returning", [None, (), ("pk", "title")], ids=["counted", "instances", "tuples"])
def test_an_update_does_not_keep_its_values(returning: tuple[str, ...] | None) -> None:
    for _ in range(3):
        v = sentinels()
        values = {
            "title": v.text(),
            "pages": F("pages") + v.number(),
            "price": v.price(),
            "subtitle": Case(When(isbn=v.text(), then=Value(v.text())), default=Concat("title", Value(v.text()))),
        }
        query = q(Book).filter(author__name=v.text())
        assert isinstance(prepared(query, TerminalCall(Answer.UPDATE, (), values, returning)), Ready)
        assert_nothing_is_kept()
    assert plan_cache.stats().hits == 2


REFUSED: list[tuple[str, Callable[[Values], list[AnyQuery]]]] = [
    ("pattern", lambda v: [q(Book).filter(title__matches=text) for text in (v.text(), v.text() + "*", v.text())]),
    (
        "list",
        lambda v: [q(Book).filter(title__in=[text, other]) for text, other in (v.texts(), [v.text()] * 2, v.texts())],
    ),
    ("equal", lambda v: [_ordered(v.text(), v.text()), _ordered(*[v.text()] * 2), _ordered(v.text(), v.text())]),
    ("guard", lambda v: [_grouped(v.text(), v.text()), _grouped(*[v.text()] * 2), _grouped(v.text(), v.text())]),
    ("objection", lambda v: [q(Book).filter(Q(pages=pages) | Q(title=v.text())) for pages in (2**70, 1)]),
]  # fmt: skip


def _ordered(one: str, other: str) -> AnyQuery:
    def case(text: str) -> Case:
        return Case(When(title=text, then=Value("x")), default=Value("y"))

    return q(Book).annotate(a=case(one)).order_by(case(other))


def _grouped(one: str, other: str) -> AnyQuery:
    return q(Book).values(a=Q(title=one), b=Q(title=other)).annotate(n=Count("tags"))


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in REFUSED])
def test_a_plan_that_was_refused_and_replaced_keeps_no_value(ask: Callable[[Values], list[AnyQuery]]) -> None:
    for query in ask(sentinels()):
        prepared(query)
        assert_nothing_is_kept()


def test_refused_values_are_not_kept_alive() -> None:
    v = sentinels()
    for operand in ({"pages": v.text()}, {"author": v.blob()}, {"published": v.text()}, {"reference": v.text()}):
        with pytest.raises(InvalidOperand):
            q(Book).filter(**operand)
    for mistake in ({"no_such": v.text()}, {"title__no_such": v.text()}):
        with pytest.raises(FieldError):
            q(Book).filter(**mistake)
    query = q(Book).filter(pages=3)
    sql_of(query)
    plan = prepared(query).plan
    with suppress(ValueError):
        plan.bind((v.text(),), None)
    assert_nothing_is_kept()


# -- objects whose life is watched -------------------------------------------------------------------------------------


class WatchedText(str):  # noqa: SLOT000  # what can be watched has no slots
    """A str that can be watched."""


class WatchedDate(datetime.date):
    """A date that can be watched."""


class WatchedList(list[Any]):
    """A list that can be watched."""


class WatchedDict(dict[str, Any]):
    """A dict that can be watched."""


def watched_text() -> WatchedText:
    return WatchedText("watched")


WATCHED: dict[str, Callable[[], tuple[Any, AnyQuery]]] = {}


def watching(name: str, make: Callable[[], Any], ask: Callable[[Any], Any]) -> None:
    def both() -> tuple[Any, AnyQuery]:
        value = make()
        return value, ask(value)

    WATCHED[name] = both


watching("text", watched_text, lambda value: q(Book).filter(title=value))
watching("text that is searched", watched_text, lambda value: q(Book).filter(title__icontains=value))
watching("date", lambda: WatchedDate(2020, 1, 1), lambda value: q(Book).filter(published__lt=value))
watching("list", lambda: WatchedList(["a", "b"]), lambda value: q(Book).filter(title__in=value))
watching("text in a list", watched_text, lambda value: q(Book).filter(title__in=["x", value]))
watching("document", lambda: WatchedDict(a=1), lambda value: q(Book).filter(metadata=value))
watching("text in a document", watched_text, lambda value: q(Book).filter(metadata={"a": [value]}))
watching("instance", lambda: Author(pk=3, name="watched"), lambda value: q(Book).filter(author=value))
watching("instances", lambda: Author(pk=3), lambda value: q(Book).filter(author__in=[value]))
watching("instance of a text key", lambda: Publisher(pk=3, slug="s"), lambda value: q(Author).filter(publisher=value))
watching("related manager", lambda: Author(pk=3), lambda value: q(value.books).filter(title="x"))
watching("many to many manager", lambda: Book(pk=3), lambda value: q(value.tags))
watching("nested QuerySet", lambda: Author.objects.filter(name="x"), lambda value: q(Book).filter(author__in=value))
watching("base", lambda: Book.objects.filter(title="x"), q)
watching("Value", lambda: Value("x"), lambda value: q(Book).annotate(a=Concat("title", value)))
watching("text in a Value", watched_text, lambda value: q(Book).annotate(a=Concat("title", Value(value))))
watching("Case", lambda: Case(When(title="x", then=Value("y"))), lambda value: q(Book).annotate(a=value).order_by("a"))
watching(
    "text in a Case",
    watched_text,
    lambda value: q(Book).annotate(a=Case(When(title=value, then=Value(value)), default=Value(value))),
)
watching("text in an order", watched_text, lambda value: q(Book).order_by(Case(When(title=value, then=Value(1)))))
watching(
    "text in an aggregate",
    watched_text,
    lambda value: q(Author).annotate(n=Count("books", filter=Q(books__title=value))).filter(n__gt=1),
)
watching("Q", lambda: Q(title="x") | Q(pages=1), lambda value: q(Book).filter(value))
watching(
    "text in a join",
    watched_text,
    lambda value: (
        q(Author)
        .annotate(a=FilteredRelation("books", condition=Q(books__title=value)))
        .select_related("a")
        .filter(a__isbn=value)
    ),
)
watching(
    "text in a subquery",
    watched_text,
    lambda value: q(Author).filter(Exists(Book.objects.filter(author=OuterRef("pk"), title=value))),
)
watching("text in a union", watched_text, lambda value: q(Book).filter(title=value).union(q(Book).filter(isbn=value)))
watching(
    "text of a model with from_db", watched_text, lambda value: q(Visit).annotate(a=Value(value)).filter(page=value)
)
watching("text of a model with __init__", watched_text, lambda value: q(Customer).annotate(a=Value(value)))
watching("text that is refused", watched_text, lambda value: q(Book).filter(title__matches=WatchedText(value + "*")))
watching("uncacheable", watched_text, lambda value: q(Book).extra(where=["title = %s"], params=[value]))


@pytest.mark.parametrize("name", WATCHED)
def test_a_query_that_is_gone_leaves_nothing_of_it_alive(name: str) -> None:
    """Cold, then from the cache; the loop, its engine and its worker are still there."""

    async def ask() -> weakref.ref[Any]:
        value, query = WATCHED[name]()
        await query.run()
        return weakref.ref(value)

    async def twice() -> None:
        for _ in range(2):
            reference = await ask()
            gc.collect()
            assert reference() is None

    run(twice())


def test_a_plan_does_not_keep_its_rows() -> None:
    async def ask() -> list[weakref.ref[Any]]:
        books = await q(Book).select_related("author__publisher").run()
        visits = await q(Visit).select_related("customer").run()
        return [weakref.ref(row) for row in (*books, *visits, *(book.author for book in books))]

    async def twice() -> None:
        for _ in range(2):
            references = await ask()
            # The step of the loop in which the last rows arrived holds them until it ends.
            await asyncio.sleep(0)
            gc.collect()
            assert not any(reference() for reference in references)

    run(twice())


def test_an_error_does_not_keep_instances_alive() -> None:
    author = Author(name="watched")
    reference = weakref.ref(author)
    with pytest.raises(InvalidOperand):
        q(Book).filter(author=author)
    del author
    gc.collect()
    assert reference() is None


# What there is one of in a process. Classes are many: a project may make them at run time.
FOR_GOOD = {
    "adj.compiler.keys.content_types._manager",
    "adj.compiler.keys.content_types.uses_content_types",
    "adj.compiler.plans.plan_key._models_are_local",
    "adj.compiler.slots.lookup_paths._local_transforms",
    "adj.engines.choice.choice.missing_packages",
    "adj.stubgen.public._module",
}


def memories() -> Iterator[tuple[str, int | None]]:
    """The functions of adj that remember their answers, and how many at most."""
    for module in [module for name, module in sorted(sys.modules.items()) if name.split(".")[0] == "adj"]:
        for name, found in vars(module).items():
            if hasattr(found, "cache_info") and found.__module__ == module.__name__:
                yield f"{module.__name__}.{name}", found.cache_info().maxsize


def test_memories_beside_the_plans_are_bounded() -> None:
    # Whether other tests have imported it must not matter.
    importlib.import_module("adj.stubgen.command")
    assert (validate._seen.maximum, validate._seen.budget) == (8_192, 16 * 2**20)
    assert isinstance(plan_cache, PlanCache)
    assert {name for name, maximum in memories() if maximum is None} <= FOR_GOOD


def test_the_search_finds_what_a_plan_would_keep() -> None:
    """A test of the tests: a value is put where a leak would be."""
    query = q(Book).filter(title="x")
    found = prepared(query)
    assert isinstance(found, Ready)
    kept = Values(FIRST).text()
    binder = found.plan.binders[0]
    leaky = {"plan": found.plan, "binder": (lambda: kept)}
    assert not any(map(is_sentinel, reachable(binder)))
    assert any(map(is_sentinel, reachable(leaky)))
    assert isinstance(found.plan, Plan)
    assert isinstance(query, AsyncQuery)
    assert prepared(query, ROWS).was_cached


def test_the_facts_of_a_server_hold_no_connection() -> None:
    facts = read_facts("default")
    held = [name for name, fact in facts.attributes.items() if holds_connection(fact)]
    held += [name for name, fact in facts.features.items() if holds_connection(fact)]
    assert not held


def holds_connection(fact: object) -> bool:
    return any(isinstance(part, BaseDatabaseWrapper) for found in reachable(fact) for part in gc.get_referents(found))


OWN: dict[str, Build] = {
    "base": lambda v: q(Book.objects.annotate(a=Lower("title"), b=Lower("isbn")).filter(pages=v.number())),
    "nested": lambda v: q(Author).filter(Exists(Book.objects.annotate(a=Lower("title")).filter(title=v.text()))),
}


@pytest.mark.parametrize("build", CASES + [pytest.param(build, id=name) for name, build in OWN.items()])
def test_compiling_changes_nothing_of_the_users_own_expressions(build: Build) -> None:
    query = build(Values())
    before = arguments(query)
    prepared(query)
    prepared(query, TerminalCall(Answer.COUNT))
    assert arguments(query) == before


def arguments(query: AnyQuery) -> dict[int, str]:
    """What the expressions of a statement were made of, by which Django compares them."""
    found = (node.__dict__ for node in reachable(query.statement) if hasattr(node, "__dict__"))
    return {
        id(attributes): repr(attributes["_constructor_args"])
        for attributes in found
        if "_constructor_args" in attributes
    }
