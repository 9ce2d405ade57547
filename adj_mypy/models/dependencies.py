"""Tell mypy which modules to check again when a model changes: those with queries through that model.

mypy records the modules that each module refers to, but it cannot see the models that a query names by paths. So the
module of every model on a path is recorded as a reference. Every string and keyword in a call counts as a path: one
reference too many only costs a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from mypy.nodes import (
    CallExpr,
    ConditionalExpr,
    DictExpr,
    Expression,
    FloatExpr,
    IntExpr,
    ListExpr,
    OpExpr,
    RefExpr,
    SetExpr,
    StarExpr,
    StrExpr,
    TupleExpr,
    UnaryExpr,
)
from mypy.plugin import AnalyzeTypeContext, AttributeContext, MethodContext
from mypy.types import Instance, LiteralType, RawExpressionType, Type, UnboundType, get_proper_type

from adj_mypy.boundary.api import Api, analyzer
from adj_mypy.models.project import SEPARATOR, ModelClass, Project, path_targets

_NUMBERS = (IntExpr, FloatExpr)


def of_call(project: Project, context: MethodContext) -> None:
    """Record the model of a query, and the models on the paths among its arguments."""
    receiver = get_proper_type(context.type)
    arguments = receiver.args if isinstance(receiver, Instance) else ()
    models = project.models_of(arguments[0]) if arguments else ()
    names = frozenset(_in_call(context)) if models else frozenset[str]()
    for model in models:
        Api(context.api).add_references(_modules(model, names))


def of_row(project: Project, context: AttributeContext) -> None:
    """Record the model of a row."""
    model = project.model_of(context.type)
    if model is not None:
        Api(context.api).add_references({model.__module__})


def of_annotation(project: Project, context: AnalyzeTypeContext) -> None:
    """Record the models on the paths in `Loaded[Book, Literal["author__publisher"]]`."""
    api = Api(analyzer(context))
    names = frozenset(_in_annotation(context.type.args))
    for argument in context.type.args[:1]:
        model = project.model_of(context.api.analyze_type(argument))
        if model is not None:
            api.add_references(_modules(model, names))


@lru_cache(maxsize=4_096)
def _modules(model: ModelClass, paths: frozenset[str]) -> frozenset[str]:
    """Return the modules of a model and of the models on paths."""
    return frozenset({model.__module__}).union(*(_modules_on(model, path) for path in paths))


def _modules_on(model: ModelClass, path: str) -> frozenset[str]:
    modules: set[str] = set()
    for part in path.removeprefix("-").split(SEPARATOR):
        targets = path_targets(model)
        if part not in targets:
            break
        model = targets[part]
        modules.add(model.__module__)
    return frozenset(modules)


def _in_call(context: MethodContext) -> Iterator[str]:
    for names, expressions, types in zip(context.arg_names, context.args, context.arg_types, strict=True):
        yield from filter(None, names)
        for expression, typ in zip(expressions, types, strict=True):
            if isinstance(expression, StrExpr):
                yield expression.value
            elif not isinstance(expression, _NUMBERS):
                yield from _in_expression(expression)
                yield from _in_type(typ)


def _in_expression(expression: Expression | None) -> Iterator[str]:
    if isinstance(expression, StrExpr):
        yield expression.value
        return
    if isinstance(expression, CallExpr):
        yield from filter(None, expression.arg_names)
    for part in _parts(expression):
        yield from _in_expression(part)


def _parts(expression: Expression | None) -> Iterable[Expression | None]:
    match expression:
        case RefExpr():
            return ()
        case CallExpr():
            return (expression.callee, *expression.args)
        case TupleExpr() | ListExpr() | SetExpr():
            return expression.items
        case DictExpr():
            return (part for item in expression.items for part in item)
        case OpExpr():
            return (expression.left, expression.right)
        case UnaryExpr() | StarExpr():
            return (expression.expr,)
        case ConditionalExpr():
            return (expression.if_expr, expression.else_expr)
        case _:
            return ()


def _in_type(typ: Type) -> Iterator[str]:
    proper = get_proper_type(typ)
    if isinstance(proper, Instance) and proper.last_known_value is not None:
        proper = proper.last_known_value
    if isinstance(proper, LiteralType) and isinstance(proper.value, str):
        yield proper.value


def _in_annotation(types: Iterable[Type]) -> Iterator[str]:
    for typ in types:
        if isinstance(typ, RawExpressionType) and isinstance(typ.literal_value, str):
            yield typ.literal_value
        elif isinstance(typ, UnboundType):
            if typ.original_str_expr is not None:
                yield typ.original_str_expr
            yield from _in_annotation(typ.args)
