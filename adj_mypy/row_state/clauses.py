"""What earlier clauses of a query said that later ones depend on: `only()`, `defer()`, and what was prefetched.

The type of a query's rows says what they carry. It does not say why, which matters to the next `only()`, and to a
relation whose columns are chosen. So the query's model says it, in keys that no name of a column can have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models.sql.query import Query as DjangoQuery

from adj_mypy.models.project import ModelClass


@dataclass(frozen=True, slots=True)
class Clauses:
    """The names that `only()` or `defer()` chose; the paths of relations to one row that are prefetched, not joined."""

    columns: frozenset[str] = frozenset()
    is_defer: bool = True
    prefetched: frozenset[str] = frozenset()
    joins_every: bool = False

    def only(self, model: ModelClass, names: frozenset[str]) -> Clauses:
        """The same after `only()`, as Django counts it."""
        query = self._query(model)
        query.add_immediate_loading(names)
        return self._chosen(query)

    def defer(self, model: ModelClass, names: frozenset[str]) -> Clauses:
        """The same after `defer()`."""
        query = self._query(model)
        query.add_deferred_loading(names)
        return self._chosen(query)

    def mask(self, model: ModelClass) -> dict[Any, Any]:
        """The fields that are selected, with those of their relations; nothing where all are.

        Raises what Django raises for a name that the model does not have.
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
"""No clause was said."""
