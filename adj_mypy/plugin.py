"""mypy's entry point: route each hook to the module that answers it.

django-stubs' plugin runs inside. Every hook first gets its hook for the same name, and runs through
`adj_mypy.boundary.guard`. The modules that check code are imported with the first hook that needs them:
`adj_mypy.hooks.handlers` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options
from mypy.plugin import (
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

from adj_mypy.boundary.django_stubs import set_up_django
from adj_mypy.boundary.guard import Guard
from adj_mypy.boundary.usage import exit_with_usage, is_before
from adj_mypy.hooks.annotations import Annotations, OfAnnotation
from adj_mypy.hooks.classes import Classes
from adj_mypy.models.project import Project
from adj_mypy.models.sources import Sources
from adj_mypy.options import read_options

if TYPE_CHECKING:
    from adj_mypy.hooks.checking import Checking

H = TypeVar("H")

Dependency: TypeAlias = tuple[int, str, int]
"""A module that a file depends on, as mypy wants it: priority, name, line."""

VERSION: Final = "2"
"""Part of mypy's cache; a new number makes it check everything again."""

INNER: Final = "mypy_django_plugin.main"
OUTER: Final = "adj_mypy.plugin"

_OURS: Final = ("adj.compiler.", "adj.query.", "adj.statement.")
"""The packages whose names mypy asks for most often; django-stubs has no hook for any of them."""


class AdjPlugin(Plugin):
    """Answers with django-stubs' hooks, and adds adj's."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        if is_before(options.plugins, INNER, OUTER):
            exit_with_usage(f'"{OUTER}" must come before "{INNER}" in `plugins`; it runs that plugin itself.')
        own = read_options(options.config_file)
        self.django = set_up_django(options)
        self.project = Project(own, self.django)
        self._guard = Guard(debug=own.debug)
        sources = Sources(self.project.bases) if options.fine_grained_incremental else None
        self._classes = Classes(self.project, self._info, sources)
        self._annotations = Annotations(self.project, self._info)

    @override
    def set_modules(self, modules: dict[str, MypyFile]) -> None:
        super().set_modules(modules)
        self.django.set_modules(modules)

    # -- the cache -----------------------------------------------------------------------------------------------------

    @override
    def get_additional_deps(self, file: MypyFile) -> list[Dependency]:
        self.project.forget()
        none: list[Dependency] = []
        inner = self._guard.value("get_additional_deps", partial(self.django.get_additional_deps, file), none)
        own = self._guard.value("get_additional_deps", partial(self._own_dependencies, file), none)
        return [*inner, *own]

    def _own_dependencies(self, file: MypyFile) -> list[Dependency]:
        return [(10, "adj.loaded", -1)] if file.fullname in self.project.modules else []

    @override
    def report_config_data(self, ctx: ReportConfigContext) -> dict[str, Any]:
        none: dict[str, Any] = {}
        inner = self._guard.value("report_config_data", partial(self.django.report_config_data, ctx), none)
        models = self._guard.value("report_config_data", partial(self._digest, ctx.id), "")
        return {**inner, **self._config_data, "adj_models": models}

    def _digest(self, module: str) -> str:
        return self.project.digests.get(module, "")

    @cached_property
    def _config_data(self) -> dict[str, Any]:
        return {"adj": VERSION, "adj_options": self.project.options.as_data()}

    # -- classes and annotations ---------------------------------------------------------------------------------------

    @override
    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self._guard.choose(
            "get_base_class_hook", fullname, self.django.get_base_class_hook, self._classes.base_class
        )

    @override
    def get_customize_class_mro_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self._guard.choose(
            "get_customize_class_mro_hook", fullname, self.django.get_customize_class_mro_hook, self._classes.mro
        )

    @override
    def get_type_analyze_hook(self, fullname: str) -> OfAnnotation | None:
        return self._guard.choose(
            "get_type_analyze_hook", fullname, self._annotation_of_django, self._annotations.analyze
        )

    @cached_property
    def _annotation_of_django(self) -> Callable[[str], OfAnnotation | None]:
        """django-stubs' hook depends on the name alone, and mypy asks at every mention of it."""
        return cache(self.django.get_type_analyze_hook)

    # -- checks --------------------------------------------------------------------------------------------------------

    @cached_property
    def _checking(self) -> Checking:
        from adj_mypy.hooks.checking import Checking  # late: see the module's docstring

        return Checking(self.project, self._info)

    @override
    def get_class_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        django = self.django.get_class_attribute_hook
        return self._guard.choose("get_class_attribute_hook", fullname, django, self._checking.class_attribute)

    @override
    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        django = _no_hook if fullname.startswith(_OURS) else self.django.get_attribute_hook
        return self._guard.choose("get_attribute_hook", fullname, django, self._checking.attribute)

    @override
    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        django = _no_hook if fullname.startswith(_OURS) else self.django.get_function_hook
        return self._guard.choose("get_function_hook", fullname, django, self._checking.function)

    @override
    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        django = self.django.get_function_signature_hook
        return self._guard.choose("get_function_signature_hook", fullname, django, self._checking.function_signature)

    @override
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        django = _no_hook if fullname.startswith(_OURS) else self.django.get_method_hook
        return self._guard.choose("get_method_hook", fullname, django, self._checking.method)

    @override
    def get_method_signature_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        django = self.django.get_method_signature_hook
        return self._guard.choose("get_method_signature_hook", fullname, django, self._checking.method_signature)

    # -- django-stubs' hooks alone -------------------------------------------------------------------------------------

    @override
    def get_metaclass_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self._guard.choose("get_metaclass_hook", fullname, self.django.get_metaclass_hook, _unchanged)

    @override
    def get_dynamic_class_hook(self, fullname: str) -> Callable[[DynamicClassDefContext], None] | None:
        return self._guard.choose("get_dynamic_class_hook", fullname, self.django.get_dynamic_class_hook, _unchanged)

    @override
    def get_class_decorator_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self._guard.choose(
            "get_class_decorator_hook", fullname, self.django.get_class_decorator_hook, _unchanged
        )

    @override
    def get_class_decorator_hook_2(self, fullname: str) -> Callable[[ClassDefContext], bool] | None:
        return self._guard.choose(
            "get_class_decorator_hook_2", fullname, self.django.get_class_decorator_hook_2, _unchanged
        )

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _info(self, fullname: str) -> TypeInfo | None:
        symbol = self.lookup_fully_qualified(fullname)
        return symbol.node if symbol is not None and isinstance(symbol.node, TypeInfo) else None


def _no_hook(fullname: str) -> None:
    """Stands for django-stubs where it has no hook."""


def _unchanged(fullname: str, inner: H | None) -> H | None:
    return inner


def plugin(version: str) -> type[Plugin]:
    """Return the plugin's class; `version` is mypy's."""
    return AdjPlugin
