"""How clauses change the tree of loaded relations: each relation has rows with a state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from mypy.types import Instance, Type, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.types import any_type
from adj_mypy.boundary.words import suggestion
from adj_mypy.expressions.names import NO_NAMES, Names
from adj_mypy.models.fields import optional
from adj_mypy.models.project import (
    SEPARATOR,
    ModelClass,
    Project,
    Relation,
    is_parent_link,
    joined_relations,
    relations,
    single_relations,
    target_of,
)
from adj_mypy.row_state.row_types import plain_row, row_type, state_of
from adj_mypy.row_state.state import State

Fail: TypeAlias = Callable[[str], None]

_JOINED_LEVELS: Final = 5
"""The depth of `select_related()` without names."""

_LIST: Final = "builtins.list"


@dataclass(frozen=True, slots=True)
class Lookup:
    """One lookup of `prefetch_related()`: its path, the type of its rows if it has a query, and its `to_attr`."""

    path: str
    row: Type | None = None
    to_attr: str | None = None


def _nothing(model: ModelClass) -> State:
    return State()


@dataclass(frozen=True, slots=True)
class Trees:
    """Applies clauses to states.

    `prefetched` are the paths of single-valued relations that are prefetched, not joined. `first` returns the state of
    rows of a model's default manager, where multi-valued relations start.
    """

    project: Project
    api: Api
    prefetched: frozenset[str] = frozenset()
    first: Callable[[ModelClass], State] = _nothing

    # -- joins ---------------------------------------------------------------------------------------------------------

    def with_join(self, model: ModelClass, state: State, path: str, fail: Fail) -> State:
        """Return the state with a path of single-valued relations joined; report unknown relations."""
        head, _, rest = path.partition(SEPARATOR)
        joined_relation = joined_relations(model).get(head)
        if joined_relation is None:
            if head not in state.annotations:
                fail(_no_join(model, head))
            return state
        name, relation = joined_relation
        target = target_of(relation)
        if target is None:
            return state
        nested = self._nested(state, name) or State()
        joined = self.with_join(target, nested, rest, fail) if rest else nested
        # Django creates the parent instance when it is read, without the relations that were joined to it.
        return state if is_parent_link(relation) else self._with(state, name, target, joined)

    def with_every_join(self, model: ModelClass, state: State, levels: int = _JOINED_LEVELS) -> State:
        """Return the state with every non-null foreign key joined, at every level."""
        for name, relation in single_relations(model).items():
            target = target_of(relation)
            if not levels or target is None or not _is_joined_always(relation):
                continue
            nested = self._nested(state, name) or State()
            state = self._with(state, name, target, self.with_every_join(target, nested, levels - 1))
        return state

    def without_joins(self, model: ModelClass, state: State) -> State:
        """Return the state with only prefetched relations."""
        return state.without(name for name in single_relations(model) if name not in self.prefetched)

    # -- prefetches ----------------------------------------------------------------------------------------------------

    def with_prefetch(self, model: ModelClass, state: State, lookup: Lookup, fail: Fail) -> State:
        """Return the state with a lookup prefetched; report unknown relations."""
        head, _, rest = lookup.path.partition(SEPARATOR)
        inner = Lookup(rest, lookup.row, lookup.to_attr)
        known = relations(model)
        if head in known:
            return self._with_relation(state, head, known[head], inner, fail)
        if head in state.annotations:
            return self._with_attribute(state, head, inner, fail)
        if not hasattr(model, head) or head in {field.name for field in model._meta.get_fields()}:
            fail(f'{model.__name__} has no relation "{head}"{suggestion(head, known)}')
        return state

    def _with_relation(self, state: State, name: str, relation: Relation, inner: Lookup, fail: Fail) -> State:
        target = target_of(relation)
        if target is None:
            return state.with_loaded(name, any_type())
        if not inner.path and inner.to_attr is not None:
            return state.with_annotations({inner.to_attr: self._attribute(relation, target, inner.row)})
        if not inner.path:
            # A relation that is joined or prefetched already is not replaced.
            return state if name in state.loaded else state.with_loaded(name, self._row(relation, target, inner.row))
        nested = self._nested(state, name)
        if nested is None and name in state.loaded:
            return state
        start = nested if nested is not None else self.start(relation, target)
        return self._with(state, name, target, self.with_prefetch(target, start, inner, fail))

    def _with_attribute(self, state: State, name: str, inner: Lookup, fail: Fail) -> State:
        """Return the state with a path that continues after the `to_attr` of another lookup."""
        rows = get_proper_type(state.annotations[name])
        row = rows.args[0] if isinstance(rows, Instance) and rows.type.fullname == _LIST else rows
        model, nested = self.project.model_of(row), state_of(self.project, row)
        if model is None or nested is None or not inner.path:
            return state
        new = row_type(self.project, self.api, model, self.with_prefetch(model, nested, inner, fail))
        return state.with_annotations({name: new if row is rows else self.api.named(_LIST, [new])})

    def _attribute(self, relation: Relation, target: ModelClass, row: Type | None) -> Type:
        """Return the type of `to_attr`: a list, or for a single-valued relation a row or None."""
        typ = self._row(relation, target, row)
        source = relation.model if isinstance(relation.model, type) else None
        if source is not None:
            typ = with_way_back(self.project, self.api, relation, typ, plain_row(self.project, self.api, source))
        is_single = relation.many_to_one or relation.one_to_one
        return optional(typ) if is_single else self.api.named(_LIST, [typ])

    def _row(self, relation: Relation, target: ModelClass, row: Type | None) -> Type:
        if row is None:
            return row_type(self.project, self.api, target, self.start(relation, target))
        return row if self.project.model_of(row) is not None else plain_row(self.project, self.api, target)

    def start(self, relation: Relation, target: ModelClass) -> State:
        """Return the state of a relation's rows without clauses; multi-valued relations use the default manager."""
        return State() if relation.many_to_one or relation.one_to_one else self.first(target)

    def without_prefetches(self, model: ModelClass, state: State, annotations: Names, prefix: str = "") -> State:
        """Return the state with only joined relations and the query's own annotations."""
        single = single_relations(model)
        loaded: dict[str, Type] = {}
        for name, row in state.loaded.items():
            if name in single and prefix + name not in self.prefetched:
                loaded[name] = self._without(single[name], row, f"{prefix}{name}{SEPARATOR}")
        kept = {name: typ for name, typ in state.annotations.items() if name in annotations}
        return State(loaded, Names(kept, state.is_open and annotations.is_open), state.deferred)

    def _without(self, relation: Relation, row: Type, prefix: str) -> Type:
        target, nested = target_of(relation), state_of(self.project, row)
        if target is None or nested is None:
            return row
        inner = self.without_prefetches(target, nested, NO_NAMES, prefix)
        return row_type(self.project, self.api, target, inner)

    def new_steps(self, model: ModelClass, state: State, lookup: Lookup) -> set[str]:
        """Return the paths of single-valued relations that a lookup prefetches and that are not joined."""
        steps: set[str] = set()
        current: ModelClass | None = model
        at: State | None = state
        parts = lookup.path.split(SEPARATOR)
        for end, part in enumerate(parts, start=1):
            relation = None if current is None else single_relations(current).get(part)
            if relation is None:
                break
            if at is None or part not in at.loaded:
                steps.add(SEPARATOR.join(parts[:end]))
            at = None if at is None else self._nested(at, part)
            current = target_of(relation)
        return steps

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _nested(self, state: State, name: str) -> State | None:
        """Return the state of a relation's rows, if it is loaded and known."""
        return state_of(self.project, state.loaded.get(name))

    def _with(self, state: State, name: str, target: ModelClass, nested: State) -> State:
        return state.with_loaded(name, row_type(self.project, self.api, target, nested))


def with_way_back(project: Project, api: Api, relation: Relation, row: Type, known: Type) -> Type:
    """Return a relation's rows with the reverse relation loaded, if that must be the given row."""
    name, model, state = _way_back(relation), project.model_of(row), state_of(project, row)
    if name is None or model is None or state is None or name in state.loaded or name not in relations(model):
        return row
    return row_type(project, api, model, state.with_loaded(name, known))


def _way_back(relation: Relation) -> str | None:
    """Return the attribute of the reverse relation; None if related rows may belong to several rows."""
    if relation.many_to_many or getattr(relation, "remote_field", None) is None:
        return None
    if not relation.concrete:
        back: str | None = getattr(relation.remote_field, "name", None)
        return back
    name: str | None = relation.remote_field.get_accessor_name() if relation.one_to_one else None
    return name


def _is_joined_always(relation: Relation) -> bool:
    is_forward = bool(relation.concrete) and target_of(relation) is not None
    return is_forward and not relation.null and not is_parent_link(relation)


def _no_join(model: ModelClass, name: str) -> str:
    known, joined = relations(model), joined_relations(model)
    if name in joined:
        return ""
    if name in known and name not in single_relations(model):
        return f'"{model.__name__}.{name}" is a relation to many rows; use prefetch_related("{name}")'
    if name in known:
        return f'"{model.__name__}.{name}" is a generic foreign key; use prefetch_related("{name}")'
    return f'{model.__name__} has no single-valued relation "{name}"{suggestion(name, joined)}'
