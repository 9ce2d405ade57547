"""The earlier clauses of a query that later ones depend on: `only()`, `defer()`, and what was prefetched.

The type of a query's rows tells what they have loaded, but not why. The next `only()` depends on that, and so does a
relation of which some columns are deferred. So the type of the query's model remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models.sql.query import Query as DjangoQuery

from adj_mypy.models.project import ModelClass


@dataclass(frozen=True, slots=True)
class Clauses:
    """The names in `only()` or `defer()`, and the paths of single-valued relations that are prefetched, not joined."""

    columns: frozenset[str] = frozenset()
    is_defer: bool = True
    prefetched: frozenset[str] = frozenset()
    joins_every: bool = False

    def only(self, model: ModelClass, names: frozenset[str]) -> Clauses:
        """Return the clauses after `only()`, as Django computes them."""
        query = self._query(model)
        query.add_immediate_loading(names)
        return self._chosen(query)

    def defer(self, model: ModelClass, names: frozenset[str]) -> Clauses:
        """Return the clauses after `defer()`."""
        query = self._query(model)
        query.add_deferred_loading(names)
        return self._chosen(query)

    def mask(self, model: ModelClass) -> dict[Any, Any]:
        """Return Django's mask of selected fields and relations; empty if all are selected.

        Raises Django's error for a name that the model does not have.
        """
        return dict(self._query(model).get_select_mask()) if self.columns else {}

    def _query(self, model: ModelClass) -> Any:
        query: Any = DjangoQuery(model)
        query.deferred_loading = (self.columns, self.is_defer)
        return query

    def _chosen(self, query: Any) -> Clauses:
        names, is_defer = query.deferred_loading
        return replace(self, columns=frozenset(names), is_defer=is_defer or not names)


NO_CLAUSES: Final = Clauses()
"""No such clause."""
