"""The hook for names in annotations: models, `Loaded[...]`, and queries."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Final, TypeAlias

from mypy.nodes import TypeInfo
from mypy.plugin import AnalyzeTypeContext
from mypy.types import Type

from adj_mypy.boundary import generic, older
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.models import dependencies
from adj_mypy.models.project import Project

OfAnnotation: TypeAlias = Callable[[AnalyzeTypeContext], Type]

LOADED: Final = "adj.loaded.Loaded"


class Annotations:
    """Adds to django-stubs' hooks for annotations."""

    def __init__(self, project: Project, info: Callable[[str], TypeInfo | None]) -> None:
        self.project, self._info = project, info
        self._tracked = project.options.loaded_relations

    def analyze(self, fullname: str, inner: OfAnnotation | None) -> OfAnnotation | None:
        """Return the hook for a name in an annotation."""
        if inner is None and fullname not in self._names:
            return None
        if fullname == LOADED:
            return self._loaded
        if fullname == QUERY:
            query = self._info(fullname)
            return None if query is None else partial(self._query, query)
        if inner is not None:
            return (lambda context: generic.bare_instance(inner(context))) if self._tracked else inner
        info = self._info(fullname)
        return None if info is None else partial(generic.bare_annotation, info)

    @cached_property
    def _names(self) -> frozenset[str]:
        """The names that the plugin analyzes itself."""
        return frozenset({LOADED, QUERY, *(self.project.models if self._tracked else ())})

    def _query(self, info: TypeInfo, context: AnalyzeTypeContext) -> Type:
        from adj_mypy.row_state import contracts  # late, as below

        return contracts.of_query(self.project, context, older.query_annotation(info, context))

    def _loaded(self, context: AnalyzeTypeContext) -> Type:
        # Imported late because it needs adj itself: see `adj_mypy.hooks.handlers`.
        from adj_mypy.row_state import contracts

        dependencies.of_annotation(self.project, context)
        return contracts.loaded(self.project, context)
