"""mypy's hooks, and which topic answers them. django-stubs' plugin is inside, and answers what is not adj's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

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
    annotating,
    assignments,
    compat,
    contracts,
    finishing,
    generic,
    loading,
    lookups,
    names,
    queries,
    reading,
    relating,
    rows,
    signatures,
    start,
)
from adj_mypy.call import QUERY, Call
from adj_mypy.options import read_options
from adj_mypy.project import Project

VERSION: Final = "1"
"""Part of mypy's cache; another number lets it check everything again."""

Topic: TypeAlias = Callable[[Call], Type]


def after(check: Topic, topic: Topic) -> Topic:
    """A topic that types what another one checks."""

    def both(call: Call) -> Type:
        check(call)
        return topic(call)

    return both


METHODS: Final[Mapping[str, Topic]] = {
    "filter": lookups.filtered,
    "exclude": lookups.filtered,
    "complex_filter": lookups.complex_filter,
    "aget": lookups.filtered,
    "aget_or_none": lookups.filtered,
    "afilter": lookups.filtered,
    "order_by": lookups.order_by,
    "distinct": lookups.columns,
    "aearliest": lookups.columns,
    "alatest": lookups.columns,
    "select_for_update": names.locks,
    "abulk_update": names.bulk_update,
    "abulk_create": names.bulk_create,
    "acopy": names.copy,
    "aupdate": assignments.update,
    "aadd": relating.add,
    "aremove": relating.remove,
    "aset": relating.replace,
    "select_related": loading.select_related,
    "prefetch_related": loading.prefetch_related,
    "only": loading.only,
    "defer": loading.defer,
    "values": lookups.with_conditions(rows.values),
    "values_list": lookups.with_conditions(rows.values_list),
    "dates": after(names.order_of_dates, rows.dates),
    "datetimes": after(names.order_of_dates, rows.datetimes),
    "union": rows.combined,
    "intersection": rows.combined,
    "difference": rows.combined,
    "annotate": lookups.with_conditions(annotating.annotate),
    "alias": lookups.with_conditions(annotating.alias),
    "extra": annotating.extra,
    "of": queries.of,
    **dict.fromkeys(("reverse", "none", "using", "timeout", "__getitem__"), queries.unchanged),
    "run": finishing.run,
    "arun": finishing.run,
    "aall": finishing.run,
    "aaggregate": lookups.with_conditions(finishing.aggregate),
    "ain_bulk": after(names.keys, finishing.in_bulk),
    "returning": after(names.returning, finishing.returning),
    "raw": finishing.raw,
    "acreate": after(assignments.create, finishing.written),
    "aget_or_create": after(assignments.get_or_create, finishing.written),
    "aupdate_or_create": after(assignments.update_or_create, finishing.written),
}
"""The methods of a query that have a topic."""

OTHERS: Final[Mapping[tuple[str, str], Topic]] = {
    ("adj.writes.ReturningQuery", "aupdate"): assignments.update,
    ("adj.models.AsyncModel", "arefresh_from_db"): names.refresh,
}
"""Methods of other classes that have one."""

FUNCTIONS: Final[Mapping[str, Topic]] = {
    "adj.facade.q": start.q,
    "adj.instances.save": names.save,
    "adj.instances.refresh": names.refresh,
    relating.RELATED: relating.related,
    "adj.shortcuts.get_object_or_404": lookups.shortcut,
    "adj.shortcuts.get_list_or_404": lookups.shortcut,
}
"""The functions that have one."""

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
        if self._is_query(fullname):
            return queries.add_subclass
        hook = self.django.get_base_class_hook(fullname)
        if hook is None or not self._tracked or not self._is_model(fullname):
            return hook

        def process(context: ClassDefContext) -> None:
            check = partial(hook, context)
            if context.cls.fullname in self.project.models:
                compat.without_error_of_generic_self(context.api, check)
            else:
                check()

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
        owner = fullname.rpartition(".")[0]
        if hook is not None or not self._tracked or owner not in self.project.owners:
            return hook
        return generic.bare_attribute

    @override
    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        topic = FUNCTIONS.get(fullname)
        if topic is not None:
            return partial(self._answer, topic)
        hook = self.django.get_function_hook(fullname)
        if hook is not None and self._is_query(fullname):
            # django-stubs makes `aobjects = AsyncManager()` one of `Self`, which mypy refuses where it is read.
            return None
        if hook is None or not self._tracked or fullname not in self.project.models:
            return hook
        inner = hook
        return lambda context: generic.bare(inner(context))

    # -- rows and queries ----------------------------------------------------------------------------------------------

    @override
    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        hook = self.django.get_attribute_hook(fullname)
        owner, _, attribute = fullname.rpartition(".")
        if owner == generic.ANNOTATED_ROW:
            return partial(reading.read_annotation, self.project, attribute)
        if not self._tracked or owner not in self.project.owners:
            return hook
        return partial(self._read, hook, attribute)

    def _read(self, hook: Callable[[AttributeContext], Type] | None, attribute: str, context: AttributeContext) -> Type:
        known = context if hook is None else context._replace(default_attr_type=hook(context))
        return reading.read(self.project, attribute, known)

    @override
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        owner, _, name = fullname.rpartition(".")
        topic = METHODS.get(name)
        if topic is None or not self._is_query(owner):
            others = (each for (base, method), each in OTHERS.items() if method == name and self._has(owner, base))
            topic = next(others, None)
        if topic is not None:
            return partial(self._answer, topic)
        return self.django.get_method_hook(fullname)

    @override
    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
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
        if owner.startswith("adj.") and name in METHODS:
            return signatures.exact_keywords
        return self.django.get_method_signature_hook(fullname)

    def _answer(self, topic: Topic, context: FunctionContext | MethodContext) -> Type:
        """What a topic says; mypy's own answer where the plugin meets what it does not expect."""
        call = Call(self.project, context)
        try:
            return topic(call)
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

    @property
    def _tracked(self) -> bool:
        return self.project.options.loaded_relations

    def _info(self, fullname: str) -> TypeInfo | None:
        symbol = self.lookup_fully_qualified(fullname)
        return symbol.node if symbol is not None and isinstance(symbol.node, TypeInfo) else None

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
