"""Methods of Django that a project or a package replaces: adj calls the replacement, or leaves the query to Django.

Django's documentation has `Length.as_mysql = ...`; packages strip texts in `CharField.get_prep_value()`, add comments
in `SQLCompiler.as_sql()`, and write a tenant's schema in `DatabaseOperations.quote_name()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import models
from django.db.backends.sqlite3.operations import DatabaseOperations
from django.db.models import F, Model, QuerySet, Value
from django.db.models import functions as fn
from django.db.models.deletion import Collector
from django.db.models.lookups import GreaterThan
from django.db.models.manager import BaseManager
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.query import Query

import adj
from adj.compiler.django import backend_code
from adj.compiler.django.dialect import forget_dialects
from adj.compiler.keys import overrides
from adj.compiler.keys.node_types import node_type_of
from adj.compiler.slots import project_code
from tests.parity.oracle import Session, ending
from tests.parity.test_attacks import NOW, books, now
from tests.running import run
from tests.shop.models import Book, Note

Replaced = tuple[Any, str, Callable[..., Any], Callable[[Any, int], Any]]


def _as_sql(old: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    sql, parameters = old(self, *args, **kwargs)
    return f"{sql} /* {NOW.get()} */", parameters


def _rows(old: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    return reversed(list(old(self, *args, **kwargs)))


def _quoted(old: Any, self: Any, name: str) -> Any:
    quoted = old(self, name)
    return f"main.{quoted}" if name == "shop_book" and NOW.get() == "a" else quoted


def _limited(old: Any, self: Any, low: Any, high: Any) -> Any:
    return f"{old(self, low, high)} /* {NOW.get()} */"


def _converters(old: Any, self: Any, expression: Any) -> Any:
    text = NOW.get()
    is_text = isinstance(expression.output_field, models.CharField)
    return [*old(self, expression), *([lambda value, _, __: f"{value} {text}"] if is_text else [])]


def _in_place_of_a_function(old: Any, self: Any, compiler: Any, connection: Any, **context: Any) -> Any:
    return f"'{NOW.get()}'", []


def _of_its_value(old: Any, self: Any, compiler: Any, connection: Any, **context: Any) -> Any:
    return "(%s || '!')", [part.value for part in self.flatten() if type(part) is Value]


def _operator(old: Any, self: Any, connection: Any, rhs: str) -> str:
    return f"{'<' if NOW.get() == 'a' else '>'} {rhs}"


def _text(old: Any, self: Any, value: Any) -> Any:
    prepared = old(self, value)
    return prepared.strip() if isinstance(prepared, str) else prepared


def _number(old: Any, self: Any, value: Any) -> Any:
    return old(self, value) + (NOW.get() == "a")


REPLACED: dict[str, Replaced] = {
    "a comment": (SQLCompiler, "as_sql", _as_sql, lambda start, n: books(start).filter(pages__gt=n)),
    "rows": (SQLCompiler, "results_iter", _rows, lambda start, n: books(start).filter(pages__gt=n)),
    "a schema": (DatabaseOperations, "quote_name", _quoted, lambda start, n: books(start).filter(pages__gt=n)),
    "limits": (DatabaseOperations, "limit_offset_sql", _limited, lambda start, n: books(start).filter(pages__gt=n)[:4]),
    "converters": (
        DatabaseOperations,
        "get_db_converters",
        _converters,
        lambda start, n: books(start).filter(pages__gt=n),
    ),
    "a function": (
        fn.Lower,
        "as_sqlite",
        _in_place_of_a_function,
        lambda start, n: books(start).annotate(x=fn.Lower("title")),
    ),
    "a function that reads its value": (
        fn.Coalesce,
        "as_sqlite",
        _of_its_value,
        lambda start, n: books(start).annotate(x=fn.Coalesce("subtitle", Value(str(n)))),
    ),
    "an operator": (
        GreaterThan,
        "get_rhs_op",
        _operator,
        lambda start, n: books(start).filter(title__gt=str(n)),
    ),
    "an operator before a column": (
        GreaterThan,
        "get_rhs_op",
        _operator,
        lambda start, n: books(start).filter(title__gt=F("isbn")),
    ),
    "a text": (
        models.CharField,
        "get_prep_value",
        _text,
        lambda start, n: books(start).filter(title=[" Emma ", "Dawn ", "Nana"][n % 3]),
    ),
    "texts": (
        models.CharField,
        "get_prep_value",
        _text,
        lambda start, n: books(start).filter(title__in=[[" Emma "], ["Dawn ", "Nana"]][n % 2]),
    ),
    "a number": (models.IntegerField, "get_prep_value", _number, lambda start, n: books(start).filter(pages=n)),
    "numbers": (models.IntegerField, "get_prep_value", _number, lambda start, n: books(start).filter(pages__in=[n, 1])),
    "a key": (models.IntegerField, "get_prep_value", _number, lambda start, n: books(start).filter(author=n)),
}


@pytest.fixture
def _looked_at_again() -> Iterator[None]:
    """Lets adj look at classes that it has seen already; a project replaces methods before it queries."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    project_code._forget()
    backend_code._objection.cache_clear()
    node_type_of.cache_clear()
    overrides._replaced_on.cache_clear()
    overrides._of_queryset.cache_clear()
    overrides._of_manager.cache_clear()
    forget_dialects()


@pytest.mark.usefixtures("_looked_at_again")
@pytest.mark.parametrize("what", REPLACED)
def test_what_replaces_djangos_methods_is_called(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare_replaced(REPLACED[what], monkeypatch)


def compare_replaced(replaced: Replaced, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask in several contexts, with a method replaced."""
    owner, name, replacement, ask = replaced
    old = getattr(owner, name, None)
    monkeypatch.setattr(
        owner, name, lambda self, *args, **kwargs: replacement(old, self, *args, **kwargs), raising=False
    )
    with Session() as session:
        adj.plan_cache.clear()
        for number, (text, value) in enumerate(zip("abaabb", [96, 220, 341, 1, 2, 3], strict=True)):
            with now(text):
                session.compare_once(lambda start, value=value: ask(start, value), (), is_first=not number)


@pytest.mark.usefixtures("_looked_at_again")
def test_operations_that_are_declared_pure_have_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    class Operations(DatabaseOperations):
        """Those of a backend."""

    monkeypatch.setattr("django.db.backends.sqlite3.base.DatabaseWrapper.ops_class", Operations)
    for is_pure in (False, True):
        if is_pure:
            adj.pure(Operations)
        _forget()
        with Session() as session:
            adj.plan_cache.clear()
            for number, value in enumerate([96, 220, 341]):
                session.compare_once(
                    lambda start, value=value: books(start).filter(pages=value), (), is_first=not number
                )
            assert bool(adj.plan_cache.stats().hits) is is_pure


# -- QuerySets, managers, queries and models ---------------------------------------------------------------------------


def _of_tenant(old: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    return old(self, *args, **kwargs, is_available=NOW.get() == "a")


def _all_of_tenant(old: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    queryset = old(self, *args, **kwargs)
    return queryset.filter(pages__gt=300 if NOW.get() == "a" else 0) if queryset.model is Book else queryset


def _first_of_tenant(old: Any, self: Any) -> Any:
    return NOW.get()


def _conditions_of_tenant(old: Any, self: Any, q_object: Any, **kwargs: Any) -> Any:
    of_tenant = models.Q(is_available=NOW.get() == "a") if self.model is Book else models.Q()
    return old(self, q_object & of_tenant, **kwargs)


def _made(old: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    old(self, *args, **kwargs)
    self.made_by = "a package"


OF_QUERIES: dict[str, Replaced] = {
    "filter()": (QuerySet, "filter", _of_tenant, lambda start, n: start(Book).filter(pages__gt=n)),
    "first()": (QuerySet, "first", _first_of_tenant, lambda start, n: (start(Book), ending("afirst"))),
    "get_queryset()": (
        BaseManager,
        "get_queryset",
        _all_of_tenant,
        lambda start, n: start(Book).filter(pages__gt=n).order_by("pk"),
    ),
    "add_q()": (Query, "add_q", _conditions_of_tenant, lambda start, n: books(start).filter(pages__gt=n)),
    "__init__()": (Model, "__init__", _made, lambda start, n: books(start).filter(pages__gt=n)),
}


@pytest.mark.usefixtures("_looked_at_again")
@pytest.mark.parametrize("what", OF_QUERIES)
def test_what_replaces_methods_of_queries_is_called(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare_replaced(OF_QUERIES[what], monkeypatch)


@pytest.mark.usefixtures("_looked_at_again")
def test_what_replaces_the_collection_of_deleted_rows_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[str] = []
    collect = Collector.delete

    def delete(self: Any) -> Any:
        deleted.extend(model.__name__ for model in [*self.data, *(rows.model for rows in self.fast_deletes)])
        return collect(self)

    async def delete_note() -> None:
        async with adj.atomic():
            await adj.q(Note).filter(text="note 1").adelete()
            await adj.set_rollback()

    monkeypatch.setattr(Collector, "delete", delete)
    run(delete_note())
    assert deleted == ["Note"]
