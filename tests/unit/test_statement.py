"""Statements are data: frozen, built up by copies; and every clause says all there is to know about it."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest
from django.db.models import F, Q

from adj import q
from adj.compiler.django.build import build
from adj.compiler.django.object_rows import IntoRows
from adj.compiler.relations.relation import relation_of
from adj.compiler.slots.row_keys import RowKeys
from adj.statement import clauses as ask
from adj.statement.clauses import CLAUSES, Clause
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, Statement, TerminalCall
from adj.statement.text import query_text
from tests.shop.models import Author, Book
from tests.shop.row_classes import AuthorLength

SAMPLES: list[Clause] = [
    ask.Filter((Q(pages=1),), {"title": "x"}),
    ask.Filter((), {"title": "x"}, negated=True),
    ask.ComplexFilter({"pages": 1}),
    ask.ComplexFilter(Q(pages=1)),
    ask.Annotate((), {"n": F("pages")}),
    ask.Annotate((), {"n": F("pages")}, selected=False),
    ask.OrderBy(("title", "-pages")),
    ask.Reverse(),
    ask.Distinct(()),
    ask.Values(("title",), {"n": F("pages")}),
    ask.ValuesList(("title",), flat=True),
    ask.ValuesList(("title", "pages"), named=True),
    ask.Into(IntoRows(AuthorLength, (("length", "pages"),))),
    ask.Dates("published", "year", "DESC"),
    ask.Datetimes("released", "hour", "ASC", None),
    ask.Only(("title",)),
    ask.Defer(("title",)),
    ask.SelectRelated(("author",)),
    ask.Prefetch(("tags",)),
    ask.Lock(nowait=False, skip_locked=True, of=("self",), no_key=False),
    ask.Extra({"x": "1"}, ("1 = 1",), None, None, None, None),
    ask.Nothing(),
    ask.Slice(1, 5),
    ask.Combine("union", (Book.objects.all(),), all=True),
]


def subclasses(kind: type[Clause]) -> set[type[Clause]]:
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


def test_every_clause_is_in_the_table() -> None:
    # By name: a dataclass with slots is a new class, and the class that it replaces may still exist.
    bases = {base.__qualname__ for kind in CLAUSES for base in kind.__mro__[1:]}
    assert {kind.__qualname__ for kind in subclasses(Clause)} - bases == {kind.__qualname__ for kind in CLAUSES}


@pytest.mark.parametrize("kind", CLAUSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("part", ["key", "applied", "text"])
def test_every_clause_says_its_key_how_it_is_applied_and_its_text(kind: Any, part: str) -> None:
    assert getattr(kind, part) is not getattr(Clause, part)


def test_every_clause_has_a_sample_here() -> None:
    assert {type(clause) for clause in SAMPLES} | {ask.Fetching, ask.Among} == set(CLAUSES)


def test_the_keys_of_a_prefetch_are_shown_as_a_filter() -> None:
    relation = relation_of(Book, "author")
    assert relation is not None
    statement = Statement(Author).with_clause(ask.Among(relation, RowKeys((1, 2))))
    assert query_text(statement, with_values=True) == "q(Author).filter(id__in=[1, 2])"
    assert query_text(statement, with_values=False) == "q(Author).filter(id__in=...)"
    assert str(build(statement).query) == str(Author.objects.filter(pk__in=[1, 2]).order_by().query)


@pytest.mark.parametrize("kind", [*CLAUSES, TerminalCall, Statement])
def test_statements_and_clauses_are_frozen_and_have_no_dict(kind: Any) -> None:
    assert dataclasses.is_dataclass(kind)
    parameters = getattr(kind, "__dataclass_params__")  # noqa: B009  # what the decorator left
    assert parameters.frozen
    assert "__slots__" in vars(kind)
    assert not parameters.eq, "operands may not compare; AsyncQuery compares structures"


@pytest.mark.parametrize("clause", SAMPLES, ids=lambda clause: type(clause).__name__)
def test_no_attribute_of_a_clause_can_be_set(clause: Any) -> None:
    for name in [*(field.name for field in dataclasses.fields(clause)), "other"]:
        with pytest.raises((AttributeError, TypeError)):
            setattr(clause, name, None)


@pytest.mark.parametrize("clause", SAMPLES, ids=lambda clause: type(clause).__name__)
def test_every_clause_can_be_said_and_written(clause: Clause) -> None:
    statement = Statement(Book).with_clause(clause)
    build(statement)
    assert query_text(statement).startswith("q(Book)")
    assert len(query_text(statement)) > len("q(Book)")


@pytest.mark.parametrize("clause", SAMPLES[:-1], ids=lambda clause: type(clause).__name__)
def test_a_clause_survives_pickle(clause: Any) -> None:
    arrived = pickle.loads(pickle.dumps(clause))  # noqa: S301  # our own bytes
    assert type(arrived) is type(clause)
    assert dataclasses.astuple(arrived) == dataclasses.astuple(clause)


def test_a_further_clause_makes_a_new_statement() -> None:
    statement = Statement(Book)
    longer = statement.with_clause(ask.Reverse())
    assert statement.clauses == ()
    assert [type(clause) for clause in longer.clauses] == [ask.Reverse]
    assert longer.with_clause(ask.Nothing()).clauses[:1] == longer.clauses


def test_another_database_makes_a_new_statement() -> None:
    statement = Statement(Book, clauses=(ask.Reverse(),))
    other = statement.on("postgres")
    assert (statement.alias, other.alias) == (None, "postgres")
    assert other.clauses is statement.clauses
    assert other.on(None).alias is None


def test_a_finish_asks_for_rows_unless_it_says_otherwise() -> None:
    assert TerminalCall() is not ROWS
    assert (ROWS.answer, ROWS.args, ROWS.kwargs) == (Answer.ROWS, (), {})
    assert TerminalCall(Answer.COUNT).args == ()


@pytest.mark.parametrize(
    ("finish", "text"),
    [
        (ROWS, "q(Book)"),
        (TerminalCall(Answer.GET), "q(Book).aget()"),
        (TerminalCall(Answer.COUNT), "q(Book).acount()"),
        (TerminalCall(Answer.LATEST, ("title", "-pk")), "q(Book).alatest('title', '-pk')"),
        (TerminalCall(Answer.AGGREGATE, (), {"n": F("pages")}), "q(Book).aaggregate(n=F('pages'))"),
    ],
)
def test_an_ending_is_part_of_the_text(finish: TerminalCall, text: str) -> None:
    assert query_text(q(Book).statement, finish, with_values=True) == text
