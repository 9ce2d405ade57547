"""Expressions of Django in a call, made into the objects that they will be at run time.

`Count("tags")` is written with literals: what it is can be known by making it. What is not known here, a variable or a
call of the project's own, is `UNKNOWN`, and so is everything built on it. Only classes of expressions, conditions and
fields are made, whose constructors do nothing but keep their arguments; nothing of the project is imported that is not
yet.
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
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    CallExpr,
    Expression,
    FloatExpr,
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
from adj_mypy.models.fields import without_none


class Unknown:
    """The value of what is only known at run time."""

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

_MADE: Final = (BaseExpression, F, FilteredRelation, Q, Field)
"""What may be made: the classes of expressions, references, conditions and fields."""

METHODS: Final = frozenset(
    {"asc", "desc", "reverse_ordering", "bitand", "bitor", "bitxor", "bitleftshift", "bitrightshift", "resolve"}
)
"""The methods of expressions that give expressions."""


class Typed(Value):
    """Stands for what is only known by its type: a variable, or a nested query's value."""

    def __init__(self, typ: Type, field: Field[Any, Any], *, is_optional: bool) -> None:
        super().__init__(None, output_field=field)
        self.typ, self.is_optional = typ, is_optional


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Makes the objects; asks the checker for types of what it cannot make."""

    api: Api

    def evaluate(self, expression: Expression) -> Any:
        """The object that an expression of the source will be, or `UNKNOWN`."""
        match expression:
            case StrExpr() | IntExpr() | FloatExpr():
                return expression.value
            case NameExpr() if expression.fullname in _CONSTANTS:
                return _CONSTANTS[expression.fullname]
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

    def _literal(self, expression: Expression) -> Any:
        """A variable whose type says its value."""
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
        """One side of an operator, where a plain value will be wrapped in a Value."""
        made = self.evaluate(expression)
        return self.sample(expression) if made is UNKNOWN else made

    def _unary(self, expression: UnaryExpr) -> Any:
        made = self.evaluate(expression.expr)
        if made is UNKNOWN or expression.op not in {"-", "~"}:
            return UNKNOWN
        return _tried(operator.neg if expression.op == "-" else operator.invert, made)

    def sample(self, expression: Expression) -> Any:
        """A value that has the type of a variable, where its type is one of a column's."""
        return typed(self.api.type_of(expression))

    def _call(self, call: CallExpr) -> Any:
        callee = call.callee
        if isinstance(callee, MemberExpr) and callee.name in METHODS:
            receiver = self.evaluate(callee.expr)
            if isinstance(receiver, (Combinable, Q)):
                return self._applied(getattr(receiver, callee.name), call)
        made = found(callee)
        if made is None:
            return UNKNOWN
        if issubclass(made, Subquery) and not issubclass(made, Exists):
            return self._subquery(call, is_array=made.__name__ == "ArraySubquery")
        if issubclass(made, Exists):
            return Typed(self.api.named("builtins.bool"), BooleanField(), is_optional=False)
        if issubclass(made, Q):
            # Its operands may be anything; conditions are checked where they stand, and have no type.
            return Q(pk__isnull=False)
        if issubclass(made, OuterRef):
            return UNKNOWN
        return self._when(call) if issubclass(made, When) else self._applied(made, call)

    def _when(self, call: CallExpr) -> Any:
        """Its condition may be anything, as that of a Q."""
        given = list(zip(call.arg_kinds, call.arg_names, call.args, strict=True))
        results = [expression for kind, name, expression in given if name == "then" and kind == ARG_NAMED]
        results += [expression for kind, _, expression in given if kind == ARG_POS][1:2]
        made = self._operand(results[0]) if len(results) == 1 else UNKNOWN
        return UNKNOWN if made is UNKNOWN else _tried(When, Q(pk__isnull=False), then=made)

    def _applied(self, function: Callable[..., Any], call: CallExpr) -> Any:
        is_value = isinstance(function, type) and issubclass(function, Value)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for kind, name, expression in zip(call.arg_kinds, call.arg_names, call.args, strict=True):
            made = self.evaluate(expression)
            if made is UNKNOWN:
                made = self._sampled(expression, is_value=is_value)
            if made is UNKNOWN or kind not in {ARG_POS, ARG_NAMED}:
                return UNKNOWN
            if kind == ARG_POS:
                args.append(made)
            else:
                kwargs[name or ""] = made
        if is_value and args and isinstance(args[0], Typed):
            return args[0]
        return _tried(function, *args, **kwargs)

    def _sampled(self, expression: Expression, *, is_value: bool) -> Any:
        """A variable as an argument: a text may be the name of a column, unless it is a Value's."""
        sample = self.sample(expression)
        is_text = isinstance(sample, Typed) and isinstance(sample.output_field, CharField)
        return UNKNOWN if is_text and not is_value else sample

    def _subquery(self, call: CallExpr, *, is_array: bool) -> Any:
        """The one column of a nested query: of its row, which may not be there, or of all its rows."""
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
    """The type of a row's value, if it has one alone."""
    proper = get_proper_type(row)
    if isinstance(proper, (TypedDictType, TupleType)):
        items = list(proper.items.values()) if isinstance(proper, TypedDictType) else proper.items
        return items[0] if len(items) == 1 else None
    return proper if isinstance(proper, (Instance, UnionType)) else None


def typed(typ: Type | None, *, is_optional: bool = False) -> Any:
    """An expression of a type, if a column may have it."""
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
    made = DecimalField(max_digits=20, decimal_places=4) if field is DecimalField else field()
    return Typed(plain, made, is_optional=is_optional or plain is not proper)


def found(callee: Expression) -> type[Any] | None:
    """The class that a call names, if it is one that may be made."""
    if not isinstance(callee, RefExpr) or not callee.fullname:
        return None
    module, _, name = callee.fullname.rpartition(".")
    found_module = _of_django(module) if module.startswith("django.") else sys.modules.get(module)
    cls = getattr(found_module, name, None)
    return cls if isinstance(cls, type) and issubclass(cls, _MADE) else None


@cache
def _of_django(name: str) -> ModuleType | None:
    """A module of Django's, of which some need a driver that is not here."""
    with suppress(Exception):
        return import_module(name)
    return None


def _tried(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """What a constructor gives. One that refuses its arguments will say so itself, when the program runs."""
    try:
        return function(*args, **kwargs)
    except Exception:  # noqa: BLE001  # a project's own class may raise anything
        return UNKNOWN
