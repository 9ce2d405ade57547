"""The hooks of the type checker: which handler a call or attribute has.

The plugin imports this module late: `adj_mypy.hooks.handlers` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Final, TypeAlias

from mypy.nodes import TypeInfo
from mypy.plugin import AttributeContext, FunctionContext, FunctionSigContext, MethodContext, MethodSigContext
from mypy.types import FunctionLike, Instance, Type, UninhabitedType, get_proper_type

from adj_mypy.boundary import generic
from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.types import has_base
from adj_mypy.calls import bound, methods, misused, signatures, start
from adj_mypy.calls.call import Call
from adj_mypy.calls.declared_dicts import as_expected
from adj_mypy.hooks.handlers import FUNCTIONS, METHODS, OTHERS, Handler
from adj_mypy.models import dependencies
from adj_mypy.models.project import Project
from adj_mypy.row_state import collecting, managers, reading, reassigning, sync_reads
from adj_mypy.row_state.row_types import without_aliases
from adj_mypy.rows import load, queryset_methods

Lookup: TypeAlias = Callable[[str], TypeInfo | None]
OfAttribute: TypeAlias = Callable[[AttributeContext], Type]
OfFunction: TypeAlias = Callable[[FunctionContext], Type]
OfMethod: TypeAlias = Callable[[MethodContext], Type]
OfFunctionSignature: TypeAlias = Callable[[FunctionSigContext], FunctionLike]
OfMethodSignature: TypeAlias = Callable[[MethodSigContext], FunctionLike]

_SIGNATURES: Final[Mapping[str, OfFunctionSignature]] = {
    "adj.query.load.load": load.load_signature,
    "adj.query.entry.q": start.q_signature,
}

NAMES: Final = frozenset(
    {*METHODS, *OTHERS, *reassigning.ITEM_METHODS, *collecting.ADDING, *collecting.UNITING, *sync_reads.READS, "all"}
)
"""The names of methods with a hook; mypy asks for every call of every class."""

REFUSED: Final = frozenset({*misused.REFUSED, misused.ITERATION})
"""Attributes of a QuerySet that a query does not have."""

TAKES_MODEL: Final = frozenset(
    f"django.shortcuts.{prefix}get_{what}_or_404" for prefix in ("", "a") for what in ("object", "list")
)
"""Django's functions that return rows of a model's class."""


class Checking:
    """Adds adj's hooks to those of django-stubs, which each method gets as `inner`."""

    def __init__(self, project: Project, info: Lookup) -> None:
        self.project, self._info = project, info
        self._tracked = project.options.loaded_relations

    # -- attributes ----------------------------------------------------------------------------------------------------

    def class_attribute(self, fullname: str, inner: OfAttribute | None) -> OfAttribute | None:
        """`Book.objects`."""
        owner, _, attribute = fullname.rpartition(".")
        if inner is not None or not self._tracked or owner not in self.project.owners:
            return inner
        if attribute in self.project.async_managers[owner]:
            return partial(self._async_manager, attribute)
        return generic.bare_attribute

    def _async_manager(self, attribute: str, context: AttributeContext) -> Type:
        return managers.tracked(self.project, attribute, generic.bare_attribute(context), context)

    def attribute(self, fullname: str, inner: OfAttribute | None) -> OfAttribute | None:
        """`book.author`."""
        owner, _, attribute = fullname.rpartition(".")
        if owner not in self._owners:
            return inner
        if owner == QUERY:
            return partial(self._refused, attribute) if attribute in REFUSED else inner
        if owner == generic.ANNOTATED_ROW:
            return partial(reading.read_annotation, self.project, attribute)
        if owner in queryset_methods.FROM_QUERYSET:
            return partial(queryset_methods.read, attribute)
        return partial(self._read, inner, attribute)

    @cached_property
    def _owners(self) -> frozenset[str]:
        """The classes whose attributes have a hook; mypy asks for every attribute of every class."""
        rows = self.project.owners if self._tracked else frozenset[str]()
        return rows | queryset_methods.FROM_QUERYSET | {generic.ANNOTATED_ROW, QUERY}

    def _refused(self, attribute: str, context: AttributeContext) -> Type:
        """An attribute of a QuerySet that a query has only if the project's QuerySet class defines it."""
        own = queryset_methods.own(attribute, context)
        return misused.read(attribute, context) if own is None else own

    def _read(self, inner: OfAttribute | None, attribute: str, context: AttributeContext) -> Type:
        dependencies.of_row(self.project, context)
        known = context if inner is None else context._replace(default_attr_type=inner(context))
        return reading.read(self.project, attribute, known)

    # -- functions -----------------------------------------------------------------------------------------------------

    def function(self, fullname: str, inner: OfFunction | None) -> OfFunction | None:
        """`q(Book)`, `load(book, "author")`, `Book(...)`, `list(book.tags.all())`."""
        handler = FUNCTIONS.get(fullname)
        if handler is not None:
            return partial(self._answer_function, handler)
        if inner is not None and has_base(self._info(fullname), QUERY):
            # django-stubs types `aobjects = AsyncManager()` with `Self`, which mypy rejects where it is read.
            return None
        if inner is None and "." not in fullname and fullname not in self.project.names:
            return self._local
        if not self._tracked:
            return inner
        if fullname in sync_reads.CONSUMERS:
            return self._consume
        takes_model = fullname in self.project.models or fullname in TAKES_MODEL
        if inner is None:
            return generic.bare_call if takes_model or fullname in self.project.names else None
        return (lambda context: generic.unbound(inner(context))) if takes_model else inner

    def _answer_function(self, handler: Handler, context: FunctionContext) -> Type:
        result = context.default_return_type
        # mypy calls the hook for every overload that it tries, also for those that do not match.
        return result if _is_of_never(result) else self._answer(handler, context)

    def _local(self, context: FunctionContext) -> Type:
        """A local variable, which may hold a method of a query: `find = q(Book).filter`."""
        method = methods.method_of_variable(self.project, context)
        if method is None or method.name not in METHODS:
            return context.default_return_type
        return self._answer(METHODS[method.name], method.context, name=method.name)

    def _consume(self, context: FunctionContext) -> Type:
        """A builtin that iterates over its arguments."""
        sync_reads.check_arguments(self.project, context)
        return context.default_return_type

    def function_signature(self, fullname: str, inner: OfFunctionSignature | None) -> OfFunctionSignature | None:
        """The signature of a function."""
        if fullname in signatures.CONDITIONS:
            return signatures.exact_keywords
        if self.project.remembered(fullname, lambda: signatures.takes_queries(self._info(fullname))):
            return signatures.nested_query
        return _SIGNATURES.get(fullname, inner)

    # -- methods -------------------------------------------------------------------------------------------------------

    def method(self, fullname: str, inner: OfMethod | None) -> OfMethod | None:
        """`query.filter(...)`, `book.aload("author")`, `book.tags.all()`, and iteration over collections."""
        owner, _, name = fullname.rpartition(".")
        if name not in NAMES and not owner.startswith("adj."):
            return None if inner is None else partial(self._ask_django, inner)
        if self._tracked and name in collecting.ADDING and owner in collecting.COLLECTIONS:
            return partial(collecting.added, self.project, name)
        if self._tracked and name in collecting.UNITING and owner in collecting.COLLECTIONS:
            return partial(collecting.united, self.project)
        if owner in reassigning.COLLECTIONS:
            return partial(self._taken, name) if self._tracked and name in reassigning.ITEM_METHODS else inner
        handler = self._handler(owner, name)
        if handler is not None:
            return partial(self._answer, handler, name=name)
        if self._tracked and name == "all" and self._is_manager(owner):
            return partial(self._all_rows, inner)
        if self._tracked and name in sync_reads.READS and self._is_manager(owner):
            return partial(self._read_rows, inner, name)
        return None if inner is None else partial(self._ask_django, inner)

    def _handler(self, owner: str, name: str) -> Handler | None:
        """Return the handler of a method, also for a project's subclasses."""
        if name in METHODS and (owner == QUERY or has_base(self._info(owner), QUERY)):
            return METHODS[name]
        for base, handler in OTHERS.get(name, {}).items():
            if has_base(self._info(owner), base):
                return handler
        return _as_declared if owner.startswith("adj.") else None

    def method_signature(self, fullname: str, inner: OfMethodSignature | None) -> OfMethodSignature | None:
        """The signature of a method."""
        owner, _, name = fullname.rpartition(".")
        if name in signatures.OPERATORS and has_base(self._info(owner), QUERY):
            return signatures.operator
        if owner.startswith("adj.") and name in METHODS:
            return signatures.exact_keywords
        if name in collecting.TAKING and owner in collecting.COLLECTIONS:
            return partial(collecting.signature, self.project)
        return inner

    def _taken(self, name: str, context: MethodContext) -> Type:
        """The item of a collection in a loop or by index."""
        return self._fitting(name, context, context.default_return_type)

    def _read_rows(self, inner: OfMethod | None, name: str, context: MethodContext) -> Type:
        """A method that queries the database synchronously."""
        sync_reads.check_method(self.project, name, context)
        return self._fitting(name, context, self._asked(inner, context))

    def _all_rows(self, inner: OfMethod | None, context: MethodContext) -> Type:
        """`book.tags.all()`."""
        return sync_reads.rows_of(self.project, context, self._asked(inner, context))

    def _asked(self, inner: OfMethod | None, context: MethodContext) -> Type:
        return context.default_return_type if inner is None else self._ask_django(inner, context)

    def _ask_django(self, inner: OfMethod, context: MethodContext) -> Type:
        dependencies.of_call(self.project, context)
        return inner(context)

    def _fitting(self, name: str, context: MethodContext, result: Type) -> Type:
        return reassigning.fitting(self.project, Api(context.api), context.context, name, result)

    # -- answers -------------------------------------------------------------------------------------------------------

    def _answer(self, handler: Handler, context: FunctionContext | MethodContext, name: str = "") -> Type:
        """Return a handler's result, with rows that fit the context of the call."""
        call = Call(self.project, context, name)
        if isinstance(context, MethodContext):
            dependencies.of_call(self.project, context)
        several = bound.answer(call, handler)
        result = misused.checked(call, as_expected(call, handler(call) if several is None else several))
        if not self._tracked:
            return without_aliases(self.project, call.api, result)
        return reassigning.fitting(self.project, call.api, context.context, name, result)

    def _is_manager(self, fullname: str) -> bool:
        """Return whether a class is a manager or QuerySet, or inherits from one."""
        info = self._info(fullname)
        return info is not None and any(map(info.has_base, sync_reads.MANAGERS))


def _is_of_never(result: Type) -> bool:
    """Return whether mypy could not infer a type variable of a result."""
    proper = get_proper_type(result)
    if not isinstance(proper, Instance) or not proper.args:
        return False
    return isinstance(get_proper_type(proper.args[0]), UninhabitedType)


def _as_declared(call: Call) -> Type:
    return call.result
