"""The rows of `into()` on a QuerySet: those of `values_list()`, as objects of a class.

Private Django API used here: `QuerySet._iterable_class`, `QuerySet._prefetch_related_lookups`,
`Query._filtered_relations`, `Query.extra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import QuerySet

from adj.django_types import PrivateQuerySet
from adj.hydrate.class_rows import iterable_for
from adj.schema.row_columns import class_rows
from adj.statement.clauses import DjangoQuerySet
from adj.statement.row_class import RowClass


@dataclass(frozen=True, slots=True)
class IntoRows:
    """The rows of a class, with the paths of fields that are not named after theirs."""

    row_class: RowClass
    paths: tuple[tuple[str, str], ...]

    def chosen(self, queryset: DjangoQuerySet) -> DjangoQuerySet:
        """A QuerySet with these rows. Raises `NoRowClass`, `UnknownField`, `UnknownLookup` or `RowTypeMismatch`."""
        rows = class_rows(queryset.model, self.row_class, dict(self.paths), _computed(queryset))
        chosen = queryset.values_list(*rows.columns)
        private = cast("PrivateQuerySet", chosen)
        private._iterable_class = iterable_for(rows)
        # Django ignores prefetches for dicts and tuples, but would set attributes on other objects.
        private._prefetch_related_lookups = ()
        return chosen


def _computed(source: Any) -> Mapping[str, object]:
    """The names of a QuerySet that are not fields, with the expressions of annotations.

    A project's manager that overrides `values_list()` takes the place of its QuerySet.
    """
    queryset = source if isinstance(source, QuerySet) else source.get_queryset()
    query: Any = queryset.query
    return {**dict.fromkeys((*query.extra, *query._filtered_relations)), **query.annotations}


def plain_text(name: Any) -> Any:
    """A string as an exact `str`, since a subclass may define equality; other values unchanged."""
    return str.__str__(name) if isinstance(name, str) else name
