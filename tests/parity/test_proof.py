"""Where a value leaves the places that a slot may stand in, and where SQL depends on more than its structure.

Each case is asked of Django and adj in turn, several times with other values: what the first run leaves in the plan
cache must not show in the later ones (N1, N3 to N5).
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    Func,
    IntegerField,
    JSONField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, JSONObject, Lower, Round, StrIndex, Substr, Upper
from django.db.models.lookups import IExact
from django.test import override_settings
from django.test.utils import register_lookup
from django.utils import translation

import adj
from adj import plan_cache, q
from adj.compiler.keys.content_types import _manager
from tests.parity.oracle import Session, compare
from tests.running import run
from tests.shop.models import Author, Book, Contribution, Publisher

Ask = Callable[..., Any]


def same(ask: Ask, *operands: Any) -> None:
    """Fail unless adj's SQL, parameters and rows are Django's, for each operand in turn and once more."""
    for operand in [*operands, *operands]:
        ours, django = ask(q, operand), ask(lambda model: model.objects.all(), operand)
        expected = list(django)
        assert run(ours.run()) == expected, operand
        assert tuple(ours.sql()) == _djangos(django), operand
    assert plan_cache.stats().mismatches == 0


def _djangos(queryset: Any) -> tuple[str, tuple[Any, ...]]:
    sql, parameters = queryset.query.get_compiler("default").as_sql()
    return sql, tuple(parameters)


@pytest.fixture(autouse=True)
def _empty_cache() -> Generator[None]:
    plan_cache.clear()
    yield
    plan_cache.clear()


# -- a slot reaches code that is not adj's -----------------------------------------------------------------------------

COMBINED: dict[str, Ask] = {
    "none() | a QuerySet": lambda start, name: (start(Author).none() | Author.objects.all()).filter(name=name),
    "none() | a query": lambda start, name: (start(Author).none() | start(Author)).exclude(name=name),
    "none() ^ a QuerySet": lambda start, name: (start(Author).none() ^ Author.objects.all()).filter(name__in=[name]),
    "a query & a QuerySet": lambda start, name: (start(Author) & Author.objects.order_by("pk")).filter(name=name),
    "a QuerySet with values": lambda start, name: start(Author) | Author.objects.filter(name=name),
    "a filtered QuerySet": lambda start, name: (
        start(Author).none() | Author.objects.exclude(books__title=name)
    ).filter(name__gt=name),
}


@pytest.mark.parametrize("ask", COMBINED.values(), ids=list(COMBINED))
def test_a_query_that_django_gives_in_place_of_another_takes_values(ask: Ask) -> None:
    first, last = Author.objects.order_by("name")[0].name, Author.objects.order_by("-name")[0].name
    same(lambda start, name: ask(start, name).order_by("pk"), first, last, "missing")


ANY_BOOK: dict[str, Callable[[Any], Any]] = {
    "none() | a QuerySet": lambda start: start(Book).none() | Book.objects.all(),
    "none() | a query": lambda start: start(Book).none() | start(Book),
    "none() in a union": lambda start: start(Book).none().union(start(Book)),
}
CONDITIONS: dict[str, tuple[Ask, list[Any]]] = {
    "a text": (lambda rows, value: rows.filter(title=value), ["Emma", "missing"]),
    "a number": (lambda rows, value: rows.filter(pages=value), [96, 220, 341]),
    "a greater number": (lambda rows, value: rows.exclude(pages__gt=value), [96, 220, 341]),
    "a JSON document": (lambda rows, value: rows.filter(metadata=value), [{"prints": 1}, {"a": [1]}, "x"]),
    "a key of JSON": (lambda rows, value: rows.filter(metadata__prints=value), [12, 3, "12"]),
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("rows", ANY_BOOK)
def test_values_of_every_type_reach_what_was_combined_with_none(rows: str, condition: str) -> None:
    build, values = CONDITIONS[condition]
    compare(lambda start, value: build(ANY_BOOK[rows](start), value).order_by("pk"), *values, *values)


def test_writes_to_what_was_combined_with_none_spare_excluded_rows() -> None:
    async def main() -> list[Any]:
        async with adj.atomic():
            book, author = await q(Book).order_by("pk").aget(pk=1), await q(Author).order_by("pk").aget(pk=1)
            await q(Contribution).all().adelete()
            for role in ("owner", "guest", "editor"):
                await q(Contribution).acreate(book=book, author=author, role=role)
            rows = q(Contribution).none() | Contribution.objects.all()
            counts = [await rows.exclude(role=role).aupdate(position=7) for role in ("owner", "guest", "missing")]
            deleted, _ = await rows.exclude(role="owner").adelete()
            left = await q(Contribution).values_list("role", flat=True).run()
            await adj.set_rollback()
        return [counts, deleted, left]

    assert run(main()) == [[2, 2, 3], 2, ["owner"]]


EXPRESSIONS: dict[str, Ask] = {
    "iexact of a Value": lambda start, text: start(Book).filter(title__iexact=Value(text)),
    "iexact of a Concat": lambda start, text: start(Book).filter(title__iexact=Concat(Value(text), Value(""))),
    "iexact of a Lower": lambda start, text: start(Book).filter(title__iexact=Lower(Value(text))),
    "iexact of a Case": lambda start, text: start(Book).filter(
        title__iexact=Case(When(pages__gt=0, then=Value(text)), default=Value("x"))
    ),
    "iexact in a When": lambda start, text: start(Book).annotate(
        x=Case(When(title__iexact=Value(text), then=Value(1)), default=Value(0))
    ),
    "iexact as an expression": lambda start, text: start(Book).filter(IExact(F("title"), Value(text))),
    "contains of a Value": lambda start, text: start(Book).filter(title__contains=Value(text)),
    "startswith in an exclude": lambda start, text: start(Book).exclude(title__startswith=Value(text)),
    "regex of a Value": lambda start, text: start(Book).filter(title__regex=Value(text)),
    "a lookup of an annotation": lambda start, text: (
        start(Book).annotate(x=Concat("title", Value(text))).filter(x__iexact=Value(text))
    ),
    "a pattern of an annotation": lambda start, text: (
        start(Book).annotate(x=Concat("title", Value(text))).filter(x__icontains=text)
    ),
}


@pytest.mark.parametrize("ask", EXPRESSIONS.values(), ids=list(EXPRESSIONS))
def test_a_lookup_that_looks_at_parameters_finds_values(ask: Ask) -> None:
    title = Book.objects.order_by("pk")[0].title
    same(lambda start, text: ask(start, text).order_by("pk"), title, title.upper(), title[:3], "nothing")


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_lookup_that_looks_at_parameters_finds_values_on_mariadb(name: str, mariadb_shop: str) -> None:
    title = Book.objects.order_by("pk")[0].title
    texts = (title, title.upper(), title[:3], "nothing", title)
    compare(lambda start, text: EXPRESSIONS[name](start, text).order_by("pk"), *texts, alias=mariadb_shop)


class Holding(models.Lookup):
    """A lookup of the project's that works on its parameters."""

    lookup_name = "holding"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, left_parameters = self.process_lhs(compiler, connection)
        right, right_parameters = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right}", [*left_parameters, *[f"%{parameter}%" for parameter in right_parameters]]


def test_a_lookup_of_the_project_works_on_values() -> None:
    title = Book.objects.order_by("pk")[0].title
    with register_lookup(CharField, Holding):
        for wrap in (lambda text: text, Value, lambda text: Concat(Value(text), Value(""))):
            same(
                lambda start, text, wrap=wrap: start(Book).filter(title__holding=wrap(text)).order_by("pk"),
                title[1:4],
                title[:2],
            )
            same(
                lambda start, text, wrap=wrap: start(Book).exclude(Q(title__holding=wrap(text)) | Q(pages=3)),
                title[1:4],
                title[:2],
            )


def compare_lookup_of_the_project(alias: str) -> None:
    title = Book.objects.order_by("pk")[0].title
    with register_lookup(CharField, Holding), Session(alias) as session:
        for wrap in (lambda text: text, Value, lambda text: Concat(Value(text), Value(""))):
            session.compare(
                lambda start, text, wrap=wrap: start(Book).filter(title__holding=wrap(text)).order_by("pk"),
                *(title[1:4], title[:2], title[1:4]),
            )


def test_a_lookup_of_the_project_works_on_values_on_mariadb(mariadb_shop: str) -> None:
    compare_lookup_of_the_project(mariadb_shop)


def test_a_lookup_of_the_project_works_on_values_on_postgresql(postgres: str) -> None:
    compare_lookup_of_the_project(postgres)


# -- a value is consumed in Python -------------------------------------------------------------------------------------


class Repeated(Func):
    """Reads a value that it was made of."""

    output_field: Any = CharField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        left, parameters = compiler.compile(self.source_expressions[0])
        value: Any = self.source_expressions[1]
        return f"'{value.value}' || {left}", parameters


CONSUMED: dict[str, Ask] = {
    "members of a JSON list": lambda start, text: start(Book).filter(metadata__lang__in=[Value(text)]),
    "members of a JSON list's item": lambda start, text: start(Book).filter(metadata__0__in=[Value(text)]),
    "members of an item below a key": lambda start, text: start(Book).filter(metadata__lang__0__in=[Value(text)]),
    "members below several keys": lambda start, text: start(Book).exclude(
        metadata__loc__shelf__in=[Value(text), Value("x")]
    ),
    "a JSON key's value": lambda start, text: start(Book).filter(metadata__lang=Value(text, output_field=JSONField())),
    "a function's argument": lambda start, text: start(Book).annotate(x=Repeated("title", Value(text))),
    "an argument within Django's": lambda start, text: start(Book).annotate(x=Upper(Repeated("title", Value(text)))),
    "a condition": lambda start, text: start(Book).filter(Exists(Author.objects.filter(name=Value(text)))),
    "a value in an order": lambda start, text: start(Book).order_by(Repeated("title", Value(text)), "pk"),
    "a value in an aggregate": lambda start, text: start(Book).annotate(n=Count(Repeated("title", Value(text)))),
}


@pytest.mark.parametrize("ask", CONSUMED.values(), ids=list(CONSUMED))
def test_a_value_that_code_looks_at_is_the_runs_own(ask: Ask) -> None:
    same(lambda start, text: ask(start, text).order_by("pk"), "en", "prints", "x", "de", "A1", "loc")


def test_a_precision_that_sqlite_looks_at_is_structure() -> None:
    same(lambda start, digits: start(Book).annotate(x=Round("rating", digits)).order_by("pk"), 0, 1, 2)


# -- numbers in expressions are values ---------------------------------------------------------------------------------

NUMBERS: dict[str, Ask] = {
    "Value": lambda number: q(Book).annotate(x=Value(number)),
    "Coalesce": lambda number: q(Book).annotate(x=Coalesce("pages", number)),
    "Substr": lambda number: q(Book).annotate(x=Substr("title", number + 1)),
    "arithmetic": lambda number: q(Book).filter(pages__gt=F("weight") * number + 1),
    "Case": lambda number: q(Book).annotate(x=Case(When(pages__gt=number, then=Value(number)), default=Value(0))),
    "filter": lambda number: q(Book).filter(pages__gt=Value(number)),
    "update": lambda number: q(Book).filter(pages=F("weight") + number),
    "IN": lambda number: q(Book).filter(pk__in=list(range(number + 1))),
}


@pytest.mark.parametrize("ask", NUMBERS.values(), ids=list(NUMBERS))
def test_numbers_share_a_plan(ask: Ask) -> None:
    run(q(Book).acount())
    plan_cache.clear()
    for number in range(20):
        ask(number).sql()
    # Numbers that are equal to each other, such as 0 and 0, may have a plan of their own.
    assert plan_cache.stats().misses <= 2
    assert plan_cache.stats().mismatches == plan_cache.stats().uncacheable == 0


def test_an_in_list_of_any_length_and_kind_has_one_plan() -> None:
    run(q(Book).acount())
    plan_cache.clear()
    keys = list(Book.objects.values_list("pk", flat=True))
    for members in ([keys[0]], keys, keys[:3] * 2, [*keys[2:], 0], keys[::-1]):
        expected = list(Book.objects.filter(pk__in=members).order_by("pk"))
        assert run(q(Book).filter(pk__in=members).order_by("pk").run()) == expected
    assert plan_cache.stats().misses == 1
    assert plan_cache.stats().hits == 4


def test_several_lists_in_one_query_have_their_own_lengths() -> None:
    def ask(start: Any, lengths: tuple[int, int]) -> Any:
        one, other = lengths
        return (
            start(Book)
            .filter(pk__in=list(range(one)), author__in=list(range(other)))
            .exclude(tags__name__in=["a"] * other)
            .order_by("pk")
        )

    same(ask, (3, 40), (40, 3), (1, 1), (60, 60))


# -- Python calls different values equal -------------------------------------------------------------------------------


class Number(enum.IntEnum):
    """A number with a name."""

    ONE = 1


class Written(Func):
    """A function with a constant in its SQL text."""

    template = "'%(constant)s' || %(expressions)s"
    output_field: Any = CharField()


ALIKE: list[list[Any]] = [
    [1, True, 1.0, Decimal(1), Decimal("1.0"), Number.ONE],
    [0.0, -0.0],
    [frozenset({1}), frozenset({True}), frozenset({1.0})],
    [(1, 2), (True, 2), (1.0, 2)],
    ["1", 1],
    [
        datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC),
        datetime.datetime(2020, 1, 1, 13, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    ],
]


@pytest.mark.parametrize("alike", ALIKE, ids=str)
def test_constants_that_are_equal_in_python_have_different_plans(alike: list[Any]) -> None:
    same(lambda start, constant: start(Book).annotate(x=Written("title", constant=constant)).order_by("pk"), *alike)


@pytest.mark.parametrize("alike", [ALIKE[0], ALIKE[1]], ids=str)
def test_values_that_are_equal_in_python_are_sent_as_they_are(alike: list[Any]) -> None:
    same(lambda start, value: start(Book).annotate(x=Cast(Value(value), CharField())).order_by("pk"), *alike)
    same(lambda start, value: start(Book).filter(pages=value).order_by("pk"), *alike)


# -- code of the project reads its context -----------------------------------------------------------------------------

TENANT: ContextVar[str] = ContextVar("tenant", default="none")


@contextmanager
def tenant(name: str) -> Generator[None]:
    token = TENANT.set(name)
    try:
        yield
    finally:
        TENANT.reset(token)


class CurrentTenant(Func):
    """The current tenant, as a parameter or in the text."""

    output_field: Any = CharField()

    def __init__(self, *, in_text: bool = False) -> None:
        super().__init__()
        self.in_text = in_text

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        return (f"'{TENANT.get()}'", ()) if self.in_text else ("%s", (TENANT.get(),))


class Resolved(Func):
    """The current tenant, from the moment that the query is built."""

    output_field: Any = CharField()

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return Value(TENANT.get()).resolve_expression(*args, **kwargs)


class Translated(models.Transform):
    """The text in the current language."""

    lookup_name = "translated"

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        left, parameters = compiler.compile(self.lhs)
        return f"({left} || %s)", [*parameters, translation.get_language()]


BY_TENANT: dict[str, Ask] = {
    "annotate": lambda start: start(Book).annotate(x=CurrentTenant()).values_list("pk", "x"),
    "in the text": lambda start: start(Book).annotate(x=CurrentTenant(in_text=True)).values_list("pk", "x"),
    "filter": lambda start: start(Book).filter(title=CurrentTenant()),
    "a condition within Django's": lambda start: start(Book).annotate(
        x=Case(When(title=CurrentTenant(), then=Value(1)), default=Value(0))
    ),
    "within a function": lambda start: start(Book).annotate(x=Upper(Concat(CurrentTenant(), "title"))),
    "within a function that looks": lambda start: start(Book).annotate(
        x=JSONObject(a=Round(StrIndex("title", CurrentTenant())))
    ),
    "order": lambda start: start(Book).order_by(Concat(CurrentTenant(), "title"), "pk"),
    "a subquery": lambda start: start(Book).annotate(
        x=Subquery(Author.objects.filter(pk=OuterRef("author")).annotate(t=CurrentTenant()).values("t"))
    ),
    "an aggregate": lambda start: start(Book).values("author").annotate(n=Count(Concat(CurrentTenant(), "title"))),
    "grouped": lambda start: start(Book).values(x=Concat(CurrentTenant(), "title")).annotate(n=Count("pk")),
    "resolved when it is built": lambda start: start(Book).annotate(x=Resolved()).values_list("pk", "x"),
}


@pytest.mark.parametrize("ask", BY_TENANT.values(), ids=list(BY_TENANT))
def test_sql_of_the_project_is_of_the_current_context(ask: Ask) -> None:
    for name in ("one", "two", "one", Book.objects.order_by("pk")[0].title, "two", "three"):
        with tenant(name):
            ours, django = ask(q), ask(lambda model: model.objects.all())
            if not django.ordered:
                ours, django = ours.order_by("pk"), django.order_by("pk")
            assert tuple(ours.sql()) == _djangos(django)
            assert run(ours.run()) == list(django)


def test_an_update_writes_the_value_of_the_current_context() -> None:
    publisher = Publisher.objects.create(name="proof")
    try:
        for name in ("one", "two", "three", "one"):
            with tenant(name):
                assert run(q(Publisher).filter(pk=publisher.pk).aupdate(name=CurrentTenant())) == 1
            publisher.refresh_from_db()
            assert publisher.name == name
    finally:
        publisher.delete()


def test_a_transform_of_the_project_is_of_the_current_language() -> None:
    with register_lookup(CharField, Translated):
        for language in ("en", "de", "en", "fr"):
            with translation.override(language):
                same(lambda start, _: start(Book).values_list("title__translated").order_by("pk"), None)
                same(lambda start, _: start(Book).order_by("title__translated", "pk"), None)
                same(lambda start, text: start(Book).filter(title__translated=text), "a", f"b{language}")
                same(lambda start, _: start(Book).filter(title__translated__isnull=False).order_by("pk"), None)


class InLanguage(models.Lookup):
    """Compares with a text and the current language."""

    lookup_name = "in_language"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, parameters = self.process_lhs(compiler, connection)
        right, more = self.process_rhs(compiler, connection)
        return f"{left} > {right} || %s", [*parameters, *more, translation.get_language()]


def test_a_lookup_of_the_project_is_of_the_current_language() -> None:
    with register_lookup(CharField, InLanguage):
        for language in ("en", "de", "en", "fr"):
            with translation.override(language):
                same(lambda start, text: start(Book).filter(title__in_language=text).order_by("pk"), "E", "T")
                same(lambda start, text: start(Book).exclude(Q(title__in_language=text)).order_by("pk"), "E", "T")
                # A constant is part of the plan.
                same(lambda start, constant: start(Book).filter(title__in_language=constant).order_by("pk"), True)


@override_settings(ADJ_VERIFY=0, ADJ_PROBATION_RUNS=0)
def test_a_class_that_is_declared_pure_is_compiled_once() -> None:
    compiled = []

    class Marked(Func):
        function = "UPPER"

        def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
            compiled.append(self)
            return super().as_sql(compiler, connection, **context)

    def hits(count: int) -> int:
        for _ in range(count):
            q(Book).annotate(x=Marked("title", output_field=CharField())).sql()
        before = len(compiled)
        q(Book).annotate(x=Marked("title", output_field=CharField())).sql()
        return len(compiled) - before

    run(q(Book).acount())
    assert hits(4) == 1
    adj.pure(Marked)
    plan_cache.clear()
    assert hits(4) == 0


def test_an_attribute_of_the_project_that_has_the_name_of_one_of_djangos_is_structure() -> None:
    class Prefixed(Func):
        template = "%(prefix)s || %(expressions)s"
        output_field: Any = CharField()

        def __init__(self, expression: str, text: str) -> None:
            super().__init__(expression)
            names: Any = self
            names.base_table = names.table_map = names.contains_over_clause = text

        def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
            return super().as_sql(compiler, connection, prefix=f"'{self.__dict__['base_table']}'", **context)

    same(lambda start, text: start(Book).annotate(x=Prefixed("title", text)).order_by("pk"), "a", "b", "")


def test_a_generic_relation_is_of_the_current_content_types(monkeypatch: pytest.MonkeyPatch) -> None:
    # Copies of the manager, of which Django makes new ones at times, share their cache.
    cache: dict[str, Any] = {}
    for manager in (ContentType.objects, _manager()):
        monkeypatch.setattr(manager, "_cache", cache)
    ContentType.objects.get_for_model(Book)
    same(lambda start, text: start(Book).filter(notes__text__contains=text).order_by("pk"), "e", "a")
    content_type = ContentType.objects.get_for_model(Book)
    try:
        # As after a flush: the rows have new keys, and Django reads them again.
        ContentType.objects.clear_cache()
        changed = ContentType(pk=content_type.pk + 1_000, app_label="shop", model="book")
        objects: Any = ContentType.objects
        objects._add_to_cache("default", changed)
        same(lambda start, text: start(Book).filter(notes__text__contains=text).order_by("pk"), "e", "a")
    finally:
        ContentType.objects.clear_cache()


def test_a_projects_field_that_writes_its_column_is_called_at_each_run() -> None:
    """`select_format` of a field that hides what a tenant may not see."""

    class Hidden(CharField):  # type: ignore[type-arg]  # generic for the checkers only
        def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
            return f"{sql} || %s", (*params, TENANT.get())

    for name in ("one", "two", "one"):
        with tenant(name):
            same(lambda start, _: start(Book).annotate(x=Cast("title", Hidden(max_length=9))).order_by("pk"), None)


def test_integer_division_has_djangos_output_field() -> None:
    same(lambda start, number: start(Book).annotate(x=Cast(F("pages") / number, IntegerField())).order_by("pk"), 2, 3)
