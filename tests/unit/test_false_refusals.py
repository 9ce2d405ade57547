"""What Django takes, adj takes: keys of several columns, sorting behind a relation's key, names like parameters' names.

And what neither takes is refused in words that say why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldError
from django.db import models
from django.db.models import Case, Count, F, Q, Value, When
from django.test import override_settings
from django.test.utils import isolate_apps
from django.utils.connection import ConnectionDoesNotExist

import adj
from adj import UnknownDatabase, UnusableModel, plan_cache, q
from adj.compiler.checks.validate import _seen
from adj.errors import UnknownField, UnknownLookup
from tests.running import run
from tests.shop.models import Author, Book, Stamped
from tests.unit.asking import django_sql_of, sql_of

with isolate_apps("tests.shop"):

    class Tenant(models.Model):
        """Its key has two columns."""

        pk = models.CompositePrimaryKey("org", "number")
        org: Any = models.IntegerField()
        number: Any = models.IntegerField()

        class Meta:
            app_label = "shop"

    class Remark(models.Model):
        """Belongs to a row whose key has two columns."""

        org: Any = models.IntegerField()
        by: Any = models.IntegerField(null=True)
        user: Any = models.ForeignObject(
            Tenant, models.CASCADE, from_fields=("org", "by"), to_fields=("org", "number"), related_name="remarks"
        )

        class Meta:
            app_label = "shop"

    class Day(models.Model):
        """A row that others name by its date."""

        day: Any = models.DateField(unique=True)

        class Meta:
            app_label = "shop"

    class Event(models.Model):
        """Its foreign key holds a date."""

        day: Any = models.ForeignKey(Day, models.CASCADE, to_field="day", related_name="events")
        name: Any = models.CharField(max_length=20)

        class Meta:
            app_label = "shop"

    class Setting(models.Model):
        """Its columns are called as parameters are."""

        defaults: Any = models.IntegerField(default=0)
        source: Any = models.IntegerField(default=0)

        class Meta:
            app_label = "shop"


def compare(model: Any, build: Callable[[Any, Any], Any], *operands: Callable[[], Any]) -> None:
    """Fail unless adj makes Django's SQL, cold, and hot with each operand in turn."""
    plan_cache.clear()
    _seen.clear()
    for operand in operands * 2:
        expected = django_sql_of(q(build(model._base_manager.all(), operand())))
        assert sql_of(build(q(model), operand())) == expected


def each(make: Callable[[Any], Any]) -> list[Callable[[], Any]]:
    """Operands that are made of one instance after another."""
    return [partial(lambda number: make(Tenant(org=1, number=number)), number) for number in (2, 3)]


COMPOSITE: list[tuple[str, Callable[[Any, Any], Any], list[Callable[[], Any]]]] = [
    ("filter", lambda s, v: s.filter(user=v), each(lambda one: one)),
    ("filter exact", lambda s, v: s.filter(user__exact=v), each(lambda one: one)),
    ("exclude", lambda s, v: s.exclude(user=v), each(lambda one: one)),
    ("in a list", lambda s, v: s.filter(user__in=v), each(lambda one: [one, Tenant(org=2, number=9)])),
    ("in a tuple", lambda s, v: s.filter(user__in=v), each(lambda one: (one,))),
    ("in a generator", lambda s, v: s.filter(user__in=v), each(lambda one: (found for found in [one]))),
    ("in, tuples", lambda s, v: s.filter(user__in=v), each(lambda one: [one.pk])),
    ("in, generator of tuples", lambda s, v: s.filter(user__in=v), each(lambda one: (pair for pair in [one.pk]))),
    ("a tuple", lambda s, v: s.filter(user=v), each(lambda one: one.pk)),
    ("gt", lambda s, v: s.filter(user__gt=v), each(lambda one: one.pk)),
    ("gt of an instance", lambda s, v: s.filter(user__gt=v), each(lambda one: one)),
    ("Q", lambda s, v: s.filter(Q(user=v) | Q(by=5)), each(lambda one: one)),
    ("When", lambda s, v: s.annotate(x=Case(When(user=v, then=Value(1)), default=Value(0))), each(lambda one: one)),
    ("of an aggregate", lambda s, v: s.annotate(n=Count("pk", filter=Q(user=v))), each(lambda one: one)),
    ("queryset", lambda s, v: s.filter(user__in=v), [lambda: Tenant._base_manager.filter(number=3)]),
]


@pytest.mark.parametrize(("name", "build", "operands"), COMPOSITE, ids=[name for name, _, _ in COMPOSITE])
def test_an_instance_whose_key_has_several_columns_is_an_operand(name: str, build: Any, operands: Any) -> None:
    compare(Remark, build, *operands)


def test_what_such_an_instance_says_is_what_it_said_on_the_line() -> None:
    one = Tenant(org=1, number=2)
    query = q(Remark).filter(user=one)
    one.number = 7
    assert set(sql_of(query)[1]) == {1, 2}
    pairs = [[1, 2], [1, 3]]
    several = q(Tenant).filter(pk__in=pairs)
    expected = sql_of(several)
    pairs[0].reverse()
    pairs.pop()
    assert sql_of(several) == expected


@pytest.mark.parametrize("wrong", [lambda: Day(pk=1), lambda: [Day(pk=1)]])
def test_an_instance_of_another_model_is_refused_there_as_well(wrong: Any) -> None:
    path = "user__in" if isinstance(wrong(), list) else "user"
    for _ in range(2):
        with pytest.raises(adj.InvalidOperand):
            q(Remark).filter(**{path: wrong()})


SORTED: list[tuple[Any, str]] = [
    (Event, "day__month"),
    (Event, "-day__month"),
    (Event, "day_id__month"),
    (Event, "day__year"),
    (Event, "day__day__month"),
    (Event, "name__lower"),
    (Day, "events__day__month"),
    (Day, "day__iso_year"),
    (Remark, "user__number"),
]


@pytest.mark.parametrize(("model", "name"), SORTED)
@pytest.mark.parametrize("clause", ["order_by", "values", "values_list", "annotate", "earliest"])
def test_a_transform_behind_a_foreign_key_is_that_of_the_key(model: Any, name: str, clause: str) -> None:
    def build(start: Any, _: Any) -> Any:
        path = name.removeprefix("-")
        match clause:
            case "values" | "values_list":
                return getattr(start, clause)(path, "pk")
            case "annotate":
                return start.annotate(x=F(path)).order_by("x")
            case "earliest":
                return start.order_by(F(path).desc(nulls_last=True))
            case _:
                return start.order_by(name, "pk")

    compare(model, build, lambda: None)


@pytest.mark.parametrize("name", ["day__no_such", "day__month__no_such", "name__no_such", "no_such"])
def test_what_django_cannot_sort_by_is_still_refused_at_the_line(name: str) -> None:
    for _ in range(2):
        with pytest.raises((UnknownField, UnknownLookup)):
            q(Event).order_by(name)
    with pytest.raises(FieldError):
        str(Event._base_manager.order_by(name).query)


def test_columns_may_be_called_as_parameters_are() -> None:
    compare(Setting, lambda s, v: s.filter(defaults__exact=v, source=v), lambda: 1, lambda: 2)
    compare(Setting, lambda s, v: s.exclude(source__gt=v, defaults=v), lambda: 1, lambda: 2)

    async def look() -> None:
        with pytest.raises(UnknownField, match='Book has no field "source"'):
            await adj.get_object_or_404(Book, source=1)
        with pytest.raises(UnknownField, match='Book has no field "source"'):
            await adj.get_list_or_404(Book, source=1)

    run(look())


# -- databases and models ----------------------------------------------------------------------------------------------


def asked_of_nobody() -> list[Callable[[], Any]]:
    return [
        lambda: q(Author).using("nope").run(),
        lambda: q(Author).using("nope").acount(),
        lambda: q(Author).using("nope").aget(pk=1),
        lambda: q(Author).using("nope").aupdate(name="x"),
        lambda: q(Author).using("nope").acreate(name="x"),
        lambda: q(Author).using("nope").raw("SELECT 1").run(),
        lambda: q(Author.objects.using("nope")).acount(),
        lambda: adj.save(Author(name="x"), using="nope"),
        lambda: adj.refresh(Author(pk=1), using="nope"),
        lambda: adj.atomic(using="nope").__aenter__(),
        lambda: asyncio.sleep(0, q(Author).using("nope").sql()),
    ]


@pytest.mark.parametrize("ask", asked_of_nobody())
def test_a_database_that_is_not_there_is_said_so_in_djangos_class(ask: Any) -> None:
    async def look() -> None:
        with pytest.raises(ConnectionDoesNotExist, match=r'"nope" is not an alias in settings\.DATABASES') as raised:
            await ask()
        assert isinstance(raised.value, UnknownDatabase)
        assert raised.value.alias == "nope"
        assert "default" in raised.value.choices

    run(look())


def test_a_database_is_not_looked_for_before_the_query_runs_as_in_django() -> None:
    query = q(Author).using("nope").filter(pk=1)
    assert query.db == Author.objects.using("nope").db == "nope"
    assert repr(query) == "<AsyncQuery: q(Author).filter(pk=1).using('nope')>"


def test_the_nearest_alias_is_named() -> None:
    async def look() -> None:
        with pytest.raises(UnknownDatabase, match='did you mean "default"'):
            await q(Author).using("defualt").acount()

    run(look())


@pytest.mark.parametrize("model", [Stamped, models.Model])
def test_an_abstract_model_is_refused_by_name(model: Any) -> None:
    with pytest.raises(
        UnusableModel, match=f"cannot query {model.__name__}: it is abstract and has no table"
    ) as raised:
        q(model)
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, AttributeError)
    with pytest.raises(AttributeError):
        model.objects.all()


def test_the_models_that_have_tables_are_named() -> None:
    models_with_tables = r"tests\.shop\.models\.Author, tests\.shop\.models\.Review"
    with pytest.raises(UnusableModel, match=f"inherits from it: {models_with_tables}"):
        q(Stamped)


def test_a_swapped_model_is_refused_with_the_one_in_its_place() -> None:
    with override_settings(AUTH_USER_MODEL="shop.Author"):
        with pytest.raises(UnusableModel, match=r'cannot query auth\.User: it has been swapped for "shop\.Author"'):
            q(User)
        with pytest.raises(AttributeError, match="has been swapped for"):
            User.objects.all()
    assert sql_of(q(User))[0].startswith("SELECT")


# -- rows that know whose they are -------------------------------------------------------------------------------------

COMBINED: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("| of a manager's rows", lambda s, v: s(Book) | v.books.all()),
    ("& of a manager's rows", lambda s, v: s(Book) & v.books.all()),
    ("^ of a manager's rows", lambda s, v: s(Book).filter(pages__gt=300) ^ v.books.all()),
    ("| after a filter", lambda s, v: s(Book).filter(pk__lt=4) | v.books.filter(pages__gt=1)),
    ("a manager's rows |", lambda s, v: s(v.books) | s(Book).filter(pk__lt=4)),
    ("| of two managers' rows", lambda s, v: s(v.books) | v.edited_books.all()),
    ("| of adj's own", lambda s, v: s(Book).filter(pk__lt=4) | s(v.books)),
    ("| in a |", lambda s, v: s(Book).filter(pk__lt=4) | (s(Book).filter(pk__lt=2) | v.books.all())),
    ("then narrowed", lambda s, v: (s(Book) | v.books.all()).filter(pk__gt=2).order_by("-pk")),
    ("union of a manager's rows", lambda s, v: s(Book).filter(pk__lt=4).union(v.books.all())),
    ("a manager's union", lambda s, v: s(v.books).union(s(Book).filter(pk__lt=4))),
    ("no rows |", lambda s, v: s(Book).filter(pk__in=[]) | v.books.all()),
]


@pytest.mark.parametrize(("name", "build"), COMBINED, ids=[name for name, _ in COMBINED])
def test_rows_of_a_combination_know_the_object_whose_manager_took_part(name: str, build: Any) -> None:
    author: Any = Author.objects.annotate(n=Count("books")).filter(n__gt=1).order_by("pk")[0]

    def start(source: Any) -> Any:
        return source.all() if hasattr(source, "all") else source._base_manager.all()

    expected = sorted((book.pk, known(book)) for book in build(start, author))

    async def rows() -> list[Any]:
        query = build(q, author)
        return [sorted((book.pk, known(book)) for book in await query.run()) for _ in range(2)]

    assert any(names for _, names in expected) or "union of" in name
    for answer in run(rows()):
        assert answer == expected


def known(book: Any) -> tuple[str, ...]:
    return tuple(sorted(book._state.fields_cache))
