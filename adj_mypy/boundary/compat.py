"""The only module that touches what mypy and django-stubs do not promise to keep.

Of mypy: `mypy.main.CapturableArgumentParser`, `TypeChecker` behind the plugin's interface (`lookup_type`, `binder`,
`scope`, `modules`, `module_refs`, `expr_checker`, `msg.filter_errors`), `SemanticAnalyzer` behind the semantic one
(`cur_mod_node`), `Errors.error_info_map`, `ExtraAttrs`, an `Instance` with fewer arguments than its class has
variables, the message `CLASS_VAR_WITH_GENERIC_SELF`, `literal_hash`.

Of django-stubs: `mypy_django_plugin.main.NewSemanalDjangoPlugin` and its `django_context.apps_registry`, the type
arguments of `Field[_ST, _GT]`, `typecheck_model_init` through the plugin's own hook, the suffix `@AnnotatedWith`.
"""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast

from mypy import message_registry
from mypy.checker import TypeChecker
from mypy.errorcodes import ErrorCode
from mypy.literals import literal_hash
from mypy.lookup import lookup_fully_qualified
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import (
    Context,
    Expression,
    FuncDef,
    FuncItem,
    MypyFile,
    Node,
    TypeInfo,
    Var,
)
from mypy.options import Options
from mypy.plugin import AnalyzeTypeContext, CheckerPluginInterface, FunctionContext, MethodContext
from mypy.semanal import SemanticAnalyzer
from mypy.subtypes import is_subtype
from mypy.types import (
    AnyType,
    CallableType,
    ExtraAttrs,
    Instance,
    Type,
    TypedDictType,
    TypeOfAny,
    get_proper_type,
)

try:
    from mypy_django_plugin.main import NewSemanalDjangoPlugin
except ImportError as error:
    raise ImportError(f'it contains the plugin of django-stubs: pip install "adj[mypy]" ({error})') from error

FIELD = "django.db.models.fields.Field"
ANNOTATED_WITH = "@AnnotatedWith"

_LIBRARIES = (*{sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")}, str(Path(__file__).parents[1]))

DjangoPlugin: TypeAlias = NewSemanalDjangoPlugin


def any_type() -> AnyType:
    """What is known of nothing; it raises no error in projects that forbid `Any`."""
    return AnyType(TypeOfAny.special_form)


def erroneous() -> AnyType:
    """The type of what was reported already."""
    return AnyType(TypeOfAny.from_error)


def exit_with_usage(message: str) -> NoReturn:
    """End mypy as it ends for a configuration that it cannot read: status 2, message on stderr."""
    from mypy.main import CapturableArgumentParser  # only where mypy ends

    CapturableArgumentParser(prog="(adj) mypy", usage="see the documentation of adj's plugin").error(message)
    raise AssertionError("the parser of arguments ends the program")


def set_up_django(options: Options) -> DjangoPlugin:
    """django-stubs' plugin, which loads the project's settings and models. Ends mypy with a message if it cannot."""
    try:
        return NewSemanalDjangoPlugin(options)
    except Exception as error:  # noqa: BLE001  # whatever the project's modules raise when they are imported
        exit_with_usage(
            f"Django could not load the project: {type(error).__name__}: {_text_of(error)}{_place_of(error)}"
        )


def _text_of(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


def _place_of(error: Exception) -> str:
    """Where the project's own code has failed: the last place that is not a library's."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    own = [place for place in places if not place.startswith((*_LIBRARIES, "<"))]
    return f" ({own[-1]})" if own else ""


def registered_models(plugin: DjangoPlugin) -> Iterable[type[Any]]:
    """The models that Django knows after its setup, swapped ones and automatic through models included."""
    registry: Any = plugin.django_context.apps_registry
    return cast("Iterable[type[Any]]", registry.get_models(include_auto_created=True, include_swapped=True))


class Api:
    """What topics need of the checker, and for annotations of the semantic analyzer: the same few calls on either."""

    def __init__(self, api: Any) -> None:
        self._api = api

    @property
    def options(self) -> Any:
        """Mypy's options."""
        return self._api.options

    @property
    def is_checker(self) -> bool:
        """Whether types of expressions are known."""
        return isinstance(self._api, TypeChecker)

    def named(self, fullname: str, args: list[Type] | None = None) -> Instance:
        """An instance of a class, by its full name."""
        info = self.info(fullname)
        if info is not None:
            # The checker's own way knows no class of a module that its package does not import.
            return Instance(info, args or [any_type() for _ in info.defn.type_vars])
        if isinstance(self._api, SemanticAnalyzer):
            return self._api.named_type(fullname, args)
        checker: CheckerPluginInterface = self._api
        return checker.named_generic_type(fullname, args or [])

    def fail(self, message: str, context: Context, code: ErrorCode) -> None:
        """Report an error."""
        self._api.fail(message, context, code=code)

    def note(self, message: str, context: Context) -> None:
        """Report a note."""
        self._api.note(message, context)

    def defer(self) -> bool:
        """Ask for another pass of semantic analysis; False if there is none any more."""
        if self._api.final_iteration:
            return False
        self._api.defer()
        return True

    def info(self, fullname: str) -> TypeInfo | None:
        """A class that mypy has seen, by its full name."""
        symbol = lookup_fully_qualified(fullname, self._api.modules, raise_on_missing=False)
        return symbol.node if symbol is not None and isinstance(symbol.node, TypeInfo) else None

    def type_of(self, expression: Expression) -> Type | None:
        """The type that the checker has found for an expression within the call that is being checked."""
        if not isinstance(self._api, TypeChecker) or not self._api.has_type(expression):
            return None
        return self._api.lookup_type(expression)

    def functions(self) -> list[FuncItem]:
        """The functions around the code that is being checked, the outermost first."""
        stack = self._api.scope.stack if isinstance(self._api, TypeChecker) else []
        return [node for node in stack if isinstance(node, FuncItem)]

    def surroundings(self) -> tuple[Node, object]:
        """The outermost function around the code that is being checked, or its module, and the body of this."""
        stack = self._api.scope.stack
        for node in stack:
            if isinstance(node, FuncItem):
                return node, getattr(node, "body", None)
        return stack[0], id(stack[0].defs)

    def home(self) -> tuple[Node, object]:
        """The class around the method that is being checked, else what `surroundings()` gives; and its body."""
        stack = self._api.scope.stack
        info = next((node for node in stack if isinstance(node, TypeInfo)), None)
        return self.surroundings() if info is None else (info.defn, info.defn.defs)

    def type_alone(self, expression: Expression) -> Type:
        """The type of an expression that is wanted nowhere: as an argument of type `object` it is often no more."""
        checker = cast("TypeChecker", self._api)
        with checker.msg.filter_errors():
            return checker.expr_checker.accept(expression)

    def is_assigned(self, expression: Context) -> bool:
        """Whether an attribute such as `book.author` was assigned earlier in this flow."""
        key = literal_hash(cast("Expression", expression))
        frames = cast("TypeChecker", self._api).binder.frames if self.is_checker else []
        return key is not None and any(key in frame.types for frame in frames)

    def refer_to(self, modules: Collection[str]) -> None:
        """Let mypy check the module at hand again whenever the interface of one of these has changed.

        Before mypy 2 only the checker can do so; it is the one difference between versions that matters here.
        """
        tree: Any = self._api if self.is_checker else self._api.cur_mod_node
        if hasattr(tree, "module_refs"):
            tree.module_refs.update(modules)

    def member(self, instance: Instance, name: str, context: Context) -> Type:
        """The type of an attribute of an instance, as reading it gives it."""
        checker = cast("TypeChecker", self._api)
        return checker.expr_checker.analyze_external_member_access(name, instance, context)

    def coroutine(self, returned: Type) -> Instance:
        """What calling a coroutine function gives."""
        return self.named("typing.Coroutine", [any_type(), any_type(), returned])

    def module(self) -> MypyFile:
        """The module that is being checked."""
        return cast("MypyFile", cast("TypeChecker", self._api).scope.stack[0])

    def narrow(self, expression: Expression, to: Type) -> None:
        """Let a variable have another type from here on, as after `isinstance()`."""
        if isinstance(self._api, TypeChecker) and literal_hash(expression) is not None:
            self._api.binder.put(expression, to)

    def typed_dict(
        self, items: Mapping[str, Type], *, readonly: bool = False, optional: Collection[str] = ()
    ) -> TypedDictType:
        """A TypedDict without a name, whose keys are all there but the optional ones."""
        keys = set(items)
        fallback = self.named("typing._TypedDict")
        return TypedDictType(dict(items), keys - set(optional), set(keys) if readonly else set(), fallback)


def analyzer(context: AnalyzeTypeContext) -> object:
    """The semantic analyzer behind what a hook for annotations is given."""
    return cast("Any", context.api).api


def declared_types(info: TypeInfo, attribute: str) -> tuple[Type, Type] | None:
    """What may be assigned to a field's attribute of a model, and what reading it gives: `Field[_ST, _GT]`."""
    symbol = info.get(attribute)
    node = symbol.node if symbol is not None else None
    typ = get_proper_type(node.type) if isinstance(node, Var) and node.type is not None else None
    if not isinstance(typ, Instance):
        return None if typ is None else (typ, typ)
    return field_arguments(typ) if typ.type.has_base(FIELD) else (typ, typ)


def returned_type(info: TypeInfo, method: str) -> Type | None:
    """What a method is annotated to return."""
    symbol = info.names.get(method)
    node = symbol.node if symbol is not None else None
    typ = get_proper_type(node.type) if isinstance(node, FuncDef) else None
    return typ.ret_type if isinstance(typ, CallableType) else None


def field_arguments(field: Instance) -> tuple[Type, Type] | None:
    """The two arguments of a field's type."""
    mapped = map_to_base(field, FIELD)
    arguments = () if mapped is None else mapped.args
    return (arguments[0], arguments[1]) if len(arguments) == 2 else None


def has_base(info: TypeInfo | None, fullname: str) -> bool:
    """Whether a class is known, and is another one or inherits from it."""
    return info is not None and info.has_base(fullname)


def map_to_base(instance: Instance, fullname: str) -> Instance | None:
    """An instance as one of a class that it inherits from."""
    if instance.type.fullname == fullname:
        return instance
    if not instance.type.has_base(fullname):
        return None
    base = next(base for base in instance.type.mro if base.fullname == fullname)
    return map_instance_to_supertype(instance, base)


def without_error_of_generic_self(api: object, check: Callable[[], None]) -> None:
    """Run django-stubs' hook on a model, and take back what mypy says of `objects: ClassVar[Manager[Self]]`.

    mypy refuses `Self` in a class variable of a generic class. The models are generic for the sake of the plugin alone;
    the project's own class is not.
    """
    check()
    errors = cast("SemanticAnalyzer", api).errors
    text = getattr(message_registry.CLASS_VAR_WITH_GENERIC_SELF, "value", message_registry.CLASS_VAR_WITH_GENERIC_SELF)
    found = errors.error_info_map.get(errors.file, [])
    kept = [error for error in found if error.message != text]
    if len(kept) != len(found):
        errors.error_info_map[errors.file] = kept


def with_attributes(query: Type) -> Type:
    """A query whose rows are django-stubs' `Book@AnnotatedWith[...]`, with the attributes that mypy has lost."""
    proper = get_proper_type(query)
    if not isinstance(proper, Instance) or not any(map(_lacks_attributes, proper.args)):
        return query
    return proper.copy_modified(args=[_restored(argument) for argument in proper.args])


def _lacks_attributes(typ: Type) -> bool:
    proper = get_proper_type(typ)
    return isinstance(proper, Instance) and proper.extra_attrs is None and ANNOTATED_WITH in proper.type.name


def _restored(typ: Type) -> Type:
    proper = get_proper_type(typ)
    if not isinstance(proper, Instance) or not proper.args or not _lacks_attributes(proper):
        return typ
    known = get_proper_type(proper.args[-1])
    attributes = dict(known.items) if isinstance(known, TypedDictType) else {}
    restored = proper.copy_modified()
    restored.extra_attrs = ExtraAttrs(attributes, immutable=set())
    return restored


def wanted_type(context: FunctionContext | MethodContext) -> Type | None:
    """The type that a call has to give; None where anything is right."""
    contexts = context.api.type_context
    return contexts[-1] if contexts else None


def wanted_item(context: FunctionContext | MethodContext, fullname: str) -> Type | None:
    """The argument of `list[...]`, if that is what awaiting this call has to give: it is returned, or handed over."""
    wanted = get_proper_type(wanted_type(context))
    is_awaited = isinstance(wanted, Instance) and wanted.type.fullname == "typing.Awaitable" and len(wanted.args) == 1
    found = get_proper_type(cast("Instance", wanted).args[0]) if is_awaited else None
    is_found = isinstance(found, Instance) and found.type.fullname == fullname and len(found.args) == 1
    return get_proper_type(cast("Instance", found).args[0]) if is_found else None


def is_part(typ: Type, of: Type) -> bool:
    """Whether every value of a type is one of another."""
    return is_subtype(typ, of)


def first_line() -> Context:
    """The place of what concerns a whole file. mypy prints what is reported twice at one place once."""
    return Context(line=1, column=0)


def is_before(plugins: list[str], first: str, second: str) -> bool:
    """Whether one plugin stands before another in mypy's configuration."""
    names = [spec.partition(":")[0] for spec in plugins]
    return first in names and second in names and names.index(first) < names.index(second)
