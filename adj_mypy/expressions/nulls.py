"""Decide whether an expression may be NULL, which Django does not tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import (
    Aggregate,
    Case,
    Count,
    Exists,
    F,
    Q,
    StdDev,
    Subquery,
    Value,
    Variance,
    When,
    Window,
)
from django.db.models.expressions import Col, Combinable, CombinedExpression
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import (
    ACos,
    ASin,
    Coalesce,
    Concat,
    Lag,
    Lead,
    Ln,
    Log,
    Mod,
    Now,
    NthValue,
    NullIf,
    Random,
    Sqrt,
)
from django.db.models.functions.text import ConcatPair
from django.db.models.functions.window import CumeDist, DenseRank, Ntile, PercentRank, Rank, RowNumber
from mypy.types import NoneType, UnionType, get_proper_type

from adj.errors import QueryError
from adj.schema.paths import resolve
from adj_mypy.expressions.evaluate import Typed
from adj_mypy.expressions.names import NO_NAMES, Names
from adj_mypy.models.project import ModelClass

_NEVER_NULL: Final = (
    Count,
    Exists,
    Now,
    Random,
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Concat,
    ConcatPair,
)

# SQLite and MySQL return NULL outside the domain of these functions.
# A key may be missing.
_ALWAYS_NULLABLE: Final = (Subquery, NullIf, NthValue, ACos, ASin, Ln, Log, Sqrt, KeyTransform)

_ARGUMENTS_WITH_DEFAULT: Final = 3


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression is used: on which model, with which annotations, over groups or over all rows.

    `outer` are the aliases of outer joins; only for expressions that Django has resolved.
    """

    model: ModelClass
    known: Names = NO_NAMES
    is_total: bool = False
    outer: frozenset[str] = frozenset()


def is_nullable(expression: Any, scope: Scope) -> bool:
    """Return whether the value of an expression may be NULL."""
    if isinstance(expression, _NEVER_NULL):
        return False
    if isinstance(expression, _ALWAYS_NULLABLE):
        return True
    rule = next((rule for cls, rule in _RULES if isinstance(expression, cls)), None)
    return _any_source(expression, scope) if rule is None else rule(expression, scope)


def _any_source(expression: Any, scope: Scope) -> bool:
    """Most functions and operators of SQL return NULL for NULL."""
    return any(is_nullable(source, scope) for source in sources(expression))


def _every_source(expression: Any, scope: Scope) -> bool:
    return all(is_nullable(source, scope) for source in sources(expression))


def _any_case(expression: Any, scope: Scope) -> bool:
    return any(
        is_nullable(result, scope) for result in [*(when.result for when in expression.cases), expression.default]
    )


def _beyond_the_window(expression: Any, scope: Scope) -> bool:
    """`Lag` and `Lead` are NULL outside the window, unless they have a default."""
    has_default = len(sources(expression)) == _ARGUMENTS_WITH_DEFAULT
    return not has_default or _any_source(expression, scope)


def _is_nullable_aggregate(expression: Any, scope: Scope) -> bool:
    """An aggregate is NULL without values: without rows, over NULLs, and if a filter excludes all."""
    if isinstance(expression, Count) or getattr(expression, "default", None) is not None:
        return False
    if collector(expression) is not None:
        return scope.is_total or expression.filter is not None
    if scope.is_total or expression.filter is not None or isinstance(expression, (StdDev, Variance)):
        return True
    return _any_source(expression, scope)


def _is_nullable_name(name: str, scope: Scope) -> bool:
    if name in scope.known:
        proper = get_proper_type(scope.known[name])
        items = proper.items if isinstance(proper, UnionType) else [proper]
        return any(isinstance(get_proper_type(item), NoneType) for item in items)
    try:
        return resolve(scope.model, name).is_nullable
    except QueryError:
        return True


def _is_by_zero(expression: Any) -> bool:
    """Division by zero is NULL on SQLite and MySQL."""
    return expression.connector in {Combinable.DIV, Combinable.MOD} and not _is_constant(expression.rhs)


def _is_constant(expression: Any) -> bool:
    """Return whether an expression is a literal other than zero."""
    return isinstance(expression, Value) and bool(expression.value)


_RULES: Final[Sequence[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any, Scope], bool]]]] = (
    (Typed, lambda expression, _: bool(expression.is_optional)),
    (Value, lambda expression, _: expression.value is None),
    (Col, lambda expression, scope: bool(expression.target.null) or expression.alias in scope.outer),
    (F, lambda expression, scope: _is_nullable_name(path_of(expression), scope)),
    # A comparison with NULL is neither true nor false.
    (Q, lambda _made, _scope: True),
    (Coalesce, _every_source),
    (Case, _any_case),
    (When, lambda expression, scope: is_nullable(expression.result, scope)),
    (CombinedExpression, lambda expression, scope: _is_by_zero(expression) or _any_source(expression, scope)),
    (Mod, lambda expression, scope: not _is_constant(sources(expression)[-1]) or _any_source(expression, scope)),
    ((Lag, Lead), _beyond_the_window),
    (Window, lambda expression, scope: is_nullable(expression.source_expression, scope)),
    (Aggregate, _is_nullable_aggregate),
)
"""The rules by class; the first that matches decides."""


# -- what expressions are made of --------------------------------------------------------------------------------------


def path_of(expression: F) -> str:
    """Return the path of an F, which django-stubs does not declare."""
    name: str = vars(expression)["name"]
    return name


def sources(expression: Any) -> list[Any]:
    """Return the source expressions of an expression."""
    return [source for source in expression.get_source_expressions() if source is not None]


def collector(expression: Any) -> str | None:
    """Return the name of PostgreSQL's list aggregate; importing its class requires the driver."""
    names = [
        base.__name__ for base in type(expression).__mro__ if base.__module__.startswith("django.contrib.postgres")
    ]
    return next((name for name in names if name in {"ArrayAgg", "JSONBAgg"}), None)
