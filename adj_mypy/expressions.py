"""Expressions in a query: the names in them, and the type of what they give.

Django itself says what the output is: the expression is resolved against the model, as it will be when the query runs.
Whether it may be NULL is decided here, as Django does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import FieldError
from django.db.models import (
    Aggregate,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    StdDev,
    Subquery,
    Value,
    Variance,
    When,
    Window,
)
from django.db.models.expressions import Col, Combinable, CombinedExpression
from django.db.models.functions import (
    ACos,
    ASin,
    Coalesce,
    Concat,
    JSONObject,
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
from django.db.models.sql.query import Query as DjangoQuery
from mypy.nodes import CallExpr, Context, Expression, ListExpr, MemberExpr, OpExpr, StrExpr, TupleExpr, UnaryExpr
from mypy.types import NoneType, Type, UnionType, get_proper_type

from adj.errors import QueryError
from adj.schema.paths import ResolvedPath, resolve
from adj_mypy import compat, paths
from adj_mypy.annotated import split
from adj_mypy.call import Call
from adj_mypy.codes import SHAPE
from adj_mypy.evaluate import UNKNOWN, Evaluator, Typed, typed
from adj_mypy.fields import optional, type_of_class, type_of_field, type_of_path
from adj_mypy.guesses import refuses_every_field
from adj_mypy.project import ModelClass, target_of
from adj_mypy.state import OPEN, plain_row

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
# SQLite and MySQL give NULL for a number that these are not defined for.
_AS_PARTS: Final = (Case, When, Coalesce, CombinedExpression)
"""What has the field that all its parts have."""

_ALWAYS_NULLABLE: Final = (Subquery, NullIf, NthValue, ACos, ASin, Ln, Log, Sqrt)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: on which model, beside which annotations, over groups or over all rows.

    `outer` are the tables that are joined to rows which may have no partner there; known of what Django has resolved.
    """

    model: ModelClass
    known: Mapping[str, Type]
    is_total: bool = False
    outer: frozenset[str] = frozenset()


def expression_type(call: Call, at: Expression, scope: Scope) -> Type:
    """The type of an expression's values, by what stands in the source; reports names that the model does not have."""
    made = Evaluator(call.api).evaluate(at)
    if isinstance(made, str):
        made = F(made)
    if made is UNKNOWN:
        made = typed(call.api.type_of(at))
    if made is UNKNOWN or not hasattr(made, "resolve_expression"):
        call.fell_back("this expression is known only when it runs", at)
        return compat.any_type()
    if not check_names(call, at, made, scope):
        return compat.erroneous()
    if isinstance(made, FilteredRelation):
        return _filtered(call, made, scope)
    return _type(call, at, made, scope)


def default_alias(call: Call, at: Expression) -> str | None:
    """The name that Django gives an aggregate without one."""
    made = Evaluator(call.api).evaluate(at)
    try:
        alias = getattr(made, "default_alias", None)
    except TypeError:
        return None
    return alias if isinstance(alias, str) else None


def kind_of(call: Call, at: Expression) -> type[Any] | None:
    """The class of an expression that is written in the call; None for texts, and for what is known when it runs."""
    made = Evaluator(call.api).evaluate(at)
    return type(made) if hasattr(made, "resolve_expression") and not isinstance(made, Typed) else None


def is_aggregate(call: Call, at: Expression, scope: Scope) -> bool | None:
    """Whether an expression computes a value over rows; None if that is only known when it runs."""
    made = Evaluator(call.api).evaluate(at)
    if not hasattr(made, "resolve_expression") or isinstance(made, (Typed, FilteredRelation)):
        return None
    if any(name in scope.known for name in names_in(made)) or OPEN in scope.known:
        return None
    return bool(getattr(made, "contains_aggregate", False))


def check_names(call: Call, at: Expression, made: Any, scope: Scope) -> bool:
    """Whether the model has every column that an expression names; each that it has not is reported."""
    known_before = True
    for name in names_in(made):
        if not call.api.is_checker or name in scope.known:
            continue
        found = paths.column(call, _where(at, name), scope.model, name, scope.known)
        is_open = OPEN in scope.known or split(name, scope.known) is not None
        known_before = known_before and (found is not None or is_open)
    return known_before


def names_in(made: Any) -> Iterator[str]:
    """The columns that an expression names."""
    if isinstance(made, OuterRef):
        return
    if isinstance(made, F):
        yield _name(made)
        return
    sources = getattr(made, "get_source_expressions", None)
    for source in sources() if sources is not None else ():
        if source is not None and not isinstance(source, Q):
            yield from names_in(source)


def _name(made: F) -> str:
    """The path of an F, which django-stubs does not know."""
    name: str = vars(made)["name"]
    return name


def _where(at: Expression, name: str) -> Context:
    """Where in an expression a name is written; the whole expression, if it is made of something else."""
    written = (part for part in _parts(at) if isinstance(part, StrExpr) and part.value.removeprefix("-") == name)
    return next(written, at)


def _parts(expression: Expression) -> Iterator[Expression]:
    """An expression and those that it is made of, as far as the evaluator looks."""
    yield expression
    match expression:
        case CallExpr():
            inner = [expression.callee, *expression.args]
        case OpExpr():
            inner = [expression.left, expression.right]
        case UnaryExpr() | MemberExpr():
            inner = [expression.expr]
        case TupleExpr() | ListExpr():
            inner = expression.items
        case _:
            inner = []
    for part in inner:
        yield from _parts(part)


# -- types -------------------------------------------------------------------------------------------------------------


def _type(call: Call, at: Expression, made: Any, scope: Scope) -> Type:
    if isinstance(made, F):
        return _named(call, at, _name(made), scope)
    if isinstance(made, Typed):
        return optional(made.typ) if made.is_optional else made.typ
    typ = _of_many(call, at, made, scope) or _output(call, at, made, scope)
    return optional(typ) if is_nullable(made, scope) else typ


def _filtered(call: Call, made: FilteredRelation, scope: Scope) -> Type:
    """The rows that a filtered relation leads to: later paths may begin with its name."""
    try:
        target = target_of(resolve(scope.model, made.relation_name).field)
    except QueryError:
        target = None
    return compat.any_type() if target is None else plain_row(call.project, call.api, target)


def _of_many(call: Call, at: Expression, made: Any, scope: Scope) -> Type | None:
    """The type of what collects values into one; for Django an array or JSON, of which it says no more."""
    anything = compat.any_type()
    if isinstance(made, JSONObject):
        return call.api.named("builtins.dict", [call.api.named("builtins.str"), anything])
    kind = _collector(made)
    if kind is None:
        return None
    source = _sources(made)[0]
    # A list of NULLs is no NULL.
    return call.api.named("builtins.list", [_type(call, at, source, scope) if kind == "ArrayAgg" else anything])


def _collector(made: Any) -> str | None:
    """The name of an aggregate of PostgreSQL that gives a list; its class cannot be imported without a driver."""
    names = [base.__name__ for base in type(made).__mro__ if base.__module__.startswith("django.contrib.postgres")]
    return next((name for name in names if name in {"ArrayAgg", "JSONBAgg"}), None)


def _named(call: Call, at: Expression, name: str, scope: Scope) -> Type:
    found = paths.column(call, at, scope.model, name, scope.known)
    if isinstance(found, ResolvedPath):
        return type_of_path(call.project, call.api, found)
    return found or compat.any_type()


def _output(call: Call, at: Expression, made: Any, scope: Scope) -> Type:
    """The type of the values that are not NULL."""
    query = DjangoQuery(scope.model)
    for name in _annotations_in(made, scope):
        sample = typed(scope.known[name])
        if sample is not UNKNOWN:
            query.annotations[name] = sample
    try:
        resolved = made.resolve_expression(query, allow_joins=True)
        field = resolved.output_field
    except Exception as error:  # noqa: BLE001  # Django refuses it in many ways, and will again when it runs
        refusal = _certain(made, query, scope, error)
        if refusal is None:
            return compat.any_type()
        call.fail(f"Django refuses this expression: {refusal}", at, SHAPE)
        return compat.erroneous()
    if isinstance(made, (Window, ExpressionWrapper)) or not getattr(field, "is_relation", False):
        return type_of_field(call.project, call.api, field)
    return type_of_class(call.api, field.target_field)


def _annotations_in(made: Any, scope: Scope) -> set[str]:
    """The annotations that an expression names, alone or at the beginning of a path."""
    if not scope.known:
        return set()
    names = {*names_in(made)}
    heads = {name.partition(paths.SEPARATOR)[0] for name in names}
    return (names | heads) & scope.known.keys()


def _certain(made: Any, query: DjangoQuery, scope: Scope, error: Exception) -> Exception | None:
    """The refusal of an expression, or of a part of it, that no field behind a type would change."""
    if not _is_guessed(made, scope):
        return error if isinstance(error, (FieldError, TypeError, ValueError)) else None
    named = [begins[0] for name in names_in(made) if (begins := split(name, scope.known)) is not None]
    if isinstance(error, FieldError) and refuses_every_field(made, named, query):
        return error
    has_field_of_parts = isinstance(made, _AS_PARTS) and "output_field" not in vars(made)
    for part in _sources_of(made):
        try:
            resolved = part.resolve_expression(query, allow_joins=True)
            if has_field_of_parts and not getattr(part, "conditional", False):
                _ = resolved.output_field
        except Exception as inner:  # noqa: BLE001  # as above
            refusal = _certain(part, query, scope, inner)
            if refusal is not None:
                return refusal
    return None


def _is_guessed(made: Any, scope: Scope) -> bool:
    """Whether something in an expression is known by its type alone, where Django will see a field or a value."""
    if _annotations_in(made, scope):
        return True
    if isinstance(made, Typed):
        # A value's type tells its field; a nested query has a field of its own.
        return made.is_optional
    return isinstance(made, OuterRef) or any(_is_guessed(part, scope) for part in _sources_of(made))


def _sources_of(made: Any) -> list[Any]:
    return _sources(made) if hasattr(made, "get_source_expressions") else []


def is_nullable(made: Any, scope: Scope) -> bool:
    """Whether the value of an expression may be NULL."""
    if isinstance(made, _NEVER_NULL):
        return False
    if isinstance(made, _ALWAYS_NULLABLE):
        return True
    rule = next((rule for cls, rule in _RULES if isinstance(made, cls)), None)
    return _any_source(made, scope) if rule is None else rule(made, scope)


def _any_source(made: Any, scope: Scope) -> bool:
    """Most functions and operators of SQL give NULL for a NULL."""
    return any(is_nullable(source, scope) for source in _sources(made))


def _every_source(made: Any, scope: Scope) -> bool:
    return all(is_nullable(source, scope) for source in _sources(made))


def _sources(made: Any) -> list[Any]:
    return [source for source in made.get_source_expressions() if source is not None]


def _any_case(made: Any, scope: Scope) -> bool:
    return any(is_nullable(result, scope) for result in [*(when.result for when in made.cases), made.default])


def _beyond_the_window(made: Any, scope: Scope) -> bool:
    """There is no row before the first and after the last one, unless a default stands for it."""
    has_default = len(_sources(made)) == _ARGUMENTS_WITH_DEFAULT
    return not has_default or _any_source(made, scope)


def _is_nullable_aggregate(made: Any, scope: Scope) -> bool:
    """An aggregate over no value is NULL: over no row, over NULLs, and where a filter leaves none."""
    if isinstance(made, Count) or getattr(made, "default", None) is not None:
        return False
    if _collector(made) is not None:
        return scope.is_total or made.filter is not None
    if scope.is_total or made.filter is not None or isinstance(made, (StdDev, Variance)):
        return True
    return _any_source(made, scope)


def _is_nullable_name(name: str, scope: Scope) -> bool:
    if name in scope.known:
        proper = get_proper_type(scope.known[name])
        items = proper.items if isinstance(proper, UnionType) else [proper]
        return any(isinstance(get_proper_type(item), NoneType) for item in items)
    try:
        return resolve(scope.model, name).is_nullable
    except QueryError:
        return True


def _is_by_zero(made: Any) -> bool:
    """Division by zero is NULL on SQLite and MySQL."""
    return made.connector in {Combinable.DIV, Combinable.MOD} and not _is_constant(made.rhs)


def _is_constant(made: Any) -> bool:
    """Whether a number is written there, which is not zero."""
    return isinstance(made, Value) and bool(made.value)


_ARGUMENTS_WITH_DEFAULT: Final = 3

_RULES: Final[Sequence[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any, Scope], bool]]]] = (
    (Typed, lambda made, _: bool(made.is_optional)),
    (Value, lambda made, _: made.value is None),
    (Col, lambda made, scope: bool(made.target.null) or made.alias in scope.outer),
    (F, lambda made, scope: _is_nullable_name(_name(made), scope)),
    # A comparison with NULL is neither true nor false.
    (Q, lambda _made, _scope: True),
    (Coalesce, _every_source),
    (Case, _any_case),
    (When, lambda made, scope: is_nullable(made.result, scope)),
    (CombinedExpression, lambda made, scope: _is_by_zero(made) or _any_source(made, scope)),
    (Mod, lambda made, scope: not _is_constant(_sources(made)[-1]) or _any_source(made, scope)),
    ((Lag, Lead), _beyond_the_window),
    (Window, lambda made, scope: is_nullable(made.source_expression, scope)),
    (Aggregate, _is_nullable_aggregate),
)
"""What decides for a class of expressions; the first that fits."""
