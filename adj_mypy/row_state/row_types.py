"""The types of rows: build them from a state, and read the state back.

The plugin gives every model one covariant type variable, which stands for a TypedDict: `Book[TypedDict({'author':
Author[...]})]` is a book with its author loaded, and `Book` without an argument is a book of unknown state. mypy then
compares, joins and narrows rows. Rows with annotations have the subclass `Book@adj`, whose `__getattr__` reads the same
TypedDict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mypy.types import Instance, TupleType, Type, TypedDictType, UnionType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import ANNOTATED
from adj_mypy.boundary.types import any_type
from adj_mypy.models.project import ModelClass, Project, full_name, relations, target_of
from adj_mypy.row_state.codec import decode, encode, encode_annotations
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
    items = encode(state) if tracked else encode_annotations(state)
    annotated = api.info(full_name(model) + ANNOTATED) if state.annotations else None
    return Instance(annotated or info, [api.typed_dict(items, readonly=True)])


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
    known = get_proper_type(proper.args[-1])
    model = project.model_of(proper)
    return decode(model, known) if model is not None and isinstance(known, TypedDictType) else None


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
    items = encode(known)
    if not items or not isinstance(plain, Instance) or not plain.type.defn.type_vars:
        return plain
    names = api.typed_dict(items, readonly=True, optional=known.aliases)
    return plain.copy_modified(args=[names])


def is_tracked(model: Type) -> bool:
    """Return whether a model's type has the plugin's type variable; models that are generic themselves do not."""
    proper = get_proper_type(model)
    return not isinstance(proper, Instance) or bool(proper.type.defn.type_vars)
