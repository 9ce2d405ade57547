"""mypy's hooks, and who answers them. django-stubs' plugin is inside, and answers what is not adj's.

Topics are imported where a hook first needs one: `adj_mypy.topics` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

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

from adj_mypy import compat, dependencies, generic, queries, routing, signatures
from adj_mypy.call import QUERY, Call
from adj_mypy.options import read_options
from adj_mypy.project import Project, digest
from adj_mypy.sources import STALE, Sources

if TYPE_CHECKING:
    from adj_mypy.topics import Topic

T = TypeVar("T")

VERSION: Final = "1"
"""Part of mypy's cache; another number lets it check everything again."""

LOADED: Final = "adj.loaded.Loaded"
INNER: Final = "mypy_django_plugin.main"
OUTER: Final = "adj_mypy.plugin"
MODEL: Final = "django.db.models.base.Model"


class AdjPlugin(Plugin):
    """Asks django-stubs first, and adds what it does not know."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        if compat.is_before(options.plugins, INNER, OUTER):
            compat.exit_with_usage(f'"{OUTER}" has to stand before "{INNER}" in `plugins`; it contains that one.')
        own = read_options(options.config_file)
        self.django = compat.set_up_django(options)
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
        inner = self.django.get_additional_deps(file)
        return [*inner, (10, "adj.loaded", -1)] if file.fullname in self.project.modules else inner

    @override
    def report_config_data(self, ctx: ReportConfigContext) -> dict[str, Any]:
        return {
            **self.django.report_config_data(ctx),
            "adj": VERSION,
            "adj_options": self.project.options.as_data(),
            "adj_models": self.project.digests.get(ctx.id, ""),
        }

    # -- models --------------------------------------------------------------------------------------------------------

    @override
    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        if self._is_query(fullname):
            return queries.add_subclass
        hook = self.django.get_base_class_hook(fullname)
        return partial(self._process_class, hook) if hook is not None and self._is_model(fullname) else hook

    def _process_class(self, hook: Callable[[ClassDefContext], None], context: ClassDefContext) -> None:
        if self._tracked and context.cls.fullname in self.project.models:
            compat.without_error_of_generic_self(context.api, partial(hook, context))
        else:
            hook(context)
        module = context.cls.info.module_name
        if self.sources is not None and self.sources.has_changed(module):
            context.api.fail(STALE, compat.first_line())

    @override
    def get_customize_class_mro_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        hook = self.django.get_customize_class_mro_hook(fullname)
        if hook is not None or fullname not in self.project.models:
            return hook
        return partial(generic.make_generic, tracked=self._tracked, digest=digest(self.project.models[fullname]))

    @override
    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        if fullname == LOADED:
            return self._loaded
        hook = self.django.get_type_analyze_hook(fullname)
        if not self._tracked:
            return hook
        if hook is not None:
            inner = hook
            return lambda context: generic.bare_instance(inner(context))
        info = self._info(fullname) if fullname in self.project.models else None
        return None if info is None else partial(generic.bare_annotation, info)

    def _loaded(self, context: AnalyzeTypeContext) -> Type:
        from adj_mypy import contracts

        dependencies.of_annotation(self.project, context)
        return contracts.loaded(self.project, context)

    @override
    def get_class_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        hook = self.django.get_class_attribute_hook(fullname)
        owner, _, attribute = fullname.rpartition(".")
        if hook is not None or not self._tracked or owner not in self.project.owners:
            return hook
        if attribute in self.project.async_managers[owner]:
            return partial(self._async_manager, attribute)
        return generic.bare_attribute

    def _async_manager(self, attribute: str, context: AttributeContext) -> Type:
        from adj_mypy import managers

        declared = generic.bare_attribute(context)
        return self._guarded(lambda: managers.tracked(self.project, attribute, declared, context), declared)

    @override
    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        if fullname.startswith("adj."):
            from adj_mypy.topics import FUNCTIONS

            topic = FUNCTIONS.get(fullname)
            return None if topic is None else partial(self._answer, topic)
        if self._tracked and fullname in routing.CONSUMERS:
            return self._consume
        hook = self.django.get_function_hook(fullname)
        if hook is not None and self._is_query(fullname):
            # django-stubs makes `aobjects = AsyncManager()` one of `Self`, which mypy refuses where it is read.
            return None
        if self._tracked and hook is None and (fullname in self.project.names or fullname in routing.TAKES_MODEL):
            return generic.bare_call
        if hook is None or not self._tracked or fullname not in {*self.project.models, *routing.TAKES_MODEL}:
            return hook
        inner = hook
        return lambda context: generic.bare(inner(context))

    # -- rows and queries ----------------------------------------------------------------------------------------------

    @override
    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        hook = self.django.get_attribute_hook(fullname)
        owner, _, attribute = fullname.rpartition(".")
        if owner == generic.ANNOTATED_ROW:
            return partial(self._read_annotation, attribute)
        if not self._tracked or owner not in self.project.owners:
            return hook
        return partial(self._read, hook, attribute)

    def _read(self, hook: Callable[[AttributeContext], Type] | None, attribute: str, context: AttributeContext) -> Type:
        from adj_mypy import reading

        dependencies.of_row(self.project, context)
        known = context if hook is None else context._replace(default_attr_type=hook(context))
        return self._guarded(lambda: reading.read(self.project, attribute, known), known.default_attr_type)

    def _guarded(self, answer: Callable[[], T], otherwise: T) -> T:
        """An answer; mypy's own where the plugin meets what it does not expect."""
        try:
            return answer()
        except Exception:  # a plugin must never end mypy
            if self.project.options.debug:
                raise
            return otherwise

    def _read_annotation(self, attribute: str, context: AttributeContext) -> Type:
        from adj_mypy import reading

        return self._guarded(
            lambda: reading.read_annotation(self.project, attribute, context), context.default_attr_type
        )

    @override
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        owner, _, name = fullname.rpartition(".")
        topic = self._topic(owner, name)
        if topic is not None:
            return partial(self._answer, topic, name=name)
        if self._tracked and (owner.startswith("adj.") or self._is_query(owner)):
            return partial(self._taken, name)
        if self._tracked and name in routing.TAKEN and owner in routing.COLLECTIONS:
            return partial(self._taken, name)
        hook = self.django.get_method_hook(fullname)
        asked = None if hook is None else partial(self._ask_django, hook)
        if self._tracked and name == "all" and self._is_manager(owner):
            return partial(self._all_rows, asked)
        if self._tracked and name in routing.READS and self._is_manager(owner):
            return partial(self._read_rows, asked, name)
        return asked

    def _topic(self, owner: str, name: str) -> Topic | None:
        """What answers a method of a class, or of one that the project derives from a class of adj's."""
        if not self._is_adjs(owner) and not (name == routing.REFRESH and owner in self.project.owners):
            return None
        from adj_mypy.topics import METHODS, OTHERS

        if name in METHODS and self._is_query(owner):
            return METHODS[name]
        others = (topic for (base, method), topic in OTHERS.items() if method == name and self._has(owner, base))
        return next(others, None)

    def _ask_django(self, hook: Callable[[MethodContext], Type], context: MethodContext) -> Type:
        dependencies.of_call(self.project, context)
        return hook(context)

    @override
    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        if fullname == routing.LOAD:
            return signatures.rows_of_argument
        if fullname in signatures.CONDITIONS:
            return signatures.exact_keywords
        if signatures.takes_queries(self._info(fullname)):
            return signatures.nested_query
        return self.django.get_function_signature_hook(fullname)

    @override
    def get_method_signature_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        owner, _, name = fullname.rpartition(".")
        if name in signatures.OPERATORS and self._is_query(owner):
            return signatures.operator
        if owner.startswith("adj.") and self._topic(owner, name) is not None:
            return signatures.exact_keywords
        return self.django.get_method_signature_hook(fullname)

    def _taken(self, name: str, context: MethodContext) -> Type:
        """What a loop or an index takes from a collection."""
        return self._fitting(name, context, context.default_return_type)

    def _fitting(self, name: str, context: FunctionContext | MethodContext, result: Type) -> Type:
        """A result, as it fits the variable that it is assigned to."""
        from adj_mypy import reassigning

        api = compat.Api(context.api)
        return self._guarded(lambda: reassigning.fitting(self.project, api, context.context, name, result), result)

    def _read_rows(self, hook: Callable[[MethodContext], Type] | None, name: str, context: MethodContext) -> Type:
        """What django-stubs says of a method that asks the database, after a look at what it asks for."""
        from adj_mypy import sync_reads

        self._guarded(lambda: sync_reads.check_method(self.project, name, context), None)
        result = context.default_return_type if hook is None else hook(context)
        return self._fitting(name, context, result)

    def _all_rows(self, hook: Callable[[MethodContext], Type] | None, context: MethodContext) -> Type:
        """All rows of a relation."""
        from adj_mypy import sync_reads

        result = context.default_return_type if hook is None else hook(context)
        return self._guarded(lambda: sync_reads.rows_of(self.project, context, result), result)

    def _consume(self, context: FunctionContext) -> Type:
        """A function of Python's own that reads all of what it is given."""
        from adj_mypy import sync_reads

        self._guarded(lambda: sync_reads.check_arguments(self.project, context), None)
        return context.default_return_type

    def _answer(self, topic: Topic, context: FunctionContext | MethodContext, name: str = "") -> Type:
        """What a topic says; mypy's own answer where the plugin meets what it does not expect."""
        call = Call(self.project, context)
        dependencies.of_call(self.project, context)
        try:
            result = topic(call)
            return self._fitting(name, context, result) if self._tracked else result
        except Exception as error:  # a plugin must never end mypy
            call.fell_back(f"{type(error).__name__}: {error}", context.context)
            if self.project.options.debug:
                raise
            return context.default_return_type

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

    def _is_manager(self, fullname: str) -> bool:
        """Whether a class is one of Django's managers or QuerySets, or of a project's."""
        return any(self._has(fullname, base) for base in routing.MANAGERS)

    def _is_adjs(self, fullname: str) -> bool:
        """Whether a class is adj's, or one that the project derives from one of adj's."""
        if fullname.startswith("adj."):
            return True
        info = None if fullname.startswith(("builtins.", "typing.", "django.")) else self._info(fullname)
        return info is not None and any(base.fullname.startswith("adj.") for base in info.mro)

    def _is_query(self, fullname: str) -> bool:
        return self._has(fullname, QUERY)

    def _is_model(self, fullname: str) -> bool:
        return self._has(fullname, MODEL)

    def _has(self, fullname: str, base: str) -> bool:
        info = self._info(fullname)
        return info is not None and info.has_base(base)


def plugin(version: str) -> type[Plugin]:
    """Mypy's entry point; `version` is mypy's."""
    return AdjPlugin
