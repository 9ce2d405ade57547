"""The types of rows: made from a state, and read as one.

The plugin gives every model one covariant type variable, which stands for a TypedDict: `Book[TypedDict({'author':
Author[...]})]` is a book with its author, and `Book` without an argument one of which nothing is known. mypy itself
then compares, joins and narrows rows. Rows with annotations are of the subclass `Book@adj`, whose `__getattr__` reads
the same TypedDict.
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
"""What becomes of the state of a model's rows."""


def row_type(project: Project, api: Api, model: ModelClass, state: State) -> Type:
    """The type of a row that carries what the state says."""
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
    """The type of a row of which nothing is known, and which may have attributes that its model has not."""
    annotated = api.info(full_name(model) + ANNOTATED)
    return any_type() if annotated is None else Instance(annotated, [])


def plain_row(project: Project, api: Api, model: ModelClass) -> Type:
    """The type of a row of which nothing is known, as a project writes it."""
    info = project.info(api, model)
    return any_type() if info is None else Instance(info, [])


def state_of(project: Project, row: Type | None) -> State | None:
    """What a row's type says that it carries; None for a row of which nothing is known, and for what is no row."""
    proper = get_proper_type(row)
    if not isinstance(proper, Instance) or not proper.args:
        return None
    known = get_proper_type(proper.args[-1])
    model = project.model_of(proper)
    return decode(model, known) if model is not None and isinstance(known, TypedDictType) else None


def with_rows(project: Project, api: Api, typ: Type, change: Change | None) -> Type:
    """A type with other rows in it: of a row, an optional one, or a collection. Without a change nothing is known."""

    def changed(model: ModelClass, row: Type) -> Type:
        state = state_of(project, row)
        if change is None:
            return row if state is None else plain_row(project, api, model)
        new = change(model, unknown_state(project, api, model) if state is None else state)
        # Of a row of which nothing is known, new attributes are.
        return row if state is None and not new.annotations else row_type(project, api, model, new)

    return replace_rows(project, typ, changed)


def replace_rows(project: Project, typ: Type, replaced: Callable[[ModelClass, Type], Type]) -> Type:
    """A type with something else for each row in it, which is asked for by its model and its type."""
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
    """The state of a row of which nothing is known: it may carry every relation, so that no reading is reported."""
    targets = {name: target_of(relation) for name, relation in relations(model).items()}
    return State({name: plain_row(project, api, target) for name, target in targets.items() if target is not None})


def named_model(project: Project, api: Api, model: ModelClass, known: State) -> Type:
    """The first argument of a query's type: the model, what `annotate()` and `alias()` named, and what `only()` did.

    It is the model's own class also with annotations, so that any query of books is an `AsyncQuery[Book]`.
    """
    plain = plain_row(project, api, model)
    items = encode(known)
    if not items or not isinstance(plain, Instance) or not plain.type.defn.type_vars:
        return plain
    names = api.typed_dict(items, readonly=True, optional=known.aliases)
    return plain.copy_modified(args=[names])


def is_tracked(model: Type) -> bool:
    """Whether a model's type has room for what rows carry: not one that is generic itself, and by an option none."""
    proper = get_proper_type(model)
    return not isinstance(proper, Instance) or bool(proper.type.defn.type_vars)
