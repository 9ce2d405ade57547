"""Values that are assigned to columns: `acreate()`, `aupdate()`, `defaults=` and similar arguments.

A new row accepts the arguments of the model's `__init__`, an UPDATE only columns. A value may be what a lookup on the
field accepts, or an expression; and None if the column is nullable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Field, Manager, Model, QuerySet
from mypy.nodes import CallExpr, Expression
from mypy.types import AnyType, CallableType, NoneType, Type, get_proper_type

from adj.schema.paths import column_names, get_field
from adj_mypy.boundary.codes import LOOKUP
from adj_mypy.boundary.declarations import declared_types
from adj_mypy.boundary.types import make_simplified_union
from adj_mypy.boundary.words import suggestion
from adj_mypy.calls.call import Argument, Call, Query
from adj_mypy.expressions.names import Names
from adj_mypy.expressions.nulls import Scope
from adj_mypy.lookups import check_values, conditions
from adj_mypy.lookups.operands import Expected, Table, converting, is_djangos
from adj_mypy.models.project import ModelClass, target_of

Pairs = Iterable[tuple[str, Expression, Type]]


@dataclass(frozen=True, slots=True)
class Writing:
    """An assignment to the columns of a model: of a new row, or of existing rows."""

    call: Call
    model: ModelClass
    known: Names
    is_new: bool

    def check(self, pairs: Pairs, *, may_be_called: bool = False) -> None:
        """Check names and values; with `may_be_called` a callable stands for the value that it returns."""
        for name, at, value_type in pairs:
            if self._is_known(name, at):
                value = _called(value_type) if may_be_called else value_type
                self._check_value(name, at, value)
                conditions.check_inside(self.call, Scope(self.model, self.known), at)

    def _is_known(self, name: str, at: Expression) -> bool:
        names = init_names(self.model) if self.is_new else _updated_names(self.model)
        if names is None or name in names:
            return True
        label = self.model.__name__
        field = get_field(self.model, name)
        if field is not None and field not in {*self.model._meta.concrete_fields}:
            self.call.fail(f'"{label}.{name}" is not a column and cannot be assigned here', at, LOOKUP)
        elif field is not None:
            self.call.fail(f'"{label}.{name}" cannot be assigned here', at, LOOKUP)
        else:
            self.call.fail(f'{label} has no column "{name}"{suggestion(name, names)}', at, LOOKUP)
        return False

    def _check_value(self, name: str, at: Expression, value_type: Type) -> None:
        field = get_field(self.model, name)
        if not isinstance(field, Field):
            return
        call = self.call
        table = Table(call.project, call.api, takes_parents=False)
        typ = self._of_column(table, name, field)
        if typ is not None:
            expected = Expected(
                self._with_none(field, typ), lambda: self._of_column(table.shown, name, field), field=converting(field)
            )
            check_values.check(call, at, value_type, f'"{self.model.__name__}.{name}"', expected)

    def _with_none(self, field: Any, typ: Type) -> Type:
        """Add None for a nullable column, and for the primary key of a new row, which the database may generate."""
        takes_none = field.null or (self.is_new and field.primary_key)
        return make_simplified_union([typ, NoneType()]) if takes_none else typ

    def _of_column(self, table: Table, name: str, field: Any) -> Type | None:
        """Return the type that a column accepts: rows for a relation's attribute, keys for the one with `_id`."""
        typ = self._of_value(table, name, field)
        return make_simplified_union([typ, NoneType()]) if typ is not None and field.null else typ

    def _of_value(self, table: Table, name: str, field: Any) -> Type | None:
        target = target_of(field) if field.is_relation else None
        if target is not None and self.is_new and name != "pk":
            is_key = name == field.attname and name != field.name
            return table.of_key(field) if is_key else table.rows(target)
        if is_djangos(field) or field.is_relation:
            return table.of_field(field)
        return self._declared(field)

    def _declared(self, field: Any) -> Type | None:
        """Return the type that can be assigned to the attribute of a project's field class."""
        info = self.call.project.info(self.call.api, self.model)
        types = None if info is None else declared_types(info, field.attname)
        return None if types is None or isinstance(get_proper_type(types[0]), AnyType) else types[0]


def _called(value_type: Type) -> Type:
    """Return the type of a value in `defaults`, which are called if they are callable."""
    actual = get_proper_type(value_type)
    return actual.ret_type if isinstance(actual, CallableType) else value_type


def init_names(model: Any) -> frozenset[str] | None:
    """Return the keywords of a model's `__init__`; None if the project overrides it or `create()`."""
    queryset: Any = getattr(model._default_manager, "_queryset_class", QuerySet)
    is_plain = model.__init__ is Model.__init__ and queryset.create is QuerySet.create
    if not is_plain or getattr(type(model._default_manager), "create", None) is not Manager.create:
        is_plain = is_plain and _is_copied(model._default_manager)
    return frozenset(_init_names(model)) if is_plain else None


def _is_copied(manager: object) -> bool:
    """Return whether a manager's `create` was copied from Django by `from_queryset()`."""
    create = getattr(type(manager), "create", None)
    return getattr(create, "__module__", "").startswith("django.")


def _init_names(model: Any) -> Iterator[str]:
    yield from column_names(model)
    yield from model._meta._property_names  # noqa: SLF001  # `__init__` reads it, too
    for field in model._meta.private_fields:
        if not getattr(field, "one_to_many", False):
            yield field.name
    for relation in model._meta.related_objects:
        if relation.one_to_one:
            yield relation.name


def _updated_names(model: ModelClass) -> frozenset[str]:
    """Return the columns that an UPDATE may set: neither generated ones nor composite keys as a whole."""
    fields: Any = model._meta.concrete_fields
    written = [field for field in fields if not getattr(field, "generated", False)]
    return frozenset(name for field in written for name in (field.name, field.attname))


# -- handlers ----------------------------------------------------------------------------------------------------------


def create(call: Call) -> Type:
    """`acreate()`: the arguments of the model's `__init__`."""
    query = call.query
    if query is not None:
        _writing(call, query, is_new=True).check(_keywords(call))
    return call.result


def update(call: Call) -> Type:
    """`aupdate()`: columns and their new values; also after `returning()`."""
    query = call.query or call.query_before("returning")
    if query is not None:
        _writing(call, query, is_new=False).check(_keywords(call))
    return call.result


def get_or_create(call: Call) -> Type:
    """`aget_or_create()`: lookups, and `defaults` of a new row."""
    query = call.query
    if query is not None:
        _check_lookups(call, query)
        _check_dicts(call, query, "defaults")
    return call.result


def update_or_create(call: Call) -> Type:
    """`aupdate_or_create()`: lookups, `defaults` of a row, and `create_defaults` of a new one."""
    query = call.query
    if query is not None:
        _check_lookups(call, query)
        _check_dicts(call, query, "defaults", "create_defaults")
    return call.result


def _writing(call: Call, query: Query, *, is_new: bool) -> Writing:
    return Writing(call, query.model, query.known.annotations, is_new)


def _keywords(call: Call) -> Iterator[tuple[str, Expression, Type]]:
    for argument in call.arguments("kwargs"):
        yield from conditions.pairs(call, argument)


def _check_lookups(call: Call, query: Query) -> None:
    conditions.check_arguments(call, Scope(query.model, query.known.annotations), "kwargs")


def _check_dicts(call: Call, query: Query, *formals: str) -> None:
    writing = _writing(call, query, is_new=True)
    for argument in call.arguments(*formals):
        for expression in _dicts(call, argument, formals):
            writing.check(literal_pairs(call, expression), may_be_called=True)


def _dicts(call: Call, argument: Argument, formals: Sequence[str]) -> Iterator[Expression]:
    """Yield the dicts for parameters; after `**` these are among the values of a dict."""
    if argument.is_unpacked:
        yield from (value for name, value, _ in conditions.dict_pairs(call, argument.expression) if name in formals)
    else:
        yield argument.expression


def literal_pairs(call: Call, expression: Expression) -> Iterator[tuple[str, Expression, Type]]:
    """Yield the names and values of a dict literal: `{"a": 1}` or `dict(a=1)`."""
    if isinstance(expression, CallExpr) and getattr(expression.callee, "fullname", "") == "builtins.dict":
        for name, value in zip(expression.arg_names, expression.args, strict=True):
            value_type = call.api.type_of(value)
            if name is not None and value_type is not None:
                yield name, value, value_type
    else:
        yield from conditions.dict_pairs(call, expression)
