"""The types of rows: build them from a state, and read the state back.

The plugin gives every model one covariant type variable, which stands for a TypedDict: `Book[TypedDict({'author':
Author[...]})]` is a book with its author loaded, and `Book` without an argument is a book of unknown state. mypy then
compares, joins and narrows rows. Rows with annotations have the subclass `Book@adj`, whose `__getattr__` reads the same
TypedDict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mypy.types import Instance, TupleType, Type, UnionType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import ANNOTATED, QUERY
from adj_mypy.boundary.types import any_type, has_base
from adj_mypy.models.project import ModelClass, Project, full_name, relations, target_of
from adj_mypy.row_state.codec import argument_of_query, argument_of_row, state_in
from adj_mypy.row_state.state import NOTHING, State

Change: TypeAlias = Callable[[ModelClass, State], State]
"""A function from the state of a model's rows to their new state."""


def row_type(project: Project, api: Api, model: ModelClass, state: State) -> Type:
    """Return the type of a row with a state."""
    if state is NOTHING and api.is_checker:
        return project.remembered(model, lambda: _row_type(project, api, model, state)) or any_type()
    return _row_type(project, api, model, state) or any_type()


def _row_type(project: Project, api: Api, model: ModelClass, state: State) -> Type | None:
    info = project.info(api, model)
    if info is None:
        return None
    tracked = bool(info.defn.type_vars)
    if not tracked and not state.annotations:
        return Instance(info, [])
    annotated = api.info(full_name(model) + ANNOTATED) if state.annotations else None
    return Instance(annotated or info, [argument_of_row(api, model, state, tracked=tracked)])


def open_row(project: Project, api: Api, model: ModelClass) -> Type:
    """Return the type of a row of unknown state, which may have attributes that its model does not define."""
    annotated = api.info(full_name(model) + ANNOTATED)
    return any_type() if annotated is None else Instance(annotated, [])


def plain_row(project: Project, api: Api, model: ModelClass) -> Type:
    """Return the type of a row of unknown state, as the project writes it."""
    info = project.info(api, model)
    return any_type() if info is None else Instance(info, [])


def state_of(project: Project, row: Type | None) -> State | None:
    """Return the state in a row's type; None for rows of unknown state and for other types."""
    proper = get_proper_type(row)
    if not isinstance(proper, Instance) or not proper.args:
        return None
    model = project.model_of(proper)
    return None if model is None else state_in(model, proper.args[-1])


def with_rows(project: Project, api: Api, typ: Type, change: Change | None) -> Type:
    """Apply a change to all rows in a type: a row, an optional or a collection. None forgets their state."""

    def changed(model: ModelClass, row: Type) -> Type:
        state = state_of(project, row)
        if change is None:
            return row if state is None else plain_row(project, api, model)
        new = change(model, unknown_state(project, api, model) if state is None else state)
        # A row of unknown state can still gain annotations.
        return row if state is None and not new.annotations else row_type(project, api, model, new)

    return replace_rows(project, typ, changed)


def replace_rows(project: Project, typ: Type, replaced: Callable[[ModelClass, Type], Type]) -> Type:
    """Replace each row in a type by a function of its model and type."""
    proper = get_proper_type(typ)
    model = project.model_of(proper)
    if model is not None:
        return replaced(model, typ)
    if isinstance(proper, UnionType):
        return UnionType.make_union([replace_rows(project, item, replaced) for item in proper.items])
    if isinstance(proper, TupleType):
        return proper.copy_modified(items=[replace_rows(project, item, replaced) for item in proper.items])
    if isinstance(proper, Instance) and proper.args:
        return proper.copy_modified(args=[replace_rows(project, argument, replaced) for argument in proper.args])
    return typ


def unknown_state(project: Project, api: Api, model: ModelClass) -> State:
    """Return a state with every relation loaded, so that reading an unknown row reports nothing."""
    targets = {name: target_of(relation) for name, relation in relations(model).items()}
    return State({name: plain_row(project, api, target) for name, target in targets.items() if target is not None})


def named_model(project: Project, api: Api, model: ModelClass, known: State) -> Type:
    """Return the first argument of a query's type: the model with the names and clauses for later methods.

    It is the model's own class even with annotations, so that every query of books is an `AsyncQuery[Book]`.
    """
    plain = plain_row(project, api, model)
    if not isinstance(plain, Instance) or not plain.type.defn.type_vars:
        return plain
    argument = argument_of_query(api, known)
    return plain if argument is None else plain.copy_modified(args=[argument])


def without_aliases(project: Project, api: Api, result: Type) -> Type:
    """Return a result with the project's own class for rows that have nothing but names for later clauses.

    These are in the rows only where rows are not tracked. The result may not be a query, which needs them.
    """

    def plain(model: ModelClass, row: Type) -> Type:
        state = state_of(project, row)
        has_only_aliases = state is not None and not state.selected and not state.is_open
        return plain_row(project, api, model) if has_only_aliases else row

    proper = get_proper_type(result)
    is_query = isinstance(proper, Instance) and has_base(proper.type, QUERY)
    return result if is_query else replace_rows(project, result, plain)


def is_tracked(model: Type) -> bool:
    """Return whether a model's type has the plugin's type variable; models that are generic themselves do not."""
    proper = get_proper_type(model)
    return not isinstance(proper, Instance) or bool(proper.type.defn.type_vars)
