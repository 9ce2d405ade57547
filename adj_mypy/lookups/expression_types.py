"""Check the names in an expression, and compute its type.

Django itself computes the output field: the expression is resolved against the model, as at run time.
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
from adj_mypy.lookups.excluded_nulls import excludes_null
from adj_mypy.models.fields import optional, type_of_class, type_of_field, type_of_path, without_none
from adj_mypy.models.project import SEPARATOR, target_of
from adj_mypy.row_state.row_types import plain_row

_AS_PARTS: Final = (Case, When, Coalesce, CombinedExpression)
"""Expressions that have the output field of their parts."""


def expression_type(call: Call, at: Expression, scope: Scope) -> Type:
    """Return the type of an expression's values; report names that the model does not have."""
    evaluated = Evaluator(call.api).evaluate(at)
    if isinstance(evaluated, str):
        evaluated = F(evaluated)
    if evaluated is UNKNOWN:
        evaluated = typed(call.api.type_of(at))
    if evaluated is UNKNOWN or not hasattr(evaluated, "resolve_expression"):
        call.explain_fallback("the type of this expression is known only at run time", at)
        return any_type()
    if not check_names(call, at, evaluated, scope):
        return erroneous()
    if isinstance(evaluated, FilteredRelation):
        return _filtered(call, evaluated, scope)
    return _type(call, at, evaluated, scope)


def default_alias(call: Call, at: Expression) -> str | None:
    """Return Django's default name for an aggregate."""
    evaluated = Evaluator(call.api).evaluate(at)
    try:
        alias = getattr(evaluated, "default_alias", None)
    except TypeError:
        return None
    return alias if isinstance(alias, str) else None


def expression_class_of(call: Call, at: Expression) -> type[Any] | None:
    """Return the class of an expression; None for strings, and for expressions known only at run time."""
    evaluated = Evaluator(call.api).evaluate(at)
    return type(evaluated) if hasattr(evaluated, "resolve_expression") and not isinstance(evaluated, Typed) else None


def is_aggregate(call: Call, at: Expression, scope: Scope) -> bool | None:
    """Return whether an expression is an aggregate; None if that is known only at run time."""
    evaluated = Evaluator(call.api).evaluate(at)
    if not hasattr(evaluated, "resolve_expression") or isinstance(evaluated, (Typed, FilteredRelation)):
        return None
    if any(name in scope.known for name in names_in(evaluated)) or scope.known.is_open:
        return None
    return bool(getattr(evaluated, "contains_aggregate", False))


def check_names(call: Call, at: Expression, evaluated: Any, scope: Scope) -> bool:
    """Return whether all names in an expression exist; report each that does not."""
    known_before = True
    for name in names_in(evaluated):
        if not call.api.is_checker or name in scope.known:
            continue
        column = paths.column(call, _where(at, name), scope.model, name, scope.known)
        is_open = scope.known.is_open or split(name, scope.known) is not None
        known_before = known_before and (column is not None or is_open)
    return known_before


def names_in(evaluated: Any) -> Iterator[str]:
    """Yield the columns that an expression names."""
    if isinstance(evaluated, OuterRef):
        return
    if isinstance(evaluated, F):
        yield path_of(evaluated)
        return
    sources = getattr(evaluated, "get_source_expressions", None)
    for source in sources() if sources is not None else ():
        if source is not None and not isinstance(source, Q):
            yield from names_in(source)


def _where(at: Expression, name: str) -> Context:
    """Return the literal with a name in an expression, or the whole expression."""
    written = (part for part in _parts(at) if isinstance(part, StrExpr) and part.value.removeprefix("-") == name)
    return next(written, at)


def _parts(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and its parts, as far as the evaluator evaluates them."""
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


def _type(call: Call, at: Expression, evaluated: Any, scope: Scope) -> Type:
    if isinstance(evaluated, F):
        return _named(call, at, path_of(evaluated), scope)
    if isinstance(evaluated, Typed):
        return optional(evaluated.typ) if evaluated.is_optional else evaluated.typ
    typ = _of_many(call, at, evaluated, scope) or _output(call, at, evaluated, scope)
    return optional(typ) if is_nullable(evaluated, scope) else typ


def _filtered(call: Call, evaluated: FilteredRelation, scope: Scope) -> Type:
    """Return the rows of a filtered relation: later paths may begin with its name."""
    try:
        target = target_of(resolve(scope.model, evaluated.relation_name).field)
    except QueryError:
        target = None
    return any_type() if target is None else plain_row(call.project, call.api, target)


def _of_many(call: Call, at: Expression, evaluated: Any, scope: Scope) -> Type | None:
    """Return the type of an expression that collects values; Django only knows that it is an array or JSON."""
    anything = any_type()
    if isinstance(evaluated, JSONObject):
        return call.api.named("builtins.dict", [call.api.named("builtins.str"), anything])
    collector_name = collector(evaluated)
    if collector_name is None:
        return None
    if collector_name != "ArrayAgg":
        return call.api.named("builtins.list", [anything])
    source = sources(evaluated)[0]
    item = _type(call, at, source, scope)
    if isinstance(source, F) and excludes_null(at, scope.model, path_of(source)):
        item = without_none(item)
    # The list itself is never NULL.
    return call.api.named("builtins.list", [item])


def _named(call: Call, at: Expression, name: str, scope: Scope) -> Type:
    column = paths.column(call, at, scope.model, name, scope.known)
    if isinstance(column, ResolvedPath):
        return type_of_path(call.project, call.api, column)
    return column or any_type()


def _output(call: Call, at: Expression, evaluated: Any, scope: Scope) -> Type:
    """Return the type of an expression's values, without None."""
    query = DjangoQuery(scope.model)
    for name in _annotations_in(evaluated, scope):
        sample = typed(scope.known[name])
        if sample is not UNKNOWN:
            query.annotations[name] = sample
    try:
        resolved = evaluated.resolve_expression(query, allow_joins=True)
        field = resolved.output_field
    except Exception as error:  # noqa: BLE001  # Django raises various errors, and will do so at run time
        refusal = _certain(evaluated, query, scope, error)
        if refusal is None:
            return any_type()
        call.fail(f"Django rejects this expression: {refusal}", at, SHAPE)
        return erroneous()
    if isinstance(evaluated, (Window, ExpressionWrapper)) or not getattr(field, "is_relation", False):
        return type_of_field(call.project, call.api, field)
    return type_of_class(call.api, field.target_field)


def _annotations_in(evaluated: Any, scope: Scope) -> set[str]:
    """Return the annotations that an expression names, alone or at the beginning of a path."""
    if not scope.known:
        return set()
    names = {*names_in(evaluated)}
    heads = {name.partition(SEPARATOR)[0] for name in names}
    return (names | heads) & scope.known.keys()


def _certain(evaluated: Any, query: DjangoQuery, scope: Scope, error: Exception) -> Exception | None:
    """Return the error of an expression or a part of it, if Django raises it for every field of that type."""
    if not _is_guessed(evaluated, scope):
        return error if isinstance(error, (FieldError, TypeError, ValueError)) else None
    named = [begins[0] for name in names_in(evaluated) if (begins := split(name, scope.known)) is not None]
    if isinstance(error, FieldError) and refuses_every_field(evaluated, named, query):
        return error
    has_field_of_parts = isinstance(evaluated, _AS_PARTS) and "output_field" not in vars(evaluated)
    for part in _sources_of(evaluated):
        try:
            resolved = part.resolve_expression(query, allow_joins=True)
            if has_field_of_parts and not getattr(part, "conditional", False):
                _ = resolved.output_field
        except Exception as inner:  # noqa: BLE001  # as above
            refusal = _certain(part, query, scope, inner)
            if refusal is not None:
                return refusal
    return None


def _is_guessed(evaluated: Any, scope: Scope) -> bool:
    """Return whether only the type is known of a part of an expression, and not its field."""
    if _annotations_in(evaluated, scope):
        return True
    if isinstance(evaluated, Typed):
        # The type of a value determines its field; a subquery may have another one.
        return evaluated.is_optional
    return isinstance(evaluated, OuterRef) or any(_is_guessed(part, scope) for part in _sources_of(evaluated))


def _sources_of(evaluated: Any) -> list[Any]:
    return sources(evaluated) if hasattr(evaluated, "get_source_expressions") else []
