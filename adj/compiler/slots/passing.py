"""Which Django nodes pass on the parameters of their parts unchanged: slots may only be inside these.

A slot's parameter is a marker while SQL is generated. A node that reads it, changes it or formats it into the SQL would
do so with the marker, or with the value of one run. The code of each class below was checked, including the variants
for SQLite, PostgreSQL and MySQL. Other classes, and subclasses of these, are opaque: the values inside them are part of
the plan's key. `tests/unit/test_passing.py` compiles each class with several values.

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
    """Those of the named classes that this version of Django has."""
    return {getattr(module, name) for name in names if hasattr(module, name)}


_QUERIES = {Query, AggregateQuery, UpdateQuery, DeleteQuery, BaseTable, Join, FilteredRelation}
_CONDITIONS = {Q, WhereNode, NothingNode, ExtraWhere}
_REFERENCES = {F, OuterRef, ResolvedOuterRef, Ref, Col, ColPairs, Star}
_EXPRESSIONS = {
    *{Value, CombinedExpression, DurationExpression, TemporalSubtraction},
    *{ExpressionWrapper, NegatedExpression, ExpressionList, OrderBy, Case, When, Subquery, Exists, Window, Func},
    *_there(expressions, "OrderByList"),
}
# Not StringAgg, which reads its delimiter, and not AnyValue, which few servers support.
_AGGREGATES = {Avg, Count, Max, Min, StdDev, Sum, Variance, *_there(aggregates, "AggregateFilter", "AggregateOrderBy")}
# Not Round, whose precision SQLite reads, nor functions that extract, truncate or read JSON.
_FUNCTIONS = {
    *{fn.Cast, fn.Coalesce, fn.Greatest, fn.Least, fn.NullIf, fn.Collate},
    *{fn.Concat, ConcatPair, fn.Left, fn.Right, fn.Substr, fn.StrIndex, fn.Replace, fn.Repeat, fn.LPad, fn.RPad},
    *{fn.Lower, fn.Upper, fn.Length, fn.Trim, fn.LTrim, fn.RTrim, fn.Reverse},
    *{fn.Abs, fn.Ceil, fn.Floor, fn.Sqrt, fn.Power, fn.Sign},
    *{fn.Rank, fn.DenseRank, fn.RowNumber, fn.FirstValue, fn.LastValue, fn.Lag, fn.Lead, fn.NthValue, fn.Ntile},
    fn.JSONObject,
}

PLAIN_COMPARISONS: frozenset[type] = frozenset(
    {lookups.Exact, lookups.GreaterThan, lookups.GreaterThanOrEqual, lookups.LessThan, lookups.LessThanOrEqual}
)
"""Comparisons of all fields without lookup classes of their type."""

INTEGER_COMPARISONS: frozenset[type] = frozenset(
    {
        *{lookups.IntegerFieldExact, lookups.IntegerGreaterThan, lookups.IntegerGreaterThanOrEqual},
        *{lookups.IntegerLessThan, lookups.IntegerLessThanOrEqual},
    }
)
"""The same comparisons of integer fields."""

COMPARISONS: frozenset[type] = PLAIN_COMPARISONS | INTEGER_COMPARISONS
"""Lookups that pass on the parameters of both sides. JSON and arrays have other lookup classes."""

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
"""Classes that pass on all parameters; subclasses do not count."""

# By name, so that projects that do not use PostgreSQL do not need its driver.
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
    """Whether nodes of a class pass on all parameters of their parts."""
    return node_class in PASSING or f"{node_class.__module__}.{node_class.__qualname__}" in _POSTGRES


PASSING_LEFT: frozenset[type] = PASSING | {
    *{lookups.IExact, lookups.Regex, lookups.IRegex},
    *{lookups.Contains, lookups.IContains, lookups.StartsWith, lookups.IStartsWith},
    *{lookups.EndsWith, lookups.IEndsWith},
}
"""Lookups that pass on the parameters of their left-hand side, if their right-hand side is a value."""
