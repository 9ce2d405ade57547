"""Whether a query returns each row of its model once, derived from its joins as functional dependencies.

A joined table does not add rows if the parent row, the constants of the WHERE clause and a unique key determine one of
its rows: a foreign key, a reverse one-to-one, the rows of a many-to-many manager, a unique filter.

Private Django API used here: `Query.alias_map`, `Query.alias_refcount`, `Query.where`, `Join.join_cols`,
`Join.join_field`, `Join.filtered_relation`, `FilteredRelation.resolved_condition`, `Options.total_unique_constraints`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard, cast

from django.db.models import Model, Value
from django.db.models.expressions import Col
from django.db.models.fields.reverse_related import ManyToManyRel
from django.db.models.lookups import Lookup
from django.db.models.sql.constants import INNER
from django.db.models.sql.datastructures import Join
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, WhereNode

from adj.django_types import AnyField, PrivateJoin

# A column of a table in the FROM clause.
TableColumn = tuple[str, str]


def repeated_aliases(query: Query) -> set[str]:
    """The joined tables that may have several rows for one row of the query's model."""
    joins = [
        cast("PrivateJoin", join)
        for alias, join in query.alias_map.items()
        if query.alias_refcount[alias] and isinstance(join, Join)
    ]
    known = {*_pinned(query.where), *(column for join in joins for column in _pinned_by_join(join))}
    # An alias stands for all columns of the table.
    single = {alias for alias, table in query.alias_map.items() if not isinstance(table, Join)}
    size = -1
    while size != len(single) + len(known):
        size = len(single) + len(known)
        for join in joins:
            known.update(_implied(join, single, known))
            if _is_single(join, known):
                single.add(join.table_alias)
    return {str(join.table_alias) for join in joins} - single


def _implied(join: PrivateJoin, single: set[str], known: set[TableColumn]) -> Iterator[TableColumn]:
    """The columns on one side of a join that the columns on the other side determine."""
    for left, right in join.join_cols:
        parent, child = (join.parent_alias, left), (join.table_alias, right)
        if join.parent_alias in single or parent in known:
            yield child
        # In an outer join, the parent may not have a match.
        if join.join_type == INNER and (join.table_alias in single or child in known):
            yield parent


def _is_single(join: PrivateJoin, known: set[TableColumn]) -> bool:
    columns: set[str | None] = {column for alias, column in known if alias == join.table_alias}
    model = _model_of(join)
    return model is not None and any(key <= columns for key in _unique_keys(model))


def _model_of(join: PrivateJoin) -> type[Model] | None:
    """The model of the joined table; a generic relation has its models reversed."""
    candidates = (join.join_field.related_model, join.join_field.model)
    return next((model for model in candidates if model._meta.db_table == join.table_name), None)


def _unique_keys(model: type[Model]) -> Iterator[set[str | None]]:
    """The unique keys of a model's table, as sets of columns."""
    options = model._meta
    columns = {field.name: field.column for field in options.local_concrete_fields}
    yield {field.column for field in options.pk_fields}
    for field in options.local_concrete_fields:
        if field.unique and field.column is not None:
            yield {field.column}
    constraints = [constraint.fields for constraint in options.total_unique_constraints]
    for names in (*options.unique_together, *constraints):
        if names and columns.keys() >= set(names):
            yield {columns[name] for name in names}


def _pinned(node: object) -> Iterator[TableColumn]:
    """The columns that a condition requires to equal a constant."""
    if isinstance(node, WhereNode):
        if not node.negated and (node.connector == AND or len(node.children) == 1):
            for child in node.children:
                yield from _pinned(child)
    elif _is_equation(node) and isinstance(node.lhs, Col):
        yield node.lhs.alias, str(node.lhs.target.column)


def _pinned_by_join(join: PrivateJoin) -> Iterator[TableColumn]:
    """The columns of a joined table that the ON clause requires to equal a constant."""
    field = getattr(join.join_field, "field", join.join_field)
    if (name := getattr(field, "content_type_field_name", None)) is not None and (model := _model_of(join)):
        # Its value is not needed, and might require a query.
        yield join.table_alias, str(cast("AnyField", model._meta.get_field(name)).column)
    for alias, column in _pinned(getattr(join.filtered_relation, "resolved_condition", None)):
        if alias == join.table_alias:
            yield alias, column


def _is_equation(node: object) -> TypeGuard[Lookup]:
    """Whether a condition is Django's `exact` lookup, or `in` with one member, with a constant."""
    name, right = getattr(node, "lookup_name", None), getattr(node, "rhs", None)
    if name not in {"exact", "in"} or not type(node).__module__.startswith("django."):
        return False
    if isinstance(right, Value):
        return bool(name == "exact")
    members: list[object] = [right]
    if name == "in":
        members = list(right) if isinstance(right, (list, tuple, set, frozenset)) else []
    return len(members) == 1 and not _is_expression(members[0])


def _is_expression(value: object) -> bool:
    return hasattr(value, "resolve_expression") or hasattr(value, "as_sql")


def relation_name(query: Query, alias: str) -> str:
    """The name of a joined table in paths; for a many-to-many table, the name of the relation."""
    join = cast("PrivateJoin", query.alias_map[alias])
    name = str(getattr(join.join_field, "name", join.table_name))
    if not name.endswith("+"):
        return name
    model = join.join_field.model
    forward = {field.remote_field.through: field.name for field in model._meta.many_to_many}
    relations = [relation for relation in model._meta.related_objects if isinstance(relation, ManyToManyRel)]
    backward = {relation.through: relation.name for relation in relations}
    return str({**backward, **forward}.get(_model_of(join), name))
