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
from adj_mypy.models.fields import optional, type_of_class, type_of_field, type_of_path
from adj_mypy.models.project import SEPARATOR, target_of
from adj_mypy.row_state.row_types import plain_row

_AS_PARTS: Final = (Case, When, Coalesce, CombinedExpression)
"""Expressions that have the output field of their parts."""


def expression_type(call: Call, at: Expression, scope: Scope) -> Type:
    """Return the type of an expression's values; report names that the model does not have."""
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
    """Return Django's default name for an aggregate."""
    made = Evaluator(call.api).evaluate(at)
    try:
        alias = getattr(made, "default_alias", None)
    except TypeError:
        return None
    return alias if isinstance(alias, str) else None


def kind_of(call: Call, at: Expression) -> type[Any] | None:
    """Return the class of an expression; None for strings, and for expressions known only at run time."""
    made = Evaluator(call.api).evaluate(at)
    return type(made) if hasattr(made, "resolve_expression") and not isinstance(made, Typed) else None


def is_aggregate(call: Call, at: Expression, scope: Scope) -> bool | None:
    """Return whether an expression is an aggregate; None if that is known only at run time."""
    made = Evaluator(call.api).evaluate(at)
    if not hasattr(made, "resolve_expression") or isinstance(made, (Typed, FilteredRelation)):
        return None
    if any(name in scope.known for name in names_in(made)) or scope.known.is_open:
        return None
    return bool(getattr(made, "contains_aggregate", False))


def check_names(call: Call, at: Expression, made: Any, scope: Scope) -> bool:
    """Return whether all names in an expression exist; report each that does not."""
    known_before = True
    for name in names_in(made):
        if not call.api.is_checker or name in scope.known:
            continue
        found = paths.column(call, _where(at, name), scope.model, name, scope.known)
        is_open = scope.known.is_open or split(name, scope.known) is not None
        known_before = known_before and (found is not None or is_open)
    return known_before


def names_in(made: Any) -> Iterator[str]:
    """Yield the columns that an expression names."""
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


def _type(call: Call, at: Expression, made: Any, scope: Scope) -> Type:
    if isinstance(made, F):
        return _named(call, at, path_of(made), scope)
    if isinstance(made, Typed):
        return optional(made.typ) if made.is_optional else made.typ
    typ = _of_many(call, at, made, scope) or _output(call, at, made, scope)
    return optional(typ) if is_nullable(made, scope) else typ


def _filtered(call: Call, made: FilteredRelation, scope: Scope) -> Type:
    """Return the rows of a filtered relation: later paths may begin with its name."""
    try:
        target = target_of(resolve(scope.model, made.relation_name).field)
    except QueryError:
        target = None
    return any_type() if target is None else plain_row(call.project, call.api, target)


def _of_many(call: Call, at: Expression, made: Any, scope: Scope) -> Type | None:
    """Return the type of an expression that collects values; Django only knows that it is an array or JSON."""
    anything = any_type()
    if isinstance(made, JSONObject):
        return call.api.named("builtins.dict", [call.api.named("builtins.str"), anything])
    kind = collector(made)
    if kind is None:
        return None
    source = sources(made)[0]
    # The list itself is never NULL.
    return call.api.named("builtins.list", [_type(call, at, source, scope) if kind == "ArrayAgg" else anything])


def _named(call: Call, at: Expression, name: str, scope: Scope) -> Type:
    found = paths.column(call, at, scope.model, name, scope.known)
    if isinstance(found, ResolvedPath):
        return type_of_path(call.project, call.api, found)
    return found or any_type()


def _output(call: Call, at: Expression, made: Any, scope: Scope) -> Type:
    """Return the type of an expression's values, without None."""
    query = DjangoQuery(scope.model)
    for name in _annotations_in(made, scope):
        sample = typed(scope.known[name])
        if sample is not UNKNOWN:
            query.annotations[name] = sample
    try:
        resolved = made.resolve_expression(query, allow_joins=True)
        field = resolved.output_field
    except Exception as error:  # noqa: BLE001  # Django raises various errors, and will do so at run time
        refusal = _certain(made, query, scope, error)
        if refusal is None:
            return any_type()
        call.fail(f"Django rejects this expression: {refusal}", at, SHAPE)
        return erroneous()
    if isinstance(made, (Window, ExpressionWrapper)) or not getattr(field, "is_relation", False):
        return type_of_field(call.project, call.api, field)
    return type_of_class(call.api, field.target_field)


def _annotations_in(made: Any, scope: Scope) -> set[str]:
    """Return the annotations that an expression names, alone or at the beginning of a path."""
    if not scope.known:
        return set()
    names = {*names_in(made)}
    heads = {name.partition(SEPARATOR)[0] for name in names}
    return (names | heads) & scope.known.keys()


def _certain(made: Any, query: DjangoQuery, scope: Scope, error: Exception) -> Exception | None:
    """Return the error of an expression or a part of it, if Django raises it for every field of that type."""
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
    """Return whether only the type is known of a part of an expression, and not its field."""
    if _annotations_in(made, scope):
        return True
    if isinstance(made, Typed):
        # The type of a value determines its field; a subquery may have another one.
        return made.is_optional
    return isinstance(made, OuterRef) or any(_is_guessed(part, scope) for part in _sources_of(made))


def _sources_of(made: Any) -> list[Any]:
    return sources(made) if hasattr(made, "get_source_expressions") else []
