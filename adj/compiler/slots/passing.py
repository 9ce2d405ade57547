"""Which of Django's nodes pass the parameters of what is inside them on untouched: only inside these may a slot stand.

A slot's parameter is a marker while SQL is generated. A node that looks at it, changes it or writes it into text would
do so to the marker, or to the value of one run. So the classes below were read one by one, with their variants for
SQLite, PostgreSQL and MySQL, and a class that is not listed, or is derived from a listed one, is opaque: the values
inside it are part of the key of a plan. `tests/unit/test_passing.py` compiles each class with values of its own.

Private Django API used here: `ConcatPair`, `AggregateFilter`, `AggregateOrderBy`, `OrderByList`, `Star`.
"""

from __future__ import annotations

from functools import lru_cache

from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    ExpressionList,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    StdDev,
    Subquery,
    Sum,
    Value,
    Variance,
    When,
    Window,
    aggregates,
    expressions,
    lookups,
)
from django.db.models import functions as fn
from django.db.models.expressions import (
    Col,
    ColPairs,
    CombinedExpression,
    DurationExpression,
    Func,
    NegatedExpression,
    OrderBy,
    Ref,
    ResolvedOuterRef,
    Star,
    TemporalSubtraction,
)
from django.db.models.fields.related_lookups import (
    RelatedExact,
    RelatedGreaterThan,
    RelatedGreaterThanOrEqual,
    RelatedIn,
    RelatedLessThan,
    RelatedLessThanOrEqual,
)
from django.db.models.functions.text import ConcatPair
from django.db.models.query_utils import FilteredRelation
from django.db.models.sql.datastructures import BaseTable, Join
from django.db.models.sql.query import Query
from django.db.models.sql.subqueries import AggregateQuery, DeleteQuery, UpdateQuery
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode


def _there(module: object, *names: str) -> set[type]:
    """Classes that some supported versions of Django have."""
    return {getattr(module, name) for name in names if hasattr(module, name)}


_QUERIES = {Query, AggregateQuery, UpdateQuery, DeleteQuery, BaseTable, Join, FilteredRelation}
_CONDITIONS = {Q, WhereNode, NothingNode, ExtraWhere}
_REFERENCES = {F, OuterRef, ResolvedOuterRef, Ref, Col, ColPairs, Star}
_EXPRESSIONS = {
    *{Value, CombinedExpression, DurationExpression, TemporalSubtraction},
    *{ExpressionWrapper, NegatedExpression, ExpressionList, OrderBy, Case, When, Subquery, Exists, Window, Func},
    *_there(expressions, "OrderByList"),
}
# Not StringAgg, which looks at its delimiter, and not AnyValue, which few servers have.
_AGGREGATES = {Avg, Count, Max, Min, StdDev, Sum, Variance, *_there(aggregates, "AggregateFilter", "AggregateOrderBy")}
# Not Round, whose precision SQLite looks at, nor what extracts, truncates or goes into JSON.
_FUNCTIONS = {
    *{fn.Cast, fn.Coalesce, fn.Greatest, fn.Least, fn.NullIf, fn.Collate},
    *{fn.Concat, ConcatPair, fn.Left, fn.Right, fn.Substr, fn.StrIndex, fn.Replace, fn.Repeat, fn.LPad, fn.RPad},
    *{fn.Lower, fn.Upper, fn.Length, fn.Trim, fn.LTrim, fn.RTrim, fn.Reverse},
    *{fn.Abs, fn.Ceil, fn.Floor, fn.Sqrt, fn.Power, fn.Sign},
    *{fn.Rank, fn.DenseRank, fn.RowNumber, fn.FirstValue, fn.LastValue, fn.Lag, fn.Lead, fn.NthValue, fn.Ntile},
    fn.JSONObject,
}

COMPARISONS: frozenset[type] = frozenset(
    {
        *{lookups.Exact, lookups.GreaterThan, lookups.GreaterThanOrEqual, lookups.LessThan, lookups.LessThanOrEqual},
        *{lookups.IntegerFieldExact, lookups.IntegerGreaterThan, lookups.IntegerGreaterThanOrEqual},
        *{lookups.IntegerLessThan, lookups.IntegerLessThanOrEqual},
    }
)
"""Lookups that pass on the parameters of both sides. Those of JSON and arrays have classes of their own."""

_RELATED = {
    *{RelatedExact, RelatedIn, RelatedLessThan, RelatedLessThanOrEqual},
    *{RelatedGreaterThan, RelatedGreaterThanOrEqual},
}

PASSING: frozenset[type] = frozenset(
    {
        *(*_QUERIES, *_CONDITIONS, *_REFERENCES, *_EXPRESSIONS, *_AGGREGATES, *_FUNCTIONS),
        *(*COMPARISONS, *_RELATED, lookups.In, lookups.Range, lookups.IsNull),
    }
)
"""Classes that pass on all parameters; a derived class is not one of them."""

# By name, so that a project which does not use PostgreSQL need not have its driver.
_POSTGRES = frozenset(
    {
        "django.contrib.postgres.expressions.ArraySubquery",
        "django.contrib.postgres.aggregates.general.ArrayAgg",
        "django.contrib.postgres.aggregates.general.BoolAnd",
        "django.contrib.postgres.aggregates.general.BoolOr",
    }
)


@lru_cache(maxsize=4_096)
def passes(node_class: type) -> bool:
    """Whether nodes of a class pass on all parameters of what is inside them."""
    return node_class in PASSING or f"{node_class.__module__}.{node_class.__qualname__}" in _POSTGRES


PASSING_LEFT: frozenset[type] = PASSING | {
    *{lookups.IExact, lookups.Regex, lookups.IRegex},
    *{lookups.Contains, lookups.IContains, lookups.StartsWith, lookups.IStartsWith},
    *{lookups.EndsWith, lookups.IEndsWith},
}
"""Lookups that pass on the parameters of their left-hand side, if their right-hand side is a value."""
