"""Reading an attribute of a row: what it carries has its type, and what it does not carry is reported."""

from __future__ import annotations

from mypy.errorcodes import ATTR_DEFINED
from mypy.plugin import AttributeContext
from mypy.types import Instance, Type, UnionType, get_proper_type

from adj_mypy import compat
from adj_mypy.codes import NOT_LOADED
from adj_mypy.compat import Api
from adj_mypy.loading import is_single
from adj_mypy.project import Project, model_info
from adj_mypy.state import state_of
from adj_mypy.words import suggestion


def read(project: Project, attribute: str, context: AttributeContext) -> Type:
    """The type of a relation or column of a row."""
    state = state_of(project, context.type)
    model = project.model_of(context.type)
    if state is None or model is None:
        return context.default_attr_type
    if attribute in state.loaded:
        return _loaded(project, state.loaded[attribute], context.default_attr_type)
    if context.is_lvalue or Api(context.api).is_assigned(context.context):
        return context.default_attr_type
    label = f"{model.__name__}.{attribute}"
    if attribute in state.deferred:
        _report(context, f'"{label}" is deferred by the query: leave it out of defer(), or name it in only()')
    elif is_single(model, attribute) is not None:
        _report(context, f'"{label}" is not loaded: add .select_related("{attribute}") to the query')
    return context.default_attr_type


def _loaded(project: Project, row: Type, declared: Type) -> Type:
    """The row at the other end; None stays where the relation may have none, a manager is what it is."""
    proper = get_proper_type(declared)
    if isinstance(proper, UnionType):
        return UnionType.make_union([row if project.model_of(item) else item for item in proper.items])
    return row if project.model_of(proper) is not None else declared


def _report(context: AttributeContext, message: str) -> None:
    hint = " (reading it would ask the database, which asynchronous code cannot)"
    Api(context.api).fail(message + hint, context.context, NOT_LOADED)


def read_annotation(project: Project, attribute: str, context: AttributeContext) -> Type:
    """The type of an attribute that the model's class does not have: an annotation, or nothing."""
    state = state_of(project, context.type)
    if state is None or attribute in state.annotations:
        return context.default_attr_type if state is None else state.annotations[attribute]
    if state.is_open:
        return context.default_attr_type
    info = model_info(context.type)
    if info is None or not isinstance(context.type, Instance):
        return context.default_attr_type
    names = [*info.names, *state.annotations]
    message = f'"{info.name}" has no attribute "{attribute}"{suggestion(attribute, names)}'
    Api(context.api).fail(message, context.context, ATTR_DEFINED)
    return compat.erroneous()
