"""Queries of several models: of a type variable (`type[P]`, `AsyncQuery[P]`, `class Repo(Generic[P])`), and of a union.

A call on such a query is checked for each model that the query may have. With a type variable an error is one if every
model has it: the bound, or the registered models that inherit from an abstract bound. With a union, any model counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from mypy.nodes import CallExpr, Context, RefExpr
from mypy.plugin import FunctionContext, MethodContext
from mypy.types import Instance, Type, TypeType, TypeVarType, UnionType, get_proper_type
from typing_extensions import override

from adj_mypy.boundary.codes import ErrorCode
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.types import make_simplified_union, map_to_base
from adj_mypy.calls.call import TYPE_ARGUMENTS, Call, Query
from adj_mypy.calls.chain import annotated_before, origin
from adj_mypy.expressions.names import ANY_NAMES
from adj_mypy.models.project import ModelClass, Project
from adj_mypy.row_state.managers import default_manager, first_rows
from adj_mypy.row_state.row_types import plain_row, row_type
from adj_mypy.row_state.state import State

_Q: Final = "adj.query.entry.q"

Handler: TypeAlias = Callable[[Call], Type]


class Trial(Call):
    """A call as if its query had one certain model; errors are kept."""

    def __init__(self, project: Project, context: FunctionContext | MethodContext, name: str, query: Query) -> None:
        super().__init__(project, context, name)
        self.query = query
        self.errors: list[tuple[str, Context, ErrorCode]] = []

    @override
    def fail(self, message: str, at: Context, code: ErrorCode) -> None:
        self.errors.append((message, at, code))


def answer(call: Call, handler: Handler) -> Type | None:
    """Return the result of a call on a query of several models; None for other calls."""
    receiver = get_proper_type(call.context.type) if isinstance(call.context, MethodContext) else None
    query = map_to_base(receiver, QUERY) if isinstance(receiver, Instance) else None
    if query is None or len(query.args) != TYPE_ARGUMENTS:
        return None
    model = get_proper_type(query.args[0])
    if isinstance(model, TypeVarType):
        return _of_variable(call, handler, query, model)
    if isinstance(model, UnionType):
        return _of_union(call, handler, query, model)
    return None


def _of_variable(call: Call, handler: Handler, query: Instance, variable: TypeVarType) -> Type:
    """Check until one model has no error; report those of the first one if there is none."""
    first: Trial | None = None
    for model in call.project.models_below(variable.upper_bound):
        trial, result = _tried(call, handler, query, model)
        if not trial.errors:
            return _with_values(call, [result])
        first = first or trial
    _report(call, [first] if first is not None else [])
    return call.result


def _of_union(call: Call, handler: Handler, query: Instance, models: UnionType) -> Type:
    classes = [call.project.model_of(item) for item in models.items]
    tried = [_tried(call, handler, query, model) for model in classes if model is not None]
    if len(tried) != len(classes):
        return call.result
    _report(call, [trial for trial, _ in tried])
    return _with_values(call, [result for _, result in tried])


def _report(call: Call, trials: Sequence[Trial]) -> None:
    for message, at, code in dict.fromkeys(error for trial in trials for error in trial.errors):
        call.fail(message, at, code)


def _tried(call: Call, handler: Handler, query: Instance, model: ModelClass) -> tuple[Trial, Type]:
    """Return a trial with one model, and its result."""
    row = get_proper_type(query.args[1])
    rows = _first_rows(call, model)
    if rows is not None:
        names = rows[0].with_annotations(annotated_before(call))
        first = row_type(call.project, call.api, model, rows[1])
    else:
        # Of any query; other names are reported only if they look like typos.
        names, first = State(annotations=annotated_before(call)), plain_row(call.project, call.api, model)
    if not call.project.models_of(row):
        first = row
        names = names if rows is not None else State(annotations=ANY_NAMES)
    trial = Trial(call.project, call.context, call.name, Query(model, names, first))
    return trial, handler(trial)


def _first_rows(call: Call, model: ModelClass) -> tuple[State, State] | None:
    """Return the names and rows of `q(cls)`, if the chain begins there."""
    match origin(call):
        case CallExpr(callee=RefExpr(fullname=name), args=[source]) if name == _Q:
            typ = get_proper_type(call.api.type_of(source))
            is_class = isinstance(typ, TypeType) or (isinstance(typ, UnionType) and _are_classes(typ))
            return first_rows(call.project, call.api, default_manager(model)) if is_class else None
        case _:
            return None


def _are_classes(union: UnionType) -> bool:
    return all(isinstance(get_proper_type(item), TypeType) for item in union.items)


def _with_values(call: Call, results: Sequence[Type]) -> Type:
    """Return the result with the types of values; instances stay of the type variable or the union."""
    rows = [_values(call, result) for result in results]
    declared = get_proper_type(call.result)
    if not rows or None in rows or not isinstance(declared, Instance) or not declared.args:
        return call.result
    values = make_simplified_union([row for row in rows if row is not None])
    return declared.copy_modified(args=[*declared.args[:-1], values])


def _values(call: Call, result: Type) -> Type | None:
    """Return the last type argument of a result; None if it mentions rows of a model."""
    proper = get_proper_type(result)
    last = proper.args[-1] if isinstance(proper, Instance) and proper.args else None
    return None if last is None or _has_rows(call, last) else last


def _has_rows(call: Call, typ: Type) -> bool:
    proper = get_proper_type(typ)
    if call.project.model_of(proper) is not None or isinstance(proper, TypeVarType):
        return True
    parts: Sequence[Type] = getattr(proper, "args", ()) or (proper.items if isinstance(proper, UnionType) else ())
    return any(_has_rows(call, part) for part in parts)
