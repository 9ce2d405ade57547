"""Where a query starts: `q()`, and the shortcuts with the same argument."""

from __future__ import annotations

from typing import Any, Final

from mypy.nodes import CallExpr, Expression, MemberExpr
from mypy.plugin import FunctionSigContext
from mypy.types import AnyType, CallableType, FunctionLike, Instance, ProperType, Type, TypeType, get_proper_type

from adj_mypy.boundary.fullnames import MANAGER, QUERY
from adj_mypy.boundary.types import any_type, map_to_base
from adj_mypy.calls.added_names import added_names
from adj_mypy.calls.call import TYPE_ARGUMENTS, Call, Query
from adj_mypy.expressions.names import ANY_NAMES
from adj_mypy.models.project import ModelClass, model_info, relations, single_relations, target_of
from adj_mypy.row_state.managers import default_manager, first_rows, live_manager
from adj_mypy.row_state.row_types import named_model, row_type, state_of
from adj_mypy.row_state.state import State
from adj_mypy.row_state.trees import with_way_back

_QUERYSET: Final = "django.db.models.query.QuerySet"
_MANAGER: Final = "django.db.models.manager.BaseManager"
_PLAIN: Final = frozenset({"django.db.models.manager.Manager", _MANAGER, _QUERYSET, QUERY, MANAGER})
"""Classes that cannot add names to the rows."""


def q(call: Call) -> Type:
    """Return a query with the rows of the model's default manager, or of the given manager.

    The state of a QuerySet's rows is not known, and it may have other names.
    """
    result = _with_own_rows(get_proper_type(call.result))
    arguments = call.positional()
    if not isinstance(result, Instance) or result.type.fullname != QUERY or len(arguments) != 1:
        return call.result
    if state_of(call.project, result.args[1]) is not None:
        return result
    related = _related(call, arguments[0].expression)
    if related is not None:
        return _query_of(call, result, *related)
    manager = _manager(call, arguments[0].expression, arguments[0].type)
    model = call.project.model_of(result.args[0]) if manager is None else manager.model
    if model is None:
        return result
    rows = None if manager is None else first_rows(call.project, call.api, manager)
    if rows is None:
        return _unknown_rows(call, result, model, arguments[0].type)
    known, state = rows
    return _query_of(call, result, model, known, row_type(call.project, call.api, model, state))


def _query_of(call: Call, result: Instance, model: ModelClass, known: State, row: Type) -> Type:
    return result.copy_modified(args=[named_model(call.project, call.api, model, known), row])


def _related(call: Call, source: Expression) -> tuple[ModelClass, State, Type] | None:
    """Return the model, the names and the rows of `author.books`: those of the model's default manager.

    The reverse relation of each row is loaded.
    """
    manager = _before_all(source)
    owner = call.api.type_of(manager.expr) if isinstance(manager, MemberExpr) else None
    model = call.project.model_of(owner)
    if model is None or owner is None or not isinstance(manager, MemberExpr):
        return None
    relation = relations(model).get(manager.name)
    target = None if relation is None else target_of(relation)
    if target is None or manager.name in single_relations(model):
        return None
    rows = first_rows(call.project, call.api, default_manager(target))
    if rows is None:
        return None
    row = row_type(call.project, call.api, target, rows[1])
    return target, rows[0], with_way_back(call.project, call.api, relation, row, owner)


def q_signature(context: FunctionSigContext) -> FunctionLike:
    """Return the signature of `q()` with `Any` for rows that are instances of the model.

    Otherwise mypy would infer from an expected query of annotated rows that the argument is their class.
    """
    signature = context.default_signature
    result = get_proper_type(signature.ret_type)
    if not isinstance(result, Instance) or len(result.args) != TYPE_ARGUMENTS or result.args[0] != result.args[1]:
        return signature
    return signature.copy_modified(ret_type=result.copy_modified(args=[result.args[0], any_type()]))


def _with_own_rows(result: ProperType) -> ProperType:
    """Return the result of that signature with rows that are instances of the model."""
    if not isinstance(result, Instance) or len(result.args) != TYPE_ARGUMENTS:
        return result
    is_any = isinstance(get_proper_type(result.args[1]), AnyType)
    return result.copy_modified(args=[result.args[0], result.args[0]]) if is_any else result


def _unknown_rows(call: Call, result: Instance, model: ModelClass, source: Type) -> Type:
    """Return a query of which only the names may be known."""
    names = _names_beside(source)
    if not names.annotations:
        return result
    return result.copy_modified(args=[named_model(call.project, call.api, model, names), result.args[1]])


def _manager(call: Call, source: Expression, typ: Type) -> Any:
    """Return the live manager that a query starts from: `Book`, `Book.objects` or `Book.objects.all()`."""
    model = call.project.class_of(typ)
    if model is not None:
        return default_manager(model)
    return live_manager(call.project, call.api, _before_all(source))


def _before_all(source: Expression) -> Expression:
    """Return the manager in `Book.objects.all()`; other expressions as they are."""
    match source:
        case CallExpr(callee=MemberExpr(expr=manager, name="all"), args=[]):
            return manager
        case _:
            return source


def _names_beside(source: Type) -> State:
    """Return the names that rows may have beside their columns: a project's managers and QuerySets may annotate."""
    proper = get_proper_type(source)
    if not isinstance(proper, Instance):
        return State(annotations=ANY_NAMES)
    return State() if proper.type.fullname in _PLAIN else State(annotations=added_names(proper.type))


def query_of_source(call: Call) -> Query | None:
    """Return the query of a shortcut's first argument, for checking its conditions."""
    arguments = call.positional()
    source = get_proper_type(arguments[0].type) if arguments else None
    if source is None:
        return None
    row = _class_of(source) if is_class(source) else _row_of(source)
    model = call.project.model_of(row)
    if model is None or row is None:
        return None
    manager = _manager(call, arguments[0].expression, source)
    rows = None if manager is None else first_rows(call.project, call.api, manager)
    if rows is not None:
        is_tracked = is_class(source)
        return Query(model, rows[0], row_type(call.project, call.api, model, rows[1]) if is_tracked else row)
    named = (state_of(call.project, row) or State()).annotations
    return Query(model, _names_beside(source).with_annotations(named), row)


def _row_of(source: Type) -> Type | None:
    """Return the rows of a query, a QuerySet or a manager; the first type argument of each is their model."""
    bases = [_mapped(source, name) for name in (QUERY, _QUERYSET, _MANAGER)]
    return next((base.args[0] for base in bases if base is not None and base.args), None)


def _mapped(source: Type, fullname: str) -> Instance | None:
    return map_to_base(source, fullname) if isinstance(source, Instance) else None


def _class_of(source: Type) -> Type | None:
    if isinstance(source, TypeType):
        return source.item
    return source.ret_type if isinstance(source, CallableType) else None


def is_class(typ: Type) -> bool:
    """Return whether the argument is a model's class, not a manager."""
    proper = get_proper_type(typ)
    return model_info(proper) is None and not isinstance(proper, Instance)
