"""Evaluate Django expressions in a call to the objects that they are at run time.

`Count("tags")` contains only literals, so it can be constructed here. Variables and calls of the project's functions
are `UNKNOWN`, and so is every expression that contains one. Only expressions, conditions and fields are constructed,
because their constructors just keep their arguments. Modules of the project are never imported.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from django.db.models import (
    BooleanField,
    CharField,
    DecimalField,
    F,
    Field,
    FilteredRelation,
    JSONField,
    Q,
    Value,
    When,
)
from django.db.models.expressions import BaseExpression, Combinable, Exists, OuterRef, Subquery
from django.db.models.fields.json import KT
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    CallExpr,
    Expression,
    FloatExpr,
    IndexExpr,
    IntExpr,
    ListExpr,
    MemberExpr,
    NameExpr,
    OpExpr,
    RefExpr,
    StrExpr,
    TupleExpr,
    UnaryExpr,
)
from mypy.types import Instance, LiteralType, TupleType, Type, TypedDictType, UnionType, get_proper_type

from adj.schema.field_types import field_class
from adj_mypy.boundary.api import Api
from adj_mypy.boundary.declarations import FIELD, field_arguments
from adj_mypy.boundary.positions import positions
from adj_mypy.models.fields import type_of_class, without_none


class Unknown:
    """The value of an expression that is known only at run time."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

_CONSTANTS: Final[Mapping[str, object]] = {"builtins.True": True, "builtins.False": False, "builtins.None": None}

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "**": operator.pow,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}

_MOST_VARIABLES: Final = 5
"""The longest chain of variables that is followed."""

_CONSTRUCTED: Final = (BaseExpression, F, FilteredRelation, Q, Field)
"""The classes that are constructed."""

METHODS: Final = frozenset(
    {"asc", "desc", "reverse_ordering", "bitand", "bitor", "bitxor", "bitleftshift", "bitrightshift", "resolve"}
)
"""The methods of expressions that return expressions."""


class Typed(Value):
    """Stands for a value of which only the type is known: a variable, or a subquery."""

    def __init__(self, typ: Type, field: Field[Any, Any], *, is_optional: bool) -> None:
        super().__init__(None, output_field=field)
        self.typ, self.is_optional = typ, is_optional


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Constructs the objects, and uses the checker's types for variables.

    `depth` is the number of variables whose value is being evaluated.
    """

    api: Api
    depth: int = 0

    def evaluate(self, expression: Expression) -> Any:
        """Return the object that an expression is at run time, or `UNKNOWN`."""
        match expression:
            case StrExpr() | IntExpr() | FloatExpr():
                return expression.value
            case NameExpr() if expression.fullname in _CONSTANTS:
                return _CONSTANTS[expression.fullname]
            case NameExpr():
                return self._variable(expression)
            case TupleExpr() | ListExpr():
                items = [self.evaluate(item) for item in expression.items]
                return UNKNOWN if UNKNOWN in items else items
            case CallExpr():
                return self._call(expression)
            case OpExpr():
                return self._operation(expression)
            case UnaryExpr():
                return self._unary(expression)
            case _:
                return self._literal(expression)

    def _variable(self, name: NameExpr) -> Any:
        """Return the value of a variable: an expression that is assigned once, or a literal."""
        value = self.value_of(name)
        if isinstance(value, (CallExpr, OpExpr, UnaryExpr)) and self.depth < _MOST_VARIABLES:
            return Evaluator(self.api, self.depth + 1).evaluate(value)
        return self._literal(name)

    def value_of(self, name: NameExpr) -> Expression | None:
        """Return the expression that is assigned to a variable of the same function, if it is the only one."""
        return positions(*self.api.surroundings()).value_of(name) if self.api.is_checker else None

    def _literal(self, expression: Expression) -> Any:
        """Return the value of a variable that has a literal type."""
        typ = get_proper_type(self.api.type_of(expression))
        if isinstance(typ, Instance) and typ.last_known_value is not None:
            typ = typ.last_known_value
        if not isinstance(typ, LiteralType) or not isinstance(typ.value, (str, int, bool, float)):
            return UNKNOWN
        return typ.value

    def _operation(self, expression: OpExpr) -> Any:
        function = _OPERATORS.get(expression.op)
        left, right = (self._operand(side) for side in (expression.left, expression.right))
        if function is None or left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        return _tried(function, left, right)

    def _operand(self, expression: Expression) -> Any:
        """Return one side of an operator, where Django wraps plain values in `Value`."""
        evaluated = self.evaluate(expression)
        return self.sample(expression) if evaluated is UNKNOWN else evaluated

    def _unary(self, expression: UnaryExpr) -> Any:
        evaluated = self.evaluate(expression.expr)
        if evaluated is UNKNOWN or expression.op not in {"-", "~"}:
            return UNKNOWN
        return _tried(operator.neg if expression.op == "-" else operator.invert, evaluated)

    def sample(self, expression: Expression) -> Any:
        """Return a stand-in with the type of a variable, if a column can have that type."""
        return typed(self.api.type_of(expression))

    def _call(self, call: CallExpr) -> Any:
        callee = call.callee
        if isinstance(callee, MemberExpr) and callee.name in METHODS:
            receiver = self.evaluate(callee.expr)
            if isinstance(receiver, (Combinable, Q)):
                return self._applied(getattr(receiver, callee.name), call)
        cls = expression_class(callee)
        if cls is None:
            return self._key_transform(call)
        if issubclass(cls, Subquery) and not issubclass(cls, Exists):
            return self._subquery(call, is_array=cls.__name__ == "ArraySubquery")
        if issubclass(cls, Exists):
            return Typed(self.api.named("builtins.bool"), BooleanField(), is_optional=False)
        if issubclass(cls, Q):
            # `conditions` checks its lookups; for the type of an expression any Q will do.
            return Q(pk__isnull=False)
        if issubclass(cls, OuterRef):
            return UNKNOWN
        return self._when(call) if issubclass(cls, When) else self._applied(cls, call)

    def _key_transform(self, call: CallExpr) -> Any:
        """`KT("data__name")`, which is a method."""
        is_called = isinstance(call.callee, RefExpr) and call.callee.fullname == "django.db.models.fields.json.KT"
        path = self.evaluate(call.args[0]) if is_called and len(call.args) == 1 else UNKNOWN
        return _tried(KT, path) if isinstance(path, str) else UNKNOWN

    def _when(self, call: CallExpr) -> Any:
        """Any condition will do here, too: see `_call`."""
        arguments = list(zip(call.arg_kinds, call.arg_names, call.args, strict=True))
        results = [expression for kind, name, expression in arguments if name == "then" and kind == ARG_NAMED]
        results += [expression for kind, _, expression in arguments if kind == ARG_POS][1:2]
        evaluated = self._operand(results[0]) if len(results) == 1 else UNKNOWN
        return UNKNOWN if evaluated is UNKNOWN else _tried(When, Q(pk__isnull=False), then=evaluated)

    def _applied(self, function: Callable[..., Any], call: CallExpr) -> Any:
        is_value = isinstance(function, type) and issubclass(function, Value)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for kind, name, expression in zip(call.arg_kinds, call.arg_names, call.args, strict=True):
            evaluated = self.evaluate(expression)
            if evaluated is UNKNOWN:
                evaluated = self._field(expression)
            if evaluated is UNKNOWN and name != "output_field":
                evaluated = self._sampled(expression, is_value=is_value)
            if evaluated is UNKNOWN or kind not in {ARG_POS, ARG_NAMED}:
                return UNKNOWN
            if kind == ARG_POS:
                args.append(evaluated)
            else:
                kwargs[name or ""] = evaluated
        if is_value and args and isinstance(args[0], Typed):
            return args[0]
        return _tried(function, *args, **kwargs)

    def _sampled(self, expression: Expression, *, is_value: bool) -> Any:
        """Return a stand-in for an argument; a string may name a column, except in `Value`."""
        if _is_condition(self.api.type_of(expression)):
            # For the type of an expression any condition will do.
            return Q(pk__isnull=False)
        sample = self.sample(expression)
        is_text = isinstance(sample, Typed) and isinstance(sample.output_field, CharField)
        return UNKNOWN if is_text and not is_value else sample

    def _field(self, expression: Expression) -> Any:
        """Return a stand-in for an output field in a variable, by the type of its values."""
        typ = get_proper_type(self.api.type_of(expression))
        arguments = field_arguments(typ) if isinstance(typ, Instance) and typ.type.has_base(FIELD) else None
        sample = UNKNOWN if arguments is None else typed(arguments[1])
        return sample.output_field if isinstance(sample, Typed) else UNKNOWN

    def _subquery(self, call: CallExpr, *, is_array: bool) -> Any:
        """Return a stand-in for the column of a subquery: nullable, or a list for `ArraySubquery`."""
        if call.arg_names[1:] == ["output_field"] and not is_array:
            field = self.evaluate(call.args[1])
            field = self._field(call.args[1]) if field is UNKNOWN else field
            return (
                Typed(type_of_class(self.api, field), field, is_optional=True) if isinstance(field, Field) else UNKNOWN
            )
        typ = get_proper_type(self.api.type_of(call.args[0])) if call.args else None
        if len(call.args) != 1 or not isinstance(typ, Instance) or len(typ.args) != 2:
            return UNKNOWN
        column = _only_column(typ.args[1])
        if column is None:
            return UNKNOWN
        if is_array:
            return Typed(self.api.named("builtins.list", [column]), JSONField(), is_optional=False)
        return typed(column, is_optional=True)


def _only_column(row: Type) -> Type | None:
    """Return the type of a row's only column."""
    proper = get_proper_type(row)
    if isinstance(proper, (TypedDictType, TupleType)):
        items = list(proper.items.values()) if isinstance(proper, TypedDictType) else proper.items
        return items[0] if len(items) == 1 else None
    return proper if isinstance(proper, (Instance, UnionType)) else None


def _is_condition(typ: Type | None) -> bool:
    """Return whether a value is a `Q`, or None."""
    plain = get_proper_type(without_none(typ)) if typ is not None else None
    return isinstance(plain, Instance) and plain.type.has_base("django.db.models.query_utils.Q")


def typed(typ: Type | None, *, is_optional: bool = False) -> Any:
    """Return a stand-in for a value of a type, if a column can have that type."""
    proper = get_proper_type(typ)
    if proper is None:
        return UNKNOWN
    plain = get_proper_type(without_none(proper))
    if not isinstance(plain, Instance):
        return UNKNOWN
    names = [base.fullname for base in plain.type.mro]
    field = next((cls for name in names if (cls := field_class(name)) is not None), None)
    if field is None:
        return UNKNOWN
    sample = DecimalField(max_digits=20, decimal_places=4) if field is DecimalField else field()
    return Typed(plain, sample, is_optional=is_optional or plain is not proper)


def expression_class(callee: Expression) -> type[Any] | None:
    """Return the class that a call names, if it may be constructed."""
    if isinstance(callee, IndexExpr):
        # `CharField[str, str]()`
        callee = callee.base
    if not isinstance(callee, RefExpr) or not callee.fullname:
        return None
    module, _, name = callee.fullname.rpartition(".")
    imported = _of_django(module) if module.startswith("django.") else sys.modules.get(module)
    cls = getattr(imported, name, None)
    return cls if isinstance(cls, type) and issubclass(cls, _CONSTRUCTED) else None


@cache
def _of_django(name: str) -> ModuleType | None:
    """Import a module of Django; some need a database driver, which may be missing."""
    with suppress(Exception):
        return import_module(name)
    return None


def _tried(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a constructor. If it rejects its arguments, it will also do so at run time."""
    try:
        return function(*args, **kwargs)
    except Exception:  # noqa: BLE001  # a project's own class may raise anything
        return UNKNOWN
