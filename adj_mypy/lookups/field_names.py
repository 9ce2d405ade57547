"""Arguments that are names of fields: for locks, dates, keys, and columns to write or to return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mypy.nodes import Expression, ListExpr, SetExpr, StrExpr, TupleExpr
from mypy.types import NoneType, Type, get_proper_type

from adj.schema.paths import column_names, get_field
from adj_mypy.boundary.codes import LOOKUP, VALUE
from adj_mypy.boundary.words import suggestion
from adj_mypy.calls.call import Argument, Call, Query, literal_text
from adj_mypy.lookups import check_values
from adj_mypy.lookups.operands import Expected, Table
from adj_mypy.models.project import SEPARATOR, ModelClass, relations, single_relations, target_of


def texts_in(argument: Argument) -> Iterator[tuple[str, Expression]]:
    """Yield the strings in a list, tuple or set literal, with their expressions."""
    match argument.expression:
        case ListExpr(items=items) | TupleExpr(items=items) | SetExpr(items=items):
            for item in items:
                if isinstance(item, StrExpr):
                    yield item.value, item
        case _:
            return


def each_text(call: Call, *formals: str) -> Iterator[tuple[str, Expression]]:
    """Yield the strings in the arguments for parameters that accept several names."""
    for argument in call.arguments(*formals):
        yield from texts_in(argument)


# -- queries -----------------------------------------------------------------------------------------------------------


def locks(call: Call) -> Type:
    """`select_for_update(of=...)`: the row itself, and single-valued relations."""
    query = call.query
    for path, at in each_text(call, "of") if query is not None else ():
        _check_lock(call, query.model, path, at) if query is not None else None
    return call.result


def _check_lock(call: Call, model: ModelClass, path: str, at: Expression) -> None:
    *way, last = path.split(SEPARATOR)
    here: ModelClass | None = model
    for name in way if last == "self" else [*way, last]:
        if here is None or name == "self":
            return
        known = _lockable(here)
        if name not in known:
            known_names = [*known, "self"]
            call.fail(f'{here.__name__} has no lockable relation "{name}"{suggestion(name, known_names)}', at, LOOKUP)
            return
        here = known[name]


def _lockable(model: ModelClass) -> dict[str, ModelClass | None]:
    """Return the single-valued relations by their names in queries, and the links to parents' tables."""
    single = (relation for relation in single_relations(model).values() if not relation.one_to_many)
    named = {relation.name: target_of(relation) for relation in single}
    links = {link.name: target_of(link) for link in model._meta.parents.values() if link is not None}
    return {**named, **links}


def order_of_dates(call: Call) -> Type:
    """`dates(order=...)` and `datetimes(order=...)`."""
    _check_choice(call, "order", ("ASC", "DESC"))
    return call.result


def _check_choice(call: Call, formal: str, choices: Iterable[str]) -> None:
    for text, at in call.texts(formal) or ():
        if text not in choices:
            wanted = " or ".join(f'"{choice}"' for choice in choices)
            call.fail(f'"{formal}" must be {wanted}; got "{text}"', at, VALUE)


def keys(call: Call) -> Type:
    """`ain_bulk([...])`: values of the primary key, or of another unique field."""
    query, names = call.query, call.texts("field_name")
    if query is None or names is None:
        return call.result
    name = names[0][0] if names else "pk"
    field = get_field(query.model, name)
    table = Table(call.project, call.api)
    typ = None if field is None else table.of_field(field)
    if typ is None:
        return call.result
    expected = Expected(typ, lambda: table.shown.of_field(field))
    for argument in call.arguments("id_list"):
        if not isinstance(get_proper_type(argument.type), NoneType):
            check_values.check_many(call, argument, f'"{query.model.__name__}.{name}"', expected)
    return call.result


# -- columns -----------------------------------------------------------------------------------------------------------


def is_column(call: Call, model: ModelClass, name: str, at: Expression, *, but: Iterable[str] = ()) -> bool:
    """Return whether a model has a column of this name; report if not. `but` are columns that are not accepted."""
    choices = [choice for choice in column_names(model) if choice not in but]
    if name in choices:
        return True
    call.fail(f'{model.__name__} has no column "{name}"{suggestion(name, choices)}', at, LOOKUP)
    return False


def _keys_of(model: ModelClass) -> set[str]:
    """Return the names of the primary key, which cannot be updated."""
    key: Any = model._meta.pk
    fields = [key, *getattr(key, "fields", ())] if key.name == "pk" else [key]
    return {"pk", *(name for field in fields for name in (field.name, field.attname))}


def check_columns(call: Call, query: Query, *formals: str, but: Iterable[str] = ()) -> None:
    """Check the names of columns in lists."""
    for name, at in each_text(call, *formals):
        is_column(call, query.model, name, at, but=but)


def bulk_update(call: Call) -> Type:
    """`abulk_update(fields=...)`: columns other than the key."""
    if call.query is not None:
        check_columns(call, call.query, "fields", but=_keys_of(call.query.model))
    return call.result


def bulk_create(call: Call) -> Type:
    """`abulk_create(update_fields=..., unique_fields=...)`."""
    if call.query is not None:
        check_columns(call, call.query, "update_fields", but=_keys_of(call.query.model))
        check_columns(call, call.query, "unique_fields")
    return call.result


def copy(call: Call) -> Type:
    """`acopy(fields=...)`."""
    if call.query is not None:
        check_columns(call, call.query, "fields")
    return call.result


def returning(call: Call) -> Type:
    """`returning()`: columns of the model's own table."""
    query = call.query
    for argument in call.arguments("field", "fields") if query is not None else ():
        name = literal_text(argument)
        if query is not None and name is not None:
            is_column(call, query.model, name, argument.expression)
    return call.result


# -- instances ---------------------------------------------------------------------------------------------------------


def save(call: Call) -> Type:
    """`adj.save(book, update_fields=[...])`, and `asave()` of a model: columns other than the key."""
    model = model_of_instance(call)
    for name, at in each_text(call, "update_fields") if model is not None else ():
        if model is not None:
            is_column(call, model, name, at, but=_keys_of(model))
    return call.result


def refresh(call: Call) -> Type:
    """`adj.refresh(book, fields=[...])`: columns, and relations to forget."""
    model = model_of_instance(call)
    for name, at in each_text(call, "fields") if model is not None else ():
        if model is not None and name not in relations(model):
            is_column(call, model, name, at)
    return call.result


def model_of_instance(call: Call) -> ModelClass | None:
    """Return the model of a function's instance, or of the receiver of a method."""
    instances = call.arguments("instance", "source")
    return call.project.model_of(instances[0].type if instances else getattr(call.context, "type", None))
