"""`annotate()`, `alias()`, `extra()`: names for later clauses, and for the rows."""

from __future__ import annotations

from mypy.nodes import Expression
from mypy.types import Instance, TupleType, Type, TypedDictType, get_proper_type

from adj_mypy.boundary.codes import LOOKUP, SHAPE
from adj_mypy.boundary.types import any_type
from adj_mypy.calls.call import Argument, Call, Query
from adj_mypy.expressions.names import ANY_NAMES, NO_NAMES, Names
from adj_mypy.expressions.nulls import Scope
from adj_mypy.lookups import conditions
from adj_mypy.lookups.aggregates import check_nested
from adj_mypy.lookups.expression_types import default_alias, expression_class_of, expression_type
from adj_mypy.row_state.row_types import is_tracked, plain_row, row_type, unknown_state
from adj_mypy.row_state.state import State
from adj_mypy.rows.aggregate_rows import with_aggregate_rows


def annotate(call: Call) -> Type:
    """`annotate()`: names for later clauses, and attributes or keys of the rows."""
    query = call.query
    if query is None:
        return call.result
    new = _annotations(call, query)
    return call.query_type(
        known=query.known.with_annotations(new), row=_with(call, with_aggregate_rows(call, query), new)
    )


def alias(call: Call) -> Type:
    """`alias()`: names for later clauses alone."""
    query = call.query
    if query is None:
        return call.result
    new = _annotations(call, query)
    known, row = query.known.with_aliases(new), with_aggregate_rows(call, query).row
    if not is_tracked(plain_row(call.project, call.api, query.model)) and call.project.model_of(row) is not None:
        # The model has no type argument, so the rows carry the names for later clauses.
        state = query.row_state(call.project) or State()
        row = row_type(call.project, call.api, query.model, state.with_aliases(new))
    return call.query_type(known=known, row=row)


def extra(call: Call) -> Type:
    """`extra(select=...)`: SQL has no types, and the rows may have attributes of any name."""
    query = call.query
    if query is None or not call.arguments("select"):
        return call.result
    new = ANY_NAMES
    return call.query_type(known=query.known.with_annotations(new), row=_with(call, query, new))


def _annotations(call: Call, query: Query) -> Names:
    """Return the annotations of a call; open if a name is known only at run time.

    Each may name those before it, in conditions as well.
    """
    new = NO_NAMES
    check_nested(call)
    for argument in call.arguments("args", "kwargs"):
        scope = Scope(query.model, query.known.annotations.adding(new))
        conditions.check_conditions_inside(call, scope, argument.expression)
        name = None if argument.is_unpacked else name_of(call, argument, "annotate()")
        if name is None:
            new = new.adding(ANY_NAMES)
        elif not conflicting(call, query, name, argument.expression):
            new = new.adding({name: expression_type(call, argument.expression, scope)})
    return new


def name_of(call: Call, argument: Argument, method: str) -> str | None:
    """Return the name of an argument, or Django's default for an aggregate; report an expression without one."""
    name = argument.keyword or default_alias(call, argument.expression)
    if name is None and expression_class_of(call, argument.expression) is not None:
        call.fail(f"{method} requires a name for this expression, as in name=...", argument.expression, SHAPE)
    return name


def conflicting(call: Call, query: Query, name: str, at: Expression) -> bool:
    """Return whether the name of an annotation is taken; report it."""
    if query.keys is not None:
        # After values() the names of unselected fields are free; without arguments, all are.
        is_bare = query.keys.keys() >= {field.attname for field in query.model._meta.concrete_fields}
        chosen = frozenset[str]() if is_bare else frozenset(query.keys)
        taken, of = chosen - query.known.annotations.keys(), "a column of the rows"
    elif call.project.model_of(query.row) is None:
        # The type of values_list() rows does not have the names of columns.
        return False
    else:
        taken, of = query.model_names, f"a field of {query.model.__name__}"
    if name in taken:
        call.fail(f'the annotation "{name}" conflicts with {of}', at, LOOKUP)
    return name in taken


def _with(call: Call, query: Query, new: Names) -> Type:
    """Return the rows with more attributes, keys or items."""
    row = get_proper_type(query.row)
    if isinstance(row, TypedDictType):
        return _general_dict(call) if new.is_open else call.api.typed_dict({**row.items, **new})
    if isinstance(row, TupleType):
        return _longer(row, new)
    if call.project.model_of(row) is None or not isinstance(row, Instance):
        return query.row
    state = query.row_state(call.project)
    if state is None:
        state = unknown_state(call.project, call.api, query.model)
    return row_type(call.project, call.api, query.model, state.with_annotations(new))


def _general_dict(call: Call) -> Type:
    return call.api.named("builtins.dict", [call.api.named("builtins.str"), any_type()])


def _longer(row: TupleType, new: Names) -> Type:
    if row.partial_fallback.type.fullname != "builtins.tuple":
        # Django does not add the new names to a named tuple, only the values.
        return any_type() if new.is_open else TupleType([*row.items, *new.values()], row.partial_fallback)
    if new.is_open:
        return row.partial_fallback.copy_modified(args=[any_type()])
    return TupleType([*row.items, *new.values()], row.partial_fallback.copy_modified(args=[any_type()]))
