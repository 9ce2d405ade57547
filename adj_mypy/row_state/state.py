"""What a row carries, and how a type says it.

The plugin gives every model one covariant type variable, which stands for a TypedDict: `Book[TypedDict({'author':
Author[...]})]` is a book with its author, and `Book` without an argument one of which nothing is known. mypy itself
then compares, joins and narrows rows. Rows with annotations are of the subclass `Book@adj`, whose `__getattr__` reads
the same TypedDict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from mypy.types import Instance, NoneType, TupleType, Type, TypedDictType, UnionType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import ANNOTATED
from adj_mypy.boundary.types import any_type
from adj_mypy.models.project import ModelClass, Project, full_name, relations, target_of

DEFERRED = "-"
"""Stands before the name of a column that the row does not carry."""

OPEN = "*"
"""Among annotations: there may be others, whose names are known only when the program runs."""

LATER, GONE, UNKNOWN = "+", "!", "?"
"""Stand before the name of what a row carries since it was loaded, or does not since it was refreshed.

mypy lets a variable have a narrower type, and never a wider one. So what a row gains or loses is one more key
beside the old one. `UNKNOWN` stands alone, when only the run knows.
"""


@dataclass(frozen=True, slots=True)
class State:
    """What the rows of a query carry: relations with their rows' types, annotations, and which columns they lack.

    Of what a query knows, `aliases` are those annotations that later clauses may name and rows do not have.
    """

    loaded: Mapping[str, Type] = field(default_factory=dict[str, Type])
    annotations: Mapping[str, Type] = field(default_factory=dict[str, Type])
    deferred: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether there may be annotations whose names are not known."""
        return OPEN in self.annotations

    @property
    def selected(self) -> Mapping[str, Type]:
        """The annotations that rows have."""
        return {name: typ for name, typ in self.annotations.items() if name not in self.aliases}

    def carries(self, name: str) -> bool:
        """Whether a relation is there."""
        return name in self.loaded and (GONE + name not in self.marks or LATER + name in self.marks)

    def lacks(self, name: str) -> bool:
        """Whether a column is not there."""
        return name in self.deferred and LATER + name not in self.marks

    def gaining(self, names: Iterable[str]) -> State:
        """The same with these columns, and relations that were there before, since they were loaded."""
        there = {LATER + name for name in names if name in self.deferred or GONE + name in self.marks}
        return replace(self, marks=self.marks | there)

    def losing(self, names: Iterable[str]) -> State:
        """The same without these relations, since they were forgotten."""
        gone = {name for name in names if self.carries(name)}
        if any(LATER + name in self.marks for name in gone):
            return replace(self, marks=self.marks | {UNKNOWN})
        return replace(self, marks=self.marks | {GONE + name for name in gone})

    def unknown(self) -> State:
        """The same where only the run knows what is there."""
        return replace(self, marks=self.marks | {UNKNOWN})

    def items(self) -> dict[str, Type]:
        """The items of the TypedDict that stands for it."""
        missing: dict[str, Type] = {DEFERRED + name: NoneType() for name in sorted(self.deferred)}
        marks: dict[str, Type] = {mark: NoneType() for mark in sorted(self.marks)}
        return {**self.annotations, **self.loaded, **missing, **marks}

    def without(self, names: Iterable[str]) -> State:
        """The same without these relations."""
        gone = frozenset(names)
        return replace(self, loaded={name: row for name, row in self.loaded.items() if name not in gone})

    def with_loaded(self, name: str, row: Type) -> State:
        """The same with one more relation."""
        return replace(self, loaded={**self.loaded, name: row})

    def with_annotations(self, annotations: Mapping[str, Type]) -> State:
        """The same with more annotations."""
        if not annotations:
            return self
        aliases = self.aliases - annotations.keys()
        return replace(self, annotations={**self.annotations, **annotations}, aliases=aliases)

    def with_aliases(self, annotations: Mapping[str, Type]) -> State:
        """The same with more annotations that rows do not have."""
        named = {**self.annotations, **annotations}
        return replace(self, annotations=named, aliases=self.aliases | annotations.keys())

    def selecting(self, names: Collection[str]) -> State:
        """The same where rows have these annotations and no others."""
        if not self.annotations:
            return self
        return replace(self, aliases=frozenset(self.annotations) - set(names) - {OPEN})

    def with_deferred(self, names: frozenset[str]) -> State:
        """The same without these columns, and no others."""
        return self if names == self.deferred else replace(self, deferred=names)


NOTHING: Final = State()
"""Rows with all of their columns, and with no more."""

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
    items = state.items() if tracked else dict(state.annotations)
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
    if not isinstance(known, TypedDictType) or UNKNOWN in known.items:
        return None
    model = project.model_of(proper)
    return None if model is None else _decoded(model, known)


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


def _decoded(model: ModelClass, known: TypedDictType) -> State:
    if not known.items:
        return NOTHING
    names = relations(model)
    loaded: dict[str, Type] = {}
    annotations: dict[str, Type] = {}
    deferred: set[str] = set()
    marks: set[str] = set()
    for name, typ in known.items.items():
        if name in names:
            loaded[name] = typ
        elif name.startswith(DEFERRED):
            deferred.add(name.removeprefix(DEFERRED))
        elif name.startswith((LATER, GONE)):
            marks.add(name)
        else:
            annotations[name] = typ
    aliases = (loaded.keys() | annotations) - known.required_keys
    return State(loaded, annotations, frozenset(deferred), frozenset(aliases), frozenset(marks))
