"""Terminal methods: lists, dicts, aggregates, and the rows of writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from mypy.types import Instance, TupleType, Type, TypeAliasType, get_proper_type

from adj.schema.paths import column_names, resolve
from adj_mypy.boundary.api import expected_item
from adj_mypy.boundary.codes import LOOKUP, SHAPE
from adj_mypy.boundary.types import TypeTranslator, any_type, is_subtype
from adj_mypy.boundary.words import suggestion
from adj_mypy.calls.call import Call, Query, literal_text
from adj_mypy.expressions.nulls import Scope
from adj_mypy.lookups.expression_types import expression_type, is_aggregate
from adj_mypy.models.fields import key_of, type_of_field, type_of_path
from adj_mypy.row_state.codec import is_requirement
from adj_mypy.row_state.row_types import open_row, plain_row, row_type
from adj_mypy.row_state.state import State
from adj_mypy.rows.annotate import name_of


def run(call: Call) -> Type:
    """`run()`: a list of rows; or of what the context names, as in `return await ...`: a model or `Loaded[...]`.

    Lists are invariant, so a list of annotated rows is not a `list[Book]`. A list that was just created may be one.
    """
    query = call.query
    wanted = expected_item(call.context, "builtins.list")
    if query is None or not isinstance(wanted, Instance) or (wanted.args and not is_requirement(wanted)):
        return call.result
    is_wanted = call.project.model_of(wanted) is not None and is_subtype(query.row, wanted)
    return call.awaitable(call.api.named("builtins.list", [wanted])) if is_wanted else call.result


def aggregate(call: Call) -> Type:
    """`aaggregate()`: a TypedDict of the computed values."""
    query = call.query
    if query is None:
        return call.result
    computed: dict[str, Type] = {}
    for argument in call.arguments("args", "kwargs"):
        name = None if argument.is_unpacked else name_of(call, argument, "aaggregate()")
        if name is None:
            return call.result
        scope = Scope(query.model, query.known.annotations.adding(computed), is_total=True)
        if is_aggregate(call, argument.expression, scope) is False:
            call.fail(f'"{name}" is not an aggregate expression', argument.expression, SHAPE)
        computed[name] = expression_type(call, argument.expression, scope)
    return call.awaitable(call.api.typed_dict(computed))


def in_bulk(call: Call) -> Type:
    """`ain_bulk()`: a dict by the primary key, or by another unique field."""
    query = call.query
    if query is None:
        return call.result
    arguments = call.arguments("field_name")
    name = literal_text(arguments[0]) if arguments else "pk"
    key = None if name is None else _key(call, query, name)
    return call.result if key is None else call.awaitable(call.api.named("builtins.dict", [key, query.row]))


def _key(call: Call, query: Query, name: str) -> Type | None:
    options: Any = query.model._meta
    at = next((argument.expression for argument in call.arguments("field_name")), call.context.context)
    try:
        field = options.pk if name == "pk" else options.get_field(name)
    except FieldDoesNotExist:
        names = column_names(query.model)
        call.fail(f'{query.model.__name__} has no field "{name}"{suggestion(name, names)}', at, LOOKUP)
        return None
    constraints = [list(constraint.fields) for constraint in options.total_unique_constraints]
    if name != "pk" and not getattr(field, "unique", False) and [name] not in constraints:
        call.fail(f'"{query.model.__name__}.{name}" is not unique and cannot be the key of ain_bulk()', at, SHAPE)
        return None
    if field.is_relation and name == field.name and name != "pk":
        # The key is the related instance, as Django reads the attribute.
        return None
    return type_of_field(call.project, call.api, key_of(field))


def returning(call: Call) -> Type:
    """`returning()`: tuples of the named columns, or instances without relations."""
    query, result = call.query, get_proper_type(call.result)
    if query is None or not isinstance(result, Instance):
        return call.result
    arguments = call.positional()
    if not arguments:
        return result.copy_modified(args=[row_type(call.project, call.api, query.model, State())])
    types: list[Type] = []
    for argument in arguments:
        path, at = None if argument.is_unpacked else literal_text(argument), argument.expression
        if path is None:
            return call.result
        if path not in column_names(query.model):
            choices = suggestion(path, column_names(query.model))
            call.fail(f'{query.model.__name__} has no column "{path}"{choices}', at, LOOKUP)
            return call.result
        types.append(type_of_path(call.project, call.api, resolve(query.model, path)))
    return result.copy_modified(args=[_plain_tuple(call, types)])


def _plain_tuple(call: Call, types: Sequence[Type]) -> Type:
    return TupleType(list(types), call.api.named("builtins.tuple", [any_type()]))


def raw(call: Call) -> Type:
    """`raw()`: other columns in the SQL become attributes."""
    query, result = call.query, get_proper_type(call.result)
    if query is None or not isinstance(result, Instance) or len(result.args) != 1:
        return call.result
    return result.copy_modified(args=[open_row(call.project, call.api, query.model)])


def written(call: Call) -> Type:
    """`acreate()` and similar methods: instances without the query's annotations."""
    query = call.query
    if query is None or not query.known.annotations:
        return call.result
    return call.result.accept(_Plain(call, query))


class _Plain(TypeTranslator):
    """Replaces the rows of a model by rows of unknown state."""

    def __init__(self, call: Call, query: Query) -> None:
        super().__init__()
        self.call, self.query = call, query

    def visit_instance(self, t: Instance, /) -> Type:
        if self.call.project.model_of(t) is self.query.model:
            return plain_row(self.call.project, self.call.api, self.query.model)
        return super().visit_instance(t)

    def visit_type_alias_type(self, t: TypeAliasType, /) -> Type:
        return t
