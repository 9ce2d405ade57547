"""The rows of `values()`, `values_list()`, `annotate()` and `aggregate()`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mypy.nodes import Context
from mypy.types import Instance, TupleType, Type, TypedDictType, get_proper_type

from adj.schema.paths import ResolvedPath, resolve
from adj_mypy import compat, paths
from adj_mypy.call import Argument, Call, Query, literal_text
from adj_mypy.codes import LOOKUP, SHAPE
from adj_mypy.expressions import Scope, default_alias, expression_type
from adj_mypy.fields import type_of_path
from adj_mypy.state import row_type, unknown_state


def values(call: Call) -> Type:
    """`values()`: a TypedDict of the columns."""
    query = call.query
    columns = None if query is None else _columns(call, query, call.arguments("fields", "expressions"))
    if columns is None:
        return call.result
    return call.asking(row=call.api.typed_dict(columns))


def values_list(call: Call) -> Type:
    """`values_list()`: a tuple, a named tuple, or with `flat` the value itself."""
    query = call.query
    columns = None if query is None else _columns(call, query, call.arguments("fields"))
    if columns is None:
        return call.result
    if call.is_true("flat"):
        return call.asking(row=_flat(call, columns))
    types = list(columns.values())
    if call.is_true("named"):
        return call.asking(row=TupleType(types, call.api.named_tuple("Row", columns)))
    return call.asking(row=TupleType(types, call.api.named("builtins.tuple", [compat.any_type()])))


def _flat(call: Call, columns: Mapping[str, Type]) -> Type:
    if len(columns) != 1:
        call.fail("values_list() with flat=True takes one field", call.context.context, SHAPE)
        return compat.erroneous()
    return next(iter(columns.values()))


def _columns(call: Call, query: Query, given: Iterable[Argument]) -> dict[str, Type] | None:
    """The columns that are named, with their types; all if none is. None if a name is known only at run time."""
    found: dict[str, Type] = {}
    arguments = list(given)
    for argument in arguments:
        if argument.is_unpacked:
            return None
        name, typ = _column(call, query, argument)
        if name is None:
            return None
        found[name] = typ
    return found if arguments else _every_column(call, query)


def _column(call: Call, query: Query, argument: Argument) -> tuple[str | None, Type]:
    text = literal_text(argument) if argument.keyword is None else None
    if text is not None:
        return text, column_type(call, argument.expression, query, text)
    name = argument.keyword or default_alias(call, argument.expression)
    if name is None:
        return None, compat.any_type()
    return name, expression_type(call, argument.expression, Scope(query.model, query.known.annotations))


def column_type(call: Call, at: Context, query: Query, path: str) -> Type:
    """The type of a column by its path, which may name an annotation."""
    found = paths.column(call, at, query.model, path, query.known.annotations)
    if isinstance(found, ResolvedPath):
        return type_of_path(call.project, call.api, found)
    return found or compat.any_type()


def _every_column(call: Call, query: Query) -> dict[str, Type]:
    names = [field.attname for field in query.model._meta.concrete_fields]
    columns = {name: type_of_path(call.project, call.api, resolve(query.model, name)) for name in names}
    return {**columns, **(query.row_annotations(call.project))}


def annotate(call: Call) -> Type:
    """`annotate()`: names for later clauses, and attributes or keys of the rows."""
    query = call.query
    new = None if query is None else _annotations(call, query)
    if query is None or new is None:
        return call.result
    return call.asking(known=query.known.with_annotations(new), row=_with(call, query, new))


def alias(call: Call) -> Type:
    """`alias()`: names for later clauses alone."""
    query = call.query
    new = None if query is None else _annotations(call, query)
    if query is None or new is None:
        return call.result
    return call.asking(known=query.known.with_annotations(new))


def _annotations(call: Call, query: Query) -> dict[str, Type] | None:
    new: dict[str, Type] = {}
    taken = _names_of_fields(query)
    for argument in call.arguments("args", "kwargs"):
        if argument.is_unpacked:
            return None
        name = argument.keyword or default_alias(call, argument.expression)
        if name is None:
            return None
        if name in taken:
            call.fail(
                f'the annotation "{name}" has the name of a field of {query.model.__name__}',
                argument.expression,
                LOOKUP,
            )
            continue
        scope = Scope(query.model, {**query.known.annotations, **new})
        new[name] = expression_type(call, argument.expression, scope)
    return new


def _names_of_fields(query: Query) -> frozenset[str]:
    if query.keys is not None:
        # values() leaves the names of other fields free.
        return frozenset()
    fields = query.model._meta.get_fields()
    return frozenset(name for field in fields for name in (field.name, getattr(field, "attname", field.name)))


def _with(call: Call, query: Query, new: Mapping[str, Type]) -> Type:
    """The rows with more attributes, keys or places."""
    row = get_proper_type(query.row)
    if isinstance(row, TypedDictType):
        return call.api.typed_dict({**row.items, **new})
    if isinstance(row, TupleType):
        if row.partial_fallback.type.fullname != "builtins.tuple":
            return compat.any_type()
        return TupleType([*row.items, *new.values()], row.partial_fallback)
    if call.project.model_of(row) is None or not isinstance(row, Instance):
        return query.row
    state = query.row_state(call.project)
    if state is None:
        state = unknown_state(call.project, call.api, query.model)
    return row_type(call.project, call.api, query.model, state.with_annotations(new))


def aggregate(call: Call) -> Type:
    """`aaggregate()`: a TypedDict of the computed values."""
    query = call.query
    if query is None:
        return call.result
    computed: dict[str, Type] = {}
    for argument in call.arguments("args", "kwargs"):
        name = argument.keyword or default_alias(call, argument.expression)
        if argument.is_unpacked or name is None:
            return call.result
        scope = Scope(query.model, {**query.known.annotations, **computed}, is_total=True)
        computed[name] = expression_type(call, argument.expression, scope)
    return call.awaitable(call.api.typed_dict(computed))
