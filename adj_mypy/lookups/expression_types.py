"""Expressions in a query: the names in them, and the type of what they give.

Django itself says what the output is: the expression is resolved against the model, as it will be when the query runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import FieldError
from django.db.models import Case, ExpressionWrapper, F, FilteredRelation, OuterRef, Q, When, Window
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, JSONObject
from django.db.models.sql.query import Query as DjangoQuery
from mypy.nodes import CallExpr, Context, Expression, ListExpr, MemberExpr, OpExpr, StrExpr, TupleExpr, UnaryExpr
from mypy.types import Type

from adj.errors import QueryError
from adj.schema.paths import ResolvedPath, resolve
from adj_mypy.boundary.codes import SHAPE
from adj_mypy.boundary.types import any_type, erroneous
from adj_mypy.calls.call import Call
from adj_mypy.expressions.evaluate import UNKNOWN, Evaluator, Typed, typed
from adj_mypy.expressions.guesses import refuses_every_field
from adj_mypy.expressions.nulls import Scope, collector, is_nullable, path_of, sources
from adj_mypy.lookups import paths
from adj_mypy.lookups.annotated_paths import split
from adj_mypy.models.fields import optional, type_of_class, type_of_field, type_of_path
from adj_mypy.models.project import SEPARATOR, target_of
from adj_mypy.row_state.row_types import plain_row

_AS_PARTS: Final = (Case, When, Coalesce, CombinedExpression)
"""What has the field that all its parts have."""


def expression_type(call: Call, at: Expression, scope: Scope) -> Type:
    """The type of an expression's values, by what stands in the source; reports names that the model does not have."""
    made = Evaluator(call.api).evaluate(at)
    if isinstance(made, str):
        made = F(made)
    if made is UNKNOWN:
        made = typed(call.api.type_of(at))
    if made is UNKNOWN or not hasattr(made, "resolve_expression"):
        call.fell_back("the type of this expression is known only at run time", at)
        return any_type()
    if not check_names(call, at, made, scope):
        return erroneous()
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
    if any(name in scope.known for name in names_in(made)) or scope.known.is_open:
        return None
    return bool(getattr(made, "contains_aggregate", False))


def check_names(call: Call, at: Expression, made: Any, scope: Scope) -> bool:
    """Whether the model has every column that an expression names; each that it has not is reported."""
    known_before = True
    for name in names_in(made):
        if not call.api.is_checker or name in scope.known:
            continue
        found = paths.column(call, _where(at, name), scope.model, name, scope.known)
        is_open = scope.known.is_open or split(name, scope.known) is not None
        known_before = known_before and (found is not None or is_open)
    return known_before


def names_in(made: Any) -> Iterator[str]:
    """The columns that an expression names."""
    if isinstance(made, OuterRef):
        return
    if isinstance(made, F):
        yield path_of(made)
        return
    sources = getattr(made, "get_source_expressions", None)
    for source in sources() if sources is not None else ():
        if source is not None and not isinstance(source, Q):
            yield from names_in(source)


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
        return _named(call, at, path_of(made), scope)
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
    return any_type() if target is None else plain_row(call.project, call.api, target)


def _of_many(call: Call, at: Expression, made: Any, scope: Scope) -> Type | None:
    """The type of what collects values into one; for Django an array or JSON, of which it says no more."""
    anything = any_type()
    if isinstance(made, JSONObject):
        return call.api.named("builtins.dict", [call.api.named("builtins.str"), anything])
    kind = collector(made)
    if kind is None:
        return None
    source = sources(made)[0]
    # A list of NULLs is no NULL.
    return call.api.named("builtins.list", [_type(call, at, source, scope) if kind == "ArrayAgg" else anything])


def _named(call: Call, at: Expression, name: str, scope: Scope) -> Type:
    found = paths.column(call, at, scope.model, name, scope.known)
    if isinstance(found, ResolvedPath):
        return type_of_path(call.project, call.api, found)
    return found or any_type()


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
            return any_type()
        call.fail(f"Django rejects this expression: {refusal}", at, SHAPE)
        return erroneous()
    if isinstance(made, (Window, ExpressionWrapper)) or not getattr(field, "is_relation", False):
        return type_of_field(call.project, call.api, field)
    return type_of_class(call.api, field.target_field)


def _annotations_in(made: Any, scope: Scope) -> set[str]:
    """The annotations that an expression names, alone or at the beginning of a path."""
    if not scope.known:
        return set()
    names = {*names_in(made)}
    heads = {name.partition(SEPARATOR)[0] for name in names}
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
    return sources(made) if hasattr(made, "get_source_expressions") else []
