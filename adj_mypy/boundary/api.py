"""The checker and the semantic analyzer behind the interfaces that mypy gives to plugins.

Private API of mypy used here: `mypy.checker` (of `TypeChecker`: `lookup_type`, `has_type`, `binder`, `scope`,
`modules`, `module_refs`, `expr_checker`, `msg.filter_errors`), `mypy.semanal` (of `SemanticAnalyzer`: `cur_mod_node`,
`final_iteration`), `TypeAnalyser.api`, `Var.type` of an inferred variable, `mypy.literals` (`literal_hash`),
`mypy.lookup` (`lookup_fully_qualified`), `mypy.errorcodes`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from mypy.checker import TypeChecker
from mypy.errorcodes import ErrorCode
from mypy.literals import literal_hash
from mypy.lookup import lookup_fully_qualified
from mypy.nodes import Context, Expression, FuncItem, MypyFile, Node, TypeInfo, Var
from mypy.plugin import AnalyzeTypeContext, CheckerPluginInterface, FunctionContext, FunctionSigContext, MethodContext
from mypy.semanal import SemanticAnalyzer
from mypy.types import Instance, Type, TypedDictType, get_proper_type

from adj_mypy.boundary.types import any_type


class Api:
    """What the plugin needs from the checker, or from the semantic analyzer when it analyzes an annotation."""

    def __init__(self, api: Any) -> None:
        self._api = api

    @property
    def options(self) -> Any:
        """Mypy's options."""
        return self._api.options

    @property
    def is_checker(self) -> bool:
        """Whether the types of expressions are known."""
        return isinstance(self._api, TypeChecker)

    def named(self, fullname: str, args: list[Type] | None = None) -> Instance:
        """Return an instance of a class, by its full name."""
        info = self.info(fullname)
        if info is not None:
            # named_generic_type() cannot find classes of modules that the checked module does not import.
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
        """Request another pass of semantic analysis; return False if this is the last one."""
        if self._api.final_iteration:
            return False
        self._api.defer()
        return True

    def info(self, fullname: str) -> TypeInfo | None:
        """Return a class that mypy has analyzed, by its full name."""
        symbol = lookup_fully_qualified(fullname, self._api.modules, raise_on_missing=False)
        return symbol.node if symbol is not None and isinstance(symbol.node, TypeInfo) else None

    def type_of(self, expression: Expression) -> Type | None:
        """Return the type of an expression inside the call that is being checked."""
        if not isinstance(self._api, TypeChecker) or not self._api.has_type(expression):
            return None
        return self._api.lookup_type(expression)

    def functions(self) -> list[FuncItem]:
        """Return the functions around the code that is being checked, the outermost first."""
        stack = self._api.scope.stack if isinstance(self._api, TypeChecker) else []
        return [node for node in stack if isinstance(node, FuncItem)]

    def surroundings(self) -> tuple[Node, object]:
        """Return the outermost function around the code that is being checked, or its module; and its body."""
        stack = self._api.scope.stack
        for node in stack:
            if isinstance(node, FuncItem):
                return node, getattr(node, "body", None)
        return stack[0], id(stack[0].defs)

    def home(self) -> tuple[Node, object]:
        """Return the class around the method that is being checked, or the result of `surroundings()`; and its body."""
        stack = self._api.scope.stack
        info = next((node for node in stack if isinstance(node, TypeInfo)), None)
        return self.surroundings() if info is None else (info.defn, info.defn.defs)

    def type_without_context(self, expression: Expression) -> Type:
        """Return the type of an expression without a type context: in a context of `object` mypy infers `object`."""
        checker = cast("TypeChecker", self._api)
        with checker.msg.filter_errors():
            return checker.expr_checker.accept(expression)

    def assigned(self, expression: Expression) -> Type | None:
        """Return the type of the value that a variable has here, if it was assigned in this function.

        mypy itself reads a variable with the keys of its first value and of this one.
        """
        if not isinstance(self._api, TypeChecker) or literal_hash(expression) is None:
            return None
        return self._api.binder.get(expression)

    def is_assigned(self, expression: Context) -> bool:
        """Return whether an attribute such as `book.author` was assigned earlier in the control flow."""
        key = literal_hash(cast("Expression", expression))
        frames = cast("TypeChecker", self._api).binder.frames if self.is_checker else []
        return key is not None and any(key in frame.types for frame in frames)

    def add_references(self, modules: Collection[str]) -> None:
        """Check the current module again whenever the interface of one of these modules changes.

        Before mypy 2, only the checker can record such a reference.
        """
        tree: Any = self._api if self.is_checker else self._api.cur_mod_node
        if hasattr(tree, "module_refs"):
            tree.module_refs.update(modules)

    def member(self, instance: Instance, name: str, context: Context) -> Type:
        """Return the type of an attribute that is read from an instance."""
        checker = cast("TypeChecker", self._api)
        return checker.expr_checker.analyze_external_member_access(name, instance, context)

    def coroutine(self, returned: Type) -> Instance:
        """Return the type of calling a coroutine function."""
        return self.named("typing.Coroutine", [any_type(), any_type(), returned])

    def module(self) -> MypyFile:
        """Return the module that is being checked."""
        return cast("MypyFile", cast("TypeChecker", self._api).scope.stack[0])

    def narrow(self, expression: Expression, to: Type) -> None:
        """Narrow a variable to a type from here on, as `isinstance()` does."""
        if isinstance(self._api, TypeChecker) and literal_hash(expression) is not None:
            self._api.binder.put(expression, to)

    def declare(self, variable: Var, typ: Type) -> None:
        """Replace the type that mypy inferred for a variable, which every later assignment has to fit.

        mypy has no interface for this, because it narrows variables and never widens them.
        """
        variable.type = typ

    def typed_dict(
        self, items: Mapping[str, Type], *, readonly: bool = False, optional: Collection[str] = ()
    ) -> TypedDictType:
        """Return an anonymous TypedDict; all keys are required except the optional ones."""
        keys = set(items)
        fallback = self.named("typing._TypedDict")
        return TypedDictType(dict(items), keys - set(optional), set(keys) if readonly else set(), fallback)


def analyzer(context: AnalyzeTypeContext) -> object:
    """Return the semantic analyzer behind the context of a hook for annotations."""
    return cast("Any", context.api).api


def expected_type(context: FunctionContext | FunctionSigContext | MethodContext) -> Type | None:
    """Return the type that the context of a call expects; None if it accepts any."""
    contexts = context.api.type_context
    return contexts[-1] if contexts else None


def expected_item(context: FunctionContext | MethodContext, fullname: str) -> Type | None:
    """Return the item type of `list[...]` if the context expects the awaited result of a call to be a list."""
    wanted = get_proper_type(expected_type(context))
    is_awaited = isinstance(wanted, Instance) and wanted.type.fullname == "typing.Awaitable" and len(wanted.args) == 1
    item = get_proper_type(cast("Instance", wanted).args[0]) if is_awaited else None
    is_item = isinstance(item, Instance) and item.type.fullname == fullname and len(item.args) == 1
    return get_proper_type(cast("Instance", item).args[0]) if is_item else None


def first_line() -> Context:
    """Return the position for messages about a whole file; mypy prints equal messages at one position once."""
    return Context(line=1, column=0)
