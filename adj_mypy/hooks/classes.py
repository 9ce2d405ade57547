"""The hooks for class definitions: models become generic, and queries and managers get what the plugin needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from mypy.nodes import TypeInfo
from mypy.plugin import ClassDefContext

from adj_mypy.boundary import generic, synthetic
from adj_mypy.boundary.api import first_line
from adj_mypy.boundary.fullnames import MODEL, QUERY
from adj_mypy.boundary.types import has_base
from adj_mypy.models.project import Project, digest
from adj_mypy.models.sources import STALE, Sources

OfClass: TypeAlias = Callable[[ClassDefContext], None]


class Classes:
    """Adds to django-stubs' hooks for classes; `sources` are compared in mypy's daemon only."""

    def __init__(self, project: Project, info: Callable[[str], TypeInfo | None], sources: Sources | None) -> None:
        self.project, self._info, self._sources = project, info, sources
        self._tracked = project.options.loaded_relations

    def base_class(self, fullname: str, inner: OfClass | None) -> OfClass | None:
        """Return the hook for classes that inherit from the class of this name."""
        info = self._info(fullname)
        if has_base(info, QUERY):
            return synthetic.add_subclass
        return partial(self._process_model, inner) if inner is not None and has_base(info, MODEL) else inner

    def _process_model(self, inner: OfClass, context: ClassDefContext) -> None:
        if self._tracked and context.cls.fullname in self.project.models:
            generic.without_error_of_generic_self(context.api, partial(inner, context))
        else:
            inner(context)
        module = context.cls.info.module_name
        synthetic.mark_class_variables(context.cls.info, self.project.async_managers.get(context.cls.fullname, ()))
        if self._sources is not None and self._sources.has_changed(module):
            context.api.fail(STALE, first_line())

    def mro(self, fullname: str, inner: OfClass | None) -> OfClass | None:
        """Return the hook for the class of this name."""
        if fullname == QUERY:
            return synthetic.add_refused_names
        if inner is not None or fullname not in self.project.models:
            return inner
        return partial(generic.make_generic, tracked=self._tracked, digest=digest(self.project.models[fullname]))
