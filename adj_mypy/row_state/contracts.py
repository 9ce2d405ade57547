"""Names for rows in annotations: `Loaded[Book, Literal["author", "author__publisher"], Counts]`.

The `Literal` names relations, and `Counts` is a TypedDict of annotations. Either may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from mypy.plugin import AnalyzeTypeContext
from mypy.types import Instance, LiteralType, Type, TypedDictType, UnionType, get_proper_type

from adj_mypy.boundary.api import Api, analyzer
from adj_mypy.boundary.codes import LOOKUP
from adj_mypy.boundary.django_stubs import annotations_of
from adj_mypy.boundary.types import erroneous
from adj_mypy.models.project import ModelClass, Project, taken_names
from adj_mypy.row_state.codec import requirement
from adj_mypy.row_state.row_types import plain_row, row_type
from adj_mypy.row_state.state import State
from adj_mypy.row_state.trees import Lookup, Trees

_PARTS = (2, 3)
_USAGE = "Loaded[...] takes a model, a Literal of relations, and optionally a TypedDict of annotations"


def loaded(project: Project, context: AnalyzeTypeContext) -> Type:
    """Return the type of a row with the relations in the `Literal` and the annotations of the TypedDict.

    Where rows are not tracked, it has the annotations alone.
    """
    api = Api(analyzer(context))
    if len(context.type.args) not in _PARTS:
        api.fail(_USAGE, context.context, LOOKUP)
        return erroneous()
    row, *parts = (get_proper_type(context.api.analyze_type(argument)) for argument in context.type.args)
    model = project.model_of(row)
    if model is None or not isinstance(row, Instance):
        return row
    if project.options.loaded_relations and not row.type.defn.type_vars and api.defer():
        return row
    state = State()
    for part in parts:
        if isinstance(part, TypedDictType):
            state = state.with_annotations(_annotations(api, context, model, part))
        else:
            state = _with_relations(project, api, context, model, state, part)
    return _row(project, api, model, state)


def of_query(project: Project, context: AnalyzeTypeContext, query: Type) -> Type:
    """Return the type of `AsyncQuery[Book, WithAnnotations[Book, Counts]]` with rows as adj's queries have them."""
    proper = get_proper_type(query)
    if not isinstance(proper, Instance) or len(proper.args) != len(_PARTS):
        return query
    api = Api(analyzer(context))
    model, row = proper.args
    return proper.copy_modified(args=[_without_annotations(project, api, model), _as_row(project, api, row)])


def _without_annotations(project: Project, api: Api, typ: Type) -> Type:
    model = None if annotations_of(typ) is None else project.model_of(typ)
    return typ if model is None else plain_row(project, api, model)


def _as_row(project: Project, api: Api, typ: Type) -> Type:
    annotations, model = annotations_of(typ), project.model_of(typ)
    if annotations is None or model is None:
        return typ
    return _row(project, api, model, State().with_annotations(annotations.items))


def _row(project: Project, api: Api, model: ModelClass, state: State) -> Type:
    return requirement(api, row_type(project, api, model, state))


def _with_relations(
    project: Project, api: Api, context: AnalyzeTypeContext, model: ModelClass, state: State, names: Type
) -> State:
    trees = Trees(project, api)
    for name in _texts(names):
        state = trees.with_prefetch(
            model, state, Lookup(name), lambda message: api.fail(message, context.context, LOOKUP)
        )
    return state if project.options.loaded_relations else State(annotations=state.annotations)


def _annotations(api: Api, context: AnalyzeTypeContext, model: ModelClass, named: TypedDictType) -> dict[str, Type]:
    """Return the annotations in a TypedDict; report names that the model has itself."""
    taken = taken_names(model)
    for name in named.items:
        if name in taken:
            api.fail(f'the annotation "{name}" conflicts with a field of {model.__name__}', context.context, LOOKUP)
    return {name: typ for name, typ in named.items.items() if name not in taken}


def _texts(names: Type) -> Iterator[str]:
    for item in names.items if isinstance(names, UnionType) else [names]:
        literal = get_proper_type(item)
        if isinstance(literal, LiteralType) and isinstance(literal.value, str):
            yield literal.value
