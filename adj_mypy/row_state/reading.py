"""Reading an attribute of a row: loaded relations and columns have their types, others are reported."""

from __future__ import annotations

from typing import Final

from mypy.nodes import Decorator, FuncDef, MemberExpr
from mypy.plugin import AttributeContext
from mypy.types import AnyType, Instance, NoneType, ProperType, Type, UnionType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.codes import ATTR_DEFINED, NOT_LOADED
from adj_mypy.boundary.generic import bare
from adj_mypy.boundary.types import erroneous, make_simplified_union
from adj_mypy.boundary.words import suggestion
from adj_mypy.models.project import (
    ModelClass,
    Project,
    Relation,
    is_parent_link,
    joined_relations,
    model_info,
    relations,
    single_relations,
    taken_names,
    target_of,
)
from adj_mypy.row_state.blocking import may_wait
from adj_mypy.row_state.row_types import plain_row, state_of, with_rows
from adj_mypy.row_state.state import State
from adj_mypy.row_state.trees import with_way_back

_RELATED_MANAGER: Final = "django.db.models.fields.related_descriptors.RelatedManager"


def read(project: Project, attribute: str, context: AttributeContext) -> Type:
    """Return the type of a relation or column of a row, which may be one of several."""
    declared, row = bare(context.default_attr_type), _row(Api(context.api), context)
    if not isinstance(row, UnionType):
        return _read_one(project, attribute, row, declared, context)
    rows = [get_proper_type(item) for item in row.items]
    models = {project.model_of(each) for each in rows if not isinstance(each, NoneType)}
    if None in models or len(models) != 1:
        # mypy asks for each item, and this does not tell for which one.
        return declared
    return make_simplified_union(
        [_read_one(project, attribute, each, declared, context) for each in rows if not isinstance(each, NoneType)]
    )


def _row(api: Api, context: AttributeContext) -> ProperType:
    """Return the type of the row that is read: of the value that its variable has here, as it was assigned."""
    row, at = context.type, context.context
    value = get_proper_type(api.assigned(at.expr)) if isinstance(at, MemberExpr) else None
    if not isinstance(row, Instance) or not isinstance(value, Instance) or value.type is not row.type or not row.args:
        return row
    # isinstance() narrows to `Book[Any]`, which tells less than the variable's own type.
    is_any = bool(value.args) and isinstance(get_proper_type(value.args[-1]), AnyType)
    return row if is_any else value


def _read_one(project: Project, attribute: str, row: ProperType, declared: Type, context: AttributeContext) -> Type:
    """Return the type of a relation or column of one row."""
    state, model = state_of(project, row), project.model_of(row)
    if state is None or model is None:
        return declared
    api = Api(context.api)
    declared = _with_manager(project, api, model, attribute, declared)
    if state.has(attribute):
        there = with_way_back(project, api, relations(model)[attribute], state.loaded[attribute], row)
        return _with_row(project, there, declared)
    if context.is_lvalue:
        _assigned(project, api, attribute, context)
        return declared
    problem = _problem(model, state, attribute)
    if problem is not None and not api.is_assigned(context.context) and not may_wait(api):
        hint = " (reading it would query the database, which async code cannot do)"
        api.fail(problem + hint, context.context, NOT_LOADED)
    return declared


def _with_manager(project: Project, api: Api, model: ModelClass, attribute: str, declared: Type) -> Type:
    """Return the manager of a generic relation, for which django-stubs has `Any`; other types as they are."""
    relation, info = relations(model).get(attribute), api.info(_RELATED_MANAGER)
    if not isinstance(get_proper_type(declared), AnyType) or not hasattr(relation, "content_type_field_name"):
        return declared
    target = None if relation is None else target_of(relation)
    return declared if info is None or target is None else Instance(info, [plain_row(project, api, target)])


def _assigned(project: Project, api: Api, attribute: str, context: AttributeContext) -> None:
    """Record in a variable's type that an attribute of its row is assigned."""
    target = context.context

    def change(model: ModelClass, state: State) -> State:
        other = target_of(single_relations(model)[attribute]) if attribute in single_relations(model) else None
        there = state if other is None else state.with_loaded(attribute, plain_row(project, api, other))
        return there.gaining([attribute])

    if isinstance(target, MemberExpr):
        api.narrow(target.expr, with_rows(project, api, context.type, change))


def _problem(model: ModelClass, state: State, attribute: str) -> str | None:
    """Return what is wrong with reading an attribute, or None."""
    label = f'"{model.__name__}.{attribute}"'
    if state.lacks(attribute):
        return f"{label} is deferred by the query: remove it from defer() or add it to only()"
    relation = single_relations(model).get(attribute)
    if relation is None or is_parent_link(relation) or _is_read_through_parent(model, state, relation):
        return None
    joined = next((name for name, (read, _) in joined_relations(model).items() if read == attribute), None)
    remedy = f'select_related("{joined}")' if joined is not None else f'prefetch_related("{attribute}")'
    return f"{label} is not loaded: add .{remedy} to the query"


def _is_read_through_parent(model: ModelClass, state: State, relation: Relation) -> bool:
    """Return whether an inherited relation may be loaded on the parent instance, which was prefetched."""
    if relation.model is model:
        return False
    known = single_relations(model)
    return any(name in known and is_parent_link(known[name]) for name in state.loaded)


def _with_row(project: Project, row: Type, declared: Type) -> Type:
    """Return the declared type with the type of the loaded row; None stays, and managers get its rows."""
    proper = get_proper_type(declared)
    if project.model_of(row) is None:
        return declared
    if isinstance(proper, UnionType):
        return UnionType.make_union([_with_row(project, row, item) for item in proper.items])
    if project.model_of(proper) is not None:
        return row
    if isinstance(proper, Instance) and proper.args:
        target = project.model_of(row)
        args = [row if project.model_of(argument) is target else argument for argument in proper.args]
        return proper.copy_modified(args=args)
    return declared


def read_annotation(project: Project, attribute: str, context: AttributeContext) -> Type:
    """Return the type of an annotation; an attribute that is not one is reported."""
    state = state_of(project, context.type)
    if state is None or attribute in state.selected:
        return context.default_attr_type if state is None else state.selected[attribute]
    if state.is_open:
        return context.default_attr_type
    info = model_info(context.type)
    if info is None or not isinstance(context.type, Instance):
        return context.default_attr_type
    model = project.model_of(context.type)
    fields = {*(() if model is None else taken_names(model)), *state.selected}
    # The class also has Django's exceptions, and names that django-stubs adds.
    methods = {name for name, symbol in info.names.items() if isinstance(symbol.node, (FuncDef, Decorator))}
    message = f'"{info.name}" has no attribute "{attribute}"{suggestion(attribute, fields | methods, fields)}'
    Api(context.api).fail(message, context.context, ATTR_DEFINED)
    return erroneous()
