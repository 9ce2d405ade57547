"""mypy's hooks, and who answers them. django-stubs' plugin is inside, and answers what is not adj's.

Topics are imported where a hook first needs one: `adj_mypy.hooks.topics` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options
from mypy.plugin import (
    AnalyzeTypeContext,
    AttributeContext,
    ClassDefContext,
    DynamicClassDefContext,
    FunctionContext,
    FunctionSigContext,
    MethodContext,
    MethodSigContext,
    Plugin,
    ReportConfigContext,
)
from mypy.types import FunctionLike, Type
from typing_extensions import override

from adj_mypy.boundary import generic, older, synthetic
from adj_mypy.boundary.api import first_line
from adj_mypy.boundary.django_stubs import set_up_django
from adj_mypy.boundary.fullnames import MODEL, QUERY
from adj_mypy.boundary.generic import without_error_of_generic_self
from adj_mypy.boundary.types import has_base
from adj_mypy.boundary.usage import exit_with_usage, is_before
from adj_mypy.models import dependencies
from adj_mypy.models.project import Project, digest
from adj_mypy.models.sources import STALE, Sources
from adj_mypy.options import read_options

if TYPE_CHECKING:
    from adj_mypy.hooks.checking import Checking

OfAnnotation: TypeAlias = Callable[[AnalyzeTypeContext], Type]

VERSION: Final = "1"
"""Part of mypy's cache; another number lets it check everything again."""

LOADED: Final = "adj.loaded.Loaded"
INNER: Final = "mypy_django_plugin.main"
OUTER: Final = "adj_mypy.plugin"

_OURS: Final = ("adj.compiler.", "adj.query.", "adj.statement.")
"""What a query is made of, and mypy asks most about; django-stubs has nothing to say of any name there."""


class AdjPlugin(Plugin):
    """Asks django-stubs first, and adds what it does not know."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        if is_before(options.plugins, INNER, OUTER):
            exit_with_usage(f'"{OUTER}" has to stand before "{INNER}" in `plugins`; it contains that one.')
        own = read_options(options.config_file)
        self.django = set_up_django(options)
        self.project = Project(own, self.django)
        self.sources = Sources(self.project.bases) if options.fine_grained_incremental else None
        self._tracked = own.loaded_relations

    @override
    def set_modules(self, modules: dict[str, MypyFile]) -> None:
        super().set_modules(modules)
        self.django.set_modules(modules)

    # -- the cache -----------------------------------------------------------------------------------------------------

    @override
    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        self.project.forget()
        inner = self.django.get_additional_deps(file)
        return [*inner, (10, "adj.loaded", -1)] if file.fullname in self.project.modules else inner

    @override
    def report_config_data(self, ctx: ReportConfigContext) -> dict[str, Any]:
        models = self.project.digests.get(ctx.id, "")
        return {**self.django.report_config_data(ctx), **self._config_data, "adj_models": models}

    @cached_property
    def _config_data(self) -> dict[str, Any]:
        return {"adj": VERSION, "adj_options": self.project.options.as_data()}

    # -- models --------------------------------------------------------------------------------------------------------

    @override
    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        info = self._info(fullname)
        if has_base(info, QUERY):
            return synthetic.add_subclass
        hook = self.django.get_base_class_hook(fullname)
        return partial(self._process_class, hook) if hook is not None and has_base(info, MODEL) else hook

    def _process_class(self, hook: Callable[[ClassDefContext], None], context: ClassDefContext) -> None:
        if self._tracked and context.cls.fullname in self.project.models:
            without_error_of_generic_self(context.api, partial(hook, context))
        else:
            hook(context)
        module = context.cls.info.module_name
        synthetic.mark_class_variables(context.cls.info, self.project.async_managers.get(context.cls.fullname, ()))
        if self.sources is not None and self.sources.has_changed(module):
            context.api.fail(STALE, first_line())

    @override
    def get_customize_class_mro_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        hook = self.django.get_customize_class_mro_hook(fullname)
        if hook is not None or fullname not in self.project.models:
            return hook
        return partial(generic.make_generic, tracked=self._tracked, digest=digest(self.project.models[fullname]))

    @override
    def get_type_analyze_hook(self, fullname: str) -> OfAnnotation | None:
        hook = self._annotation_of_django(fullname)
        return None if hook is None and fullname not in self._annotations else self._analyze(fullname, hook)

    @cached_property
    def _annotation_of_django(self) -> Callable[[str], OfAnnotation | None]:
        """What django-stubs does with a name in an annotation: its name decides, and mypy asks at each mention."""
        return cache(self.django.get_type_analyze_hook)

    @cached_property
    def _annotations(self) -> frozenset[str]:
        """The names in annotations that mean something here."""
        query = (QUERY,) if older.LEAVES_DEFAULTS else ()
        return frozenset({LOADED, *query, *(self.project.models if self._tracked else ())})

    def _analyze(self, fullname: str, hook: OfAnnotation | None) -> OfAnnotation | None:
        if fullname == LOADED:
            return self._loaded
        if fullname == QUERY:
            query = self._info(fullname)
            return None if query is None else partial(older.query_annotation, query)
        if hook is not None:
            inner = hook
            return (lambda context: generic.bare_instance(inner(context))) if self._tracked else hook
        info = self._info(fullname)
        return None if info is None else partial(generic.bare_annotation, info)

    def _loaded(self, context: AnalyzeTypeContext) -> Type:
        from adj_mypy.row_state import contracts

        dependencies.of_annotation(self.project, context)
        return contracts.loaded(self.project, context)

    # -- checks --------------------------------------------------------------------------------------------------------

    @cached_property
    def _checking(self) -> Checking:
        from adj_mypy.hooks.checking import Checking

        return Checking(self.project, self._info)

    @override
    def get_class_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        return self._checking.class_attribute(fullname, self.django.get_class_attribute_hook(fullname))

    @override
    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        inner = None if fullname.startswith(_OURS) else self.django.get_attribute_hook(fullname)
        return self._checking.attribute(fullname, inner)

    @override
    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        inner = None if fullname.startswith(_OURS) else self.django.get_function_hook(fullname)
        return self._checking.function(fullname, inner)

    @override
    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        return self._checking.function_signature(fullname, self.django.get_function_signature_hook(fullname))

    @override
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        inner = None if fullname.startswith(_OURS) else self.django.get_method_hook(fullname)
        return self._checking.method(fullname, inner)

    @override
    def get_method_signature_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        return self._checking.method_signature(fullname, self.django.get_method_signature_hook(fullname))

    # -- what is django-stubs' alone -----------------------------------------------------------------------------------

    @override
    def get_metaclass_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self.django.get_metaclass_hook(fullname)

    @override
    def get_dynamic_class_hook(self, fullname: str) -> Callable[[DynamicClassDefContext], None] | None:
        return self.django.get_dynamic_class_hook(fullname)

    @override
    def get_class_decorator_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self.django.get_class_decorator_hook(fullname)

    @override
    def get_class_decorator_hook_2(self, fullname: str) -> Callable[[ClassDefContext], bool] | None:
        return self.django.get_class_decorator_hook_2(fullname)

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _info(self, fullname: str) -> TypeInfo | None:
        symbol = self.lookup_fully_qualified(fullname)
        return symbol.node if symbol is not None and isinstance(symbol.node, TypeInfo) else None


def plugin(version: str) -> type[Plugin]:
    """Mypy's entry point; `version` is mypy's."""
    return AdjPlugin
