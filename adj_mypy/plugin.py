"""mypy's hooks, and which topic answers them. django-stubs' plugin is inside, and answers what is not adj's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

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

from adj_mypy import (
    compat,
    contracts,
    deferring,
    generic,
    instances,
    loading,
    lookups,
    managers,
    prefetching,
    reading,
    reassigning,
    rows,
    start,
    sync_reads,
)
from adj_mypy.call import QUERY, Call
from adj_mypy.compat import Api
from adj_mypy.options import read_options
from adj_mypy.project import Project

VERSION: Final = "1"
"""Part of mypy's cache; another number lets it check everything again."""

T = TypeVar("T")

Topic: TypeAlias = Callable[[Call], Type]

METHODS: Final[Mapping[str, Topic]] = {
    "filter": lookups.conditions,
    "exclude": lookups.conditions,
    "complex_filter": lookups.conditions,
    "aget": lookups.conditions,
    "aget_or_none": lookups.conditions,
    "afilter": lookups.conditions,
    "order_by": lookups.order_by,
    "distinct": lookups.columns,
    "aearliest": lookups.columns,
    "alatest": lookups.columns,
    "select_related": loading.select_related,
    "prefetch_related": loading.prefetch_related,
    "only": deferring.only,
    "defer": deferring.defer,
    "values": rows.values,
    "values_list": rows.values_list,
    "annotate": rows.annotate,
    "alias": rows.alias,
    "aaggregate": rows.aggregate,
}
"""The methods of a query that have a topic."""

ROW_METHODS: Final[Mapping[str, Topic]] = {
    "aload": instances.load_own,
    "arefresh_from_db": instances.refresh_own,
}
"""The methods of a row that have one."""

UNTRACKED: Final = frozenset({"acreate", "aget_or_create", "aupdate_or_create", "abulk_create", "raw"})
"""The methods whose rows carry what they were made of, which no type says."""

LOAD: Final = "adj.load.load"

FUNCTIONS: Final[Mapping[str, Topic]] = {
    "adj.facade.q": start.q,
    LOAD: instances.load,
    "adj.instances.refresh": instances.refresh,
    "adj.related.related": instances.related,
}
"""The functions that have one."""

TAKES_MODEL: Final = frozenset(
    f"django.shortcuts.{prefix}get_{what}_or_404" for prefix in ("", "a") for what in ("object", "list")
)
"""Functions of Django that give rows of a class."""

LOADED: Final = "adj.loaded.Loaded"
INNER: Final = "mypy_django_plugin.main"
OUTER: Final = "adj_mypy.plugin"
MODEL: Final = "django.db.models.base.Model"


def _as_declared(call: Call) -> Type:
    return call.result


class AdjPlugin(Plugin):
    """Asks django-stubs first, and adds what it does not know."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        if compat.is_before(options.plugins, INNER, OUTER):
            compat.exit_with_usage(f'"{OUTER}" has to stand before "{INNER}" in `plugins`; it contains that one.')
        self.django = compat.DjangoPlugin(options)
        self.project = Project(read_options(options.config_file), self.django)

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
        data = {
            **self.django.report_config_data(ctx),
            "adj": VERSION,
            "adj_options": self.project.options.as_data(),
        }
        # Libraries keep their cache when a model of the project changes.
        is_library = ctx.path.endswith(".pyi") or "site-packages" in ctx.path
        return data if is_library else {**data, "adj_models": self.project.digest}

    # -- models --------------------------------------------------------------------------------------------------------

    @override
    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        hook = self.django.get_base_class_hook(fullname)
        if hook is None or not self._has_base(fullname, MODEL):
            return hook

        def process(context: ClassDefContext) -> None:
            check = partial(hook, context)
            if self._tracked and context.cls.fullname in self.project.models:
                compat.without_error_of_generic_self(context.api, check)
            else:
                check()
            compat.mark_class_variables(context.cls.info, self.project.async_managers.get(context.cls.fullname, ()))

        return process

    @override
    def get_customize_class_mro_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        hook = self.django.get_customize_class_mro_hook(fullname)
        if hook is not None or fullname not in self.project.models:
            return hook
        return partial(generic.make_generic, tracked=self._tracked)

    @override
    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        if fullname == LOADED:
            return partial(contracts.loaded, self.project)
        hook = self.django.get_type_analyze_hook(fullname)
        if not self._tracked:
            return hook
        if hook is not None:
            inner = hook
            return lambda context: generic.bare_instance(inner(context))
        info = self._info(fullname) if fullname in self.project.models else None
        return None if info is None else partial(generic.bare_annotation, info)

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
        declared = generic.bare_attribute(context)
        return self._guarded(lambda: managers.tracked(self.project, attribute, declared, context), declared)

    @override
    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        topic = FUNCTIONS.get(fullname)
        if topic is not None:
            return partial(self._answer, topic)
        if self._tracked and fullname in sync_reads.CONSUMERS:
            return self._consume
        hook = self.django.get_function_hook(fullname)
        if self._tracked and hook is None and (fullname in self.project.names or fullname in TAKES_MODEL):
            return generic.bare_call
        if hook is None or not self._tracked or not (fullname in self.project.models or fullname in TAKES_MODEL):
            return hook
        inner = hook
        return lambda context: generic.unbound(inner(context))

    # -- rows and queries ----------------------------------------------------------------------------------------------

    @override
    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        hook = self.django.get_attribute_hook(fullname)
        owner, _, attribute = fullname.rpartition(".")
        if owner == generic.ANNOTATED_ROW:
            return lambda context: self._guarded(
                lambda: reading.read_annotation(self.project, attribute, context), context.default_attr_type
            )
        if not self._tracked or owner not in self.project.owners:
            return hook
        return partial(self._read, hook, attribute)

    def _read(self, hook: Callable[[AttributeContext], Type] | None, attribute: str, context: AttributeContext) -> Type:
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

    @override
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        owner, _, name = fullname.rpartition(".")
        if self._tracked and name in ROW_METHODS and owner in self.project.owners:
            return partial(self._answer, ROW_METHODS[name], name=name)
        if owner.startswith("adj.") or (name in METHODS and self._has_base(owner, QUERY)):
            topic = METHODS.get(name, _as_declared)
            if name in UNTRACKED:
                topic = partial(instances.untracked, topic)
            return partial(self._answer, topic, name=name)
        if self._tracked and name in reassigning.TAKEN and owner in reassigning.COLLECTIONS:
            return partial(self._taken, name)
        hook = self.django.get_method_hook(fullname)
        if self._tracked and name == "all" and self._is_manager(owner):
            return partial(self._all_rows, hook)
        if self._tracked and name in sync_reads.READS and self._is_manager(owner):
            return partial(self._read_rows, hook, name)
        return hook

    def _taken(self, name: str, context: MethodContext) -> Type:
        """What a loop or an index takes from a collection."""
        result = context.default_return_type
        return self._guarded(
            lambda: reassigning.fitting(self.project, Api(context.api), context.context, name, result), result
        )

    def _read_rows(self, hook: Callable[[MethodContext], Type] | None, name: str, context: MethodContext) -> Type:
        """What django-stubs says of a method that asks the database, after a look at what it asks for."""
        self._guarded(lambda: sync_reads.check_method(self.project, name, context), None)
        result = context.default_return_type if hook is None else hook(context)
        return self._guarded(
            lambda: reassigning.fitting(self.project, Api(context.api), context.context, name, result), result
        )

    def _all_rows(self, hook: Callable[[MethodContext], Type] | None, context: MethodContext) -> Type:
        """All rows of a relation."""
        result = context.default_return_type if hook is None else hook(context)
        return self._guarded(lambda: sync_reads.rows_of(self.project, context, result), result)

    def _consume(self, context: FunctionContext) -> Type:
        """A function of Python's own that reads all of what it is given."""
        self._guarded(lambda: sync_reads.check_arguments(self.project, context), None)
        return context.default_return_type

    def _answer(self, topic: Topic, context: FunctionContext | MethodContext, name: str = "") -> Type:
        """What a topic says; mypy's own answer where the plugin meets what it does not expect."""
        call = Call(self.project, context)
        try:
            result = topic(call)
            if not self._tracked:
                return result
            return reassigning.fitting(self.project, call.api, context.context, name, result)
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
    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        hook = self.django.get_function_signature_hook(fullname)
        if hook is None and fullname == prefetching.PREFETCH:
            return partial(self._signature, prefetching.accept_queries)
        if hook is None and fullname == LOAD:
            return partial(self._signature, instances.load_signature)
        return hook

    def _signature(
        self, signature: Callable[[FunctionSigContext], FunctionLike], context: FunctionSigContext
    ) -> FunctionLike:
        otherwise: FunctionLike = context.default_signature
        return self._guarded(lambda: signature(context), otherwise)

    @override
    def get_method_signature_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        return self.django.get_method_signature_hook(fullname)

    @override
    def get_class_decorator_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self.django.get_class_decorator_hook(fullname)

    @override
    def get_class_decorator_hook_2(self, fullname: str) -> Callable[[ClassDefContext], bool] | None:
        return self.django.get_class_decorator_hook_2(fullname)

    # -- helpers -------------------------------------------------------------------------------------------------------

    @property
    def _tracked(self) -> bool:
        return self.project.options.loaded_relations

    def _info(self, fullname: str) -> TypeInfo | None:
        symbol = self.lookup_fully_qualified(fullname)
        return symbol.node if symbol is not None and isinstance(symbol.node, TypeInfo) else None

    def _is_manager(self, fullname: str) -> bool:
        """Whether a class is one of Django's managers or QuerySets, or of a project's."""
        return any(self._has_base(fullname, base) for base in sync_reads.MANAGERS)

    def _has_base(self, fullname: str, base: str) -> bool:
        info = self._info(fullname)
        return info is not None and info.has_base(base)


def plugin(version: str) -> type[Plugin]:
    """Mypy's entry point; `version` is mypy's."""
    return AdjPlugin
