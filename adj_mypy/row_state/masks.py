"""Which columns are deferred, according to Django's mask of `only()` and `defer()`; also in joined relations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django

from adj_mypy.boundary.api import Api
from adj_mypy.models.project import SEPARATOR, ModelClass, Project, is_parent_link, single_relations, target_of
from adj_mypy.row_state.clauses import Clauses
from adj_mypy.row_state.row_types import row_type, state_of
from adj_mypy.row_state.state import State


class Masking:
    """Marks the deferred columns in a state, and in the states of joined relations."""

    def __init__(self, project: Project, api: Api, clauses: Clauses) -> None:
        self._project, self._api, self._clauses = project, api, clauses
        self._conflicts: list[str] = []

    def masked(self, model: ModelClass, state: State) -> tuple[State, list[str]]:
        """Return the state, and the relations that are both joined and deferred, which Django rejects.

        Raises Django's error for a name that the model does not have.
        """
        self._conflicts = []
        return self._masked(model, state, self._clauses.mask(model), ""), self._conflicts

    def _masked(self, model: ModelClass, state: State, mask: Mapping[Any, Any], prefix: str) -> State:
        new = state.with_deferred(_left_out(model, mask))
        for name, relation in single_relations(model).items():
            path = prefix + name
            if name not in state.loaded or path in self._clauses.prefetched:
                continue
            key = relation if relation.concrete else _reverse_key(relation, mask)
            if mask and key not in mask and _is_refused(relation):
                self._conflicts.append(f"{model.__name__}.{name}")
                continue
            new = self._with_masked(new, name, relation, mask.get(key) or {}, path)
        return new

    def _with_masked(self, state: State, name: str, relation: Any, mask: Mapping[Any, Any], path: str) -> State:
        project, target = self._project, target_of(relation)
        nested = state_of(project, state.loaded[name])
        if target is None or nested is None:
            return state
        inner = self._masked(target, nested, mask, path + SEPARATOR)
        return state.with_loaded(name, row_type(project, self._api, target, inner))


def _left_out(model: ModelClass, mask: Mapping[Any, Any]) -> frozenset[str]:
    """Return both names of the columns that a mask leaves out. Primary keys are always loaded."""
    if not mask:
        return frozenset()
    # The columns of a composite key are not primary keys themselves.
    kept = {*mask, *model._meta.pk_fields}
    fields = (field for field in model._meta.concrete_fields if field not in kept and not field.primary_key)
    return frozenset(name for field in fields for name in (field.name, field.attname))


def _reverse_key(relation: Any, mask: Mapping[Any, Any]) -> Any:
    """Return the key of a reverse relation in a mask: the relation, or before Django 6.0 its field."""
    return relation if relation in mask else relation.field


def _is_refused(relation: Any) -> bool:
    """Return whether Django rejects a relation that is both joined and deferred; reverse relations since 6.1."""
    if is_parent_link(relation):
        return False
    return bool(relation.concrete) or django.VERSION >= (6, 1)
