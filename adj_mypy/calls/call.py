"""One call of a query's method: its receiver, its arguments, and the type of its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mypy.nodes import (
    ARG_STAR,
    ARG_STAR2,
    ArgKind,
    CallExpr,
    Context,
    Expression,
    MemberExpr,
    NameExpr,
    StrExpr,
    TupleExpr,
    TypeInfo,
)
from mypy.plugin import FunctionContext, MethodContext
from mypy.types import Instance, LiteralType, NoneType, TupleType, Type, TypedDictType, UnpackType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.codes import ErrorCode
from adj_mypy.boundary.django_stubs import with_attributes
from adj_mypy.boundary.fullnames import ANNOTATED, MANAGER, MODEL, QUERY
from adj_mypy.boundary.positions import positions
from adj_mypy.boundary.syntax import called_on
from adj_mypy.boundary.types import map_to_base
from adj_mypy.expressions.names import ANY_NAMES
from adj_mypy.models.project import ModelClass, Project, taken_names
from adj_mypy.row_state.managers import first_rows, live_manager
from adj_mypy.row_state.row_types import is_tracked, named_model, row_type, state_of
from adj_mypy.row_state.state import NOTHING, State

_UNPACKED = (ARG_STAR, ARG_STAR2)
TYPE_ARGUMENTS = 2
"""How many type arguments a query has: its model and its row."""


class Argument(NamedTuple):
    """One argument of a call: its keyword if it has one, its expression, and its type."""

    keyword: str | None
    expression: Expression
    type: Type
    is_unpacked: bool


class Call:
    """A call that mypy passes to a hook."""

    def __init__(self, project: Project, context: FunctionContext | MethodContext, name: str = "") -> None:
        self.project, self.context, self._name = project, context, name
        self.api = Api(context.api)

    def arguments(self, *formals: str) -> list[Argument]:
        """Return the arguments for parameters, in the order of the parameters."""
        names = self.context.callee_arg_names
        return [
            argument for formal in formals if formal in names for argument in self._arguments_at(names.index(formal))
        ]

    def positional(self) -> list[Argument]:
        """Return the positional arguments in order; positional-only parameters have no name."""
        places = range(len(self.context.args))
        given = (pair for at in places for pair in self._given(at))
        return [argument for kind, argument in given if argument.keyword is None and kind != ARG_STAR2]

    def _arguments_at(self, at: int) -> list[Argument]:
        return [argument for _, argument in self._given(at)]

    def _given(self, at: int) -> Iterator[tuple[ArgKind, Argument]]:
        """Yield the arguments for the parameter at a place, with their kinds."""
        context = self.context
        given = (context.arg_names[at], context.args[at], context.arg_types[at], context.arg_kinds[at])
        before = [expression for place in range(at) for expression in context.args[place]]
        for name, expression, typ, kind in zip(*given, strict=True):
            argument = Argument(name, expression, typ, kind in _UNPACKED)
            yield kind, self._item(argument, before.count(expression)) if kind == ARG_STAR else argument
            before.append(expression)

    def _item(self, argument: Argument, number: int) -> Argument:
        """Return one item of `*("title", "pages")`, which mypy passes once for each item; other arguments unchanged."""
        typ = get_proper_type(argument.type)
        if not isinstance(typ, TupleType) or any(isinstance(item, UnpackType) for item in typ.items):
            return argument
        if number >= len(typ.items):
            return argument
        value = argument.expression
        if isinstance(value, NameExpr) and self.api.is_checker:
            value = positions(*self.api.surroundings()).value_of(value) or value
        is_written = isinstance(value, TupleExpr) and len(value.items) == len(typ.items)
        part = value.items[number] if is_written and isinstance(value, TupleExpr) else argument.expression
        return Argument(None, part, typ.items[number], False)

    def texts(self, formal: str) -> list[tuple[str, Expression]] | None:
        """Return the strings for a parameter and their expressions; None if one is known only at run time."""
        strings: list[tuple[str, Expression]] = []
        for argument in self.arguments(formal):
            text = None if argument.is_unpacked else literal_text(argument)
            if text is None:
                return None
            strings.append((text, argument.expression))
        return strings

    def switch(self, formal: str) -> bool | None:
        """Return a boolean argument, False by default; None if it is known only at run time."""
        for argument in self.arguments(formal):
            typ = get_proper_type(argument.type)
            value = typ.last_known_value if isinstance(typ, Instance) else typ
            return value.value if isinstance(value, LiteralType) and isinstance(value.value, bool) else None
        return False

    def is_cleared(self, formal: str) -> bool:
        """Return whether None is the only argument, which resets earlier calls."""
        given = self.arguments(formal)
        return len(given) == 1 and isinstance(get_proper_type(given[0].type), NoneType)

    @property
    def name(self) -> str:
        """The name of the called method."""
        callee = getattr(self.context.context, "callee", None)
        if self._name:
            return self._name
        return callee.name if isinstance(callee, (MemberExpr, NameExpr)) else ""

    def fail(self, message: str, at: Context, code: ErrorCode) -> None:
        """Report an error."""
        self.api.fail(message, at, code)

    def explain_fallback(self, why: str, at: Context) -> None:
        """Explain in a note why the result has a general type, if the `debug` option is on."""
        if self.project.options.debug:
            self.api.note(f"adj: {why}", at)

    # -- the query -----------------------------------------------------------------------------------------------------

    @cached_property
    def query(self) -> Query | None:
        """The query that receives the call; None if its model is not known."""
        return self._query(self.context.type) if isinstance(self.context, MethodContext) else None

    def query_before(self, name: str) -> Query | None:
        """Return the receiver of the previous method call, if that has this name."""
        before = called_on(self.context.context)
        inner = before.callee if isinstance(before, CallExpr) else None
        is_named = isinstance(inner, MemberExpr) and inner.name == name
        return self._query(self.api.type_of(inner.expr)) if is_named and isinstance(inner, MemberExpr) else None

    def _query(self, typ: Type | None) -> Query | None:
        receiver = get_proper_type(typ)
        if not isinstance(receiver, Instance):
            return None
        base = map_to_base(receiver, QUERY)
        if base is None or len(base.args) != TYPE_ARGUMENTS:
            return None
        model = self.project.model_of(base.args[0])
        if model is None:
            return None
        row = base.args[1]
        known = self._known(base.args[0], row)
        if receiver.type.has_base(MANAGER) and state_of(self.project, row) is None:
            return self._query_of_manager(model, row)
        return Query(model, known, row)

    def _query_of_manager(self, model: ModelClass, row: Type) -> Query:
        receiver = called_on(self.context.context)
        manager = None if receiver is None else live_manager(self.project, self.api, receiver)
        rows = None if manager is None else first_rows(self.project, self.api, manager)
        if rows is None:
            return Query(model, State(annotations=ANY_NAMES), row)
        known, state = rows
        return Query(model, known, row_type(self.project, self.api, model, state))

    def _known(self, model: Type, row: Type) -> State:
        """Return the names of annotations: from the model's type argument, or else from its rows."""
        known = state_of(self.project, model)
        if known is not None:
            return known
        in_rows = state_of(self.project, row) or NOTHING
        annotated = in_rows.annotations
        if is_tracked(model):
            # After `row_state.reassigning` the annotations are only in the rows.
            own = {name: typ for name, typ in annotated.items() if not self._is_list_of_rows(typ)}
            names = annotated.keeping(own)
            return State(annotations=names) if names else NOTHING
        if self.project.model_of(row) is not None:
            return State(annotations=annotated, aliases=in_rows.aliases)
        return State(annotations=ANY_NAMES)

    def _is_list_of_rows(self, typ: Type) -> bool:
        """Return whether an attribute is the `to_attr` of a prefetch, which clauses cannot name."""
        proper = get_proper_type(typ)
        if not isinstance(proper, Instance) or proper.type.fullname != "builtins.list":
            return False
        return self.project.model_of(proper.args[0]) is not None

    @property
    def result(self) -> Type:
        """The type of the call's result without the plugin."""
        return with_attributes(self.context.default_return_type)

    def query_type(self, *, known: State | None = None, row: Type | None = None) -> Type:
        """Return the result, with other names for later clauses, or with other rows."""
        query, result = self.query, get_proper_type(self.result)
        if query is None or not isinstance(result, Instance):
            return self.result
        names = query.known if known is None else known
        model = named_model(self.project, self.api, query.model, names)
        arguments: list[Type] = [model, query.row if row is None else row]
        if result.type.fullname == QUERY:
            return result.copy_modified(args=arguments)
        made = self.query_subclass(result)
        if made is None:
            return self.result
        own = result.args[:-TYPE_ARGUMENTS] if made is result.type else result.args
        return Instance(made, [*own, *arguments])

    def query_subclass(self, query: Instance) -> TypeInfo | None:
        """Return the plugin's subclass of a project's query class, which has type arguments for the rows."""
        if query.type.name.endswith(ANNOTATED):
            return query.type
        return self.api.info(query.type.fullname + ANNOTATED) if query.type.has_base(QUERY) else None

    def awaitable(self, answer: Type) -> Type:
        """Return the result of an async method, with another type for the awaited value."""
        result = get_proper_type(self.result)
        if not isinstance(result, Instance) or not result.args:
            return self.result
        return result.copy_modified(args=[*result.args[:-1], answer])


@dataclass(frozen=True, slots=True)
class Query:
    """A query: its model, the annotations that later clauses may name, and the type of its rows."""

    model: ModelClass
    known: State
    row: Type

    def row_state(self, project: Project) -> State | None:
        """Return the state of its rows, if they are instances of known state."""
        return state_of(project, self.row)

    @property
    def has_values(self) -> bool:
        """Whether its rows are certainly values, not instances; a protocol or a type variable may be either."""
        row = get_proper_type(self.row)
        if isinstance(row, (TypedDictType, TupleType)):
            return True
        if not isinstance(row, Instance) or row.type.is_protocol:
            return False
        return row.type.fullname != "builtins.object" and not row.type.has_base(MODEL)

    @property
    def model_names(self) -> frozenset[str]:
        """The names of its model's fields, columns and reverse relations."""
        return taken_names(self.model)

    @property
    def keys(self) -> Mapping[str, Type] | None:
        """The keys of its rows and their types, if the rows are dicts."""
        row = get_proper_type(self.row)
        return row.items if isinstance(row, TypedDictType) else None


def literal_text(argument: Argument) -> str | None:
    """Return the string of an argument: a literal, or known by its type."""
    if isinstance(argument.expression, StrExpr):
        return argument.expression.value
    typ = get_proper_type(argument.type)
    if isinstance(typ, Instance) and typ.last_known_value is not None:
        typ = typ.last_known_value
    return typ.value if isinstance(typ, LiteralType) and isinstance(typ.value, str) else None
