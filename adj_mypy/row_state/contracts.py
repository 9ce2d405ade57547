"""`Loaded[Book, Literal["author", "author__publisher"]]` in an annotation: rows with these relations loaded."""

from __future__ import annotations

from collections.abc import Iterator

from mypy.plugin import AnalyzeTypeContext
from mypy.types import Instance, LiteralType, Type, UnionType, get_proper_type

from adj_mypy.boundary.api import Api, analyzer
from adj_mypy.boundary.codes import LOOKUP
from adj_mypy.boundary.types import erroneous
from adj_mypy.models.project import Project
from adj_mypy.row_state.row_types import row_type
from adj_mypy.row_state.state import State
from adj_mypy.row_state.trees import Lookup, Trees


def loaded(project: Project, context: AnalyzeTypeContext) -> Type:
    """Return the type of a row with the relations in the `Literal`; the model itself if rows are not tracked."""
    if len(context.type.args) != 2:
        Api(analyzer(context)).fail("Loaded[...] takes a model and a Literal of relations", context.context, LOOKUP)
        return erroneous()
    row, names = (get_proper_type(context.api.analyze_type(argument)) for argument in context.type.args)
    model = project.model_of(row)
    if model is None or not isinstance(row, Instance) or not project.options.loaded_relations:
        return row
    api = Api(analyzer(context))
    if not row.type.defn.type_vars and api.defer():
        return row
    trees, state = Trees(project, api), State()
    for name in _texts(names):
        state = trees.with_prefetch(
            model, state, Lookup(name), lambda message: api.fail(message, context.context, LOOKUP)
        )
    return row_type(project, api, model, state)


def _texts(names: Type) -> Iterator[str]:
    for item in names.items if isinstance(names, UnionType) else [names]:
        literal = get_proper_type(item)
        if isinstance(literal, LiteralType) and isinstance(literal.value, str):
            yield literal.value
