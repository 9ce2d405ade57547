"""Make models generic for mypy, and keep that out of its messages.

`Book` gets the type variable `adj.loaded.RowState_co`. Where a project names the model, the plugin returns the form
without an argument: it is compatible with every state, holds no `Any`, and prints as `Book`.

Private API of mypy used here: an `Instance` with fewer arguments than its class has variables, `mypy.semanal`
(`SemanticAnalyzer.defer`, `modules`, `errors.error_info_map`), `mypy.typeanal`
(`TypeAnalyser.analyze_type_with_type_info`), `mypy.type_visitor`, `mypy.message_registry`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from mypy import message_registry
from mypy.nodes import GDEF, SymbolTableNode, TypeInfo, TypeVarExpr
from mypy.plugin import AnalyzeTypeContext, AttributeContext, ClassDefContext, FunctionContext
from mypy.semanal import SemanticAnalyzer
from mypy.type_visitor import TypeTranslator
from mypy.typeanal import TypeAnalyser
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    ProperType,
    Type,
    TypeAliasType,
    TypeOfAny,
    TypeVarId,
    TypeVarType,
    get_proper_type,
)

from adj_mypy.boundary import synthetic
from adj_mypy.boundary.fullnames import ANNOTATED

ROW_STATE = "adj.loaded.RowState_co"
ANNOTATED_ROW = "adj.loaded.AnnotatedRow"


class _Bare(TypeTranslator):
    """Removes the default argument `Any` and the plugin's type variable from models: `Book[Any]` becomes `Book`."""

    def visit_instance(self, t: Instance, /) -> Type:
        variables = t.type.defn.type_vars
        is_model = len(t.args) == 1 and bool(variables) and variables[-1].fullname == ROW_STATE
        if is_model and _says_nothing(get_proper_type(t.args[0])):
            return t.copy_modified(args=[])
        return super().visit_instance(t)

    def visit_type_alias_type(self, t: TypeAliasType, /) -> Type:
        return t


def _says_nothing(argument: ProperType) -> bool:
    return isinstance(argument, AnyType) or (isinstance(argument, TypeVarType) and argument.fullname == ROW_STATE)


class _Unbound(_Bare):
    """Removes the plugin's type variable from types that name a class, as `Book.label` or a call of a `type[Book]`."""

    def visit_instance(self, t: Instance, /) -> Type:
        argument = get_proper_type(t.args[0]) if len(t.args) == 1 else None
        if isinstance(argument, TypeVarType) and argument.fullname == ROW_STATE:
            return t.copy_modified(args=[])
        return super().visit_instance(t)

    def visit_callable_type(self, t: CallableType, /) -> Type:
        plain = cast("CallableType", super().visit_callable_type(t))
        return plain.copy_modified(variables=[known for known in plain.variables if known.fullname != ROW_STATE])


def unbound(typ: Type) -> Type:
    """Return a type without the plugin's type variable."""
    return typ.accept(_Unbound())


def bare(typ: Type) -> Type:
    """Return a type as it is without the plugin."""
    return typ if isinstance(typ, Instance) and not typ.args else typ.accept(_Bare())


def bare_instance(typ: Type) -> Type:
    """Do the same during semantic analysis, where types may contain placeholders that a translator cannot visit."""
    return _Bare().visit_instance(typ) if isinstance(typ, Instance) else typ


def bare_attribute(context: AttributeContext) -> Type:
    """Return the type of a class attribute such as `Book.objects`."""
    return unbound(context.default_attr_type)


def bare_call(context: FunctionContext) -> Type:
    """Return the type of calling a `type[Book]`, or a function that takes a model's class."""
    return unbound(context.default_return_type)


def bare_annotation(info: TypeInfo, context: AnalyzeTypeContext) -> Type:
    """Return the type of a model in an annotation, a base class or a type argument: without a type argument."""
    if context.type.args:
        # analyze_type() would call this hook again, without end.
        return cast("TypeAnalyser", context.api).analyze_type_with_type_info(
            info, context.type.args, context.type, False
        )
    return Instance(info, [], line=context.context.line, column=context.context.column)


def make_generic(context: ClassDefContext, *, tracked: bool, digest: str) -> None:
    """Add the type variable to a model, unless it is generic already, and create its subclass for annotated rows."""
    api = cast("SemanticAnalyzer", context.api)
    model = context.cls.info
    # Metadata is part of the module's interface, so a change of the model rechecks the modules that use it.
    model.metadata["adj"] = {"digest": digest}
    if any(variable.fullname == ROW_STATE for variable in context.cls.type_vars):
        return
    variable, base = _node(api, ROW_STATE), _node(api, ANNOTATED_ROW)
    if not isinstance(variable, TypeVarExpr) or not isinstance(base, TypeInfo):
        if not api.final_iteration:
            api.defer()
        return
    if context.cls.type_vars:
        # The project's model is generic itself: its rows are not tracked.
        return
    if tracked:
        model.defn.type_vars = [_variable(variable, model.fullname)]
        model.type_vars = []
        model.add_type_vars()
    _add_annotated(api, model, variable, base)


def _node(api: SemanticAnalyzer, fullname: str) -> object:
    symbol = api.lookup_fully_qualified_or_none(fullname)
    return None if symbol is None else symbol.node


def _variable(declared: TypeVarExpr, namespace: str) -> TypeVarType:
    identity = TypeVarId(1, namespace=namespace)
    default = AnyType(TypeOfAny.special_form)
    return TypeVarType("State", ROW_STATE, identity, [], declared.upper_bound, default, declared.variance)


def _add_annotated(api: SemanticAnalyzer, model: TypeInfo, declared: TypeVarExpr, base: TypeInfo) -> None:
    module = api.modules[model.module_name]
    name = model.name + ANNOTATED
    variable = _variable(declared, f"{module.fullname}.{name}")
    arguments: list[Type] = [variable] if model.defn.type_vars else []
    bases = [Instance(model, arguments), Instance(base, [variable])]
    info = synthetic.new_class(module, name, bases, [variable])
    module.names[name] = SymbolTableNode(GDEF, info, plugin_generated=True)


def without_error_of_generic_self(api: object, check: Callable[[], None]) -> None:
    """Run django-stubs' hook on a model, and remove mypy's error about `objects: ClassVar[Manager[Self]]`.

    mypy rejects `Self` in a class variable of a generic class. The project's class is not generic; only the plugin made
    it so.
    """
    check()
    errors = cast("SemanticAnalyzer", api).errors
    text = getattr(message_registry.CLASS_VAR_WITH_GENERIC_SELF, "value", message_registry.CLASS_VAR_WITH_GENERIC_SELF)
    reported = errors.error_info_map.get(errors.file, [])
    kept = [error for error in reported if error.message != text]
    if len(kept) != len(reported):
        errors.error_info_map[errors.file] = kept
