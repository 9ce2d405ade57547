"""Checks, on the line that writes them, the names that Django checks only when the query runs.

Private Django API used here: `Query.setup_joins`, `JoinInfo.transform_function`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from django.core.exceptions import FieldError
from django.db.models import Model, Prefetch
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql.query import Query

from adj.compiler.checks.names import begins_with, names_in
from adj.django_types import PathField
from adj.errors import QueryError, UnknownColumn, UnknownField, UnknownRelation
from adj.schema.paths import field_names, get_field, resolve
from adj.statement import clauses
from adj.statement.clauses import DjangoQuerySet, Role
from adj.statement.statement import Statement


def check_late_names(statement: Statement, before: DjangoQuerySet) -> None:
    """Check the names of the last clause; `before` is the QuerySet without it.

    Raises `UnknownField`, `UnknownColumn`, `UnknownRelation` or `UnknownLookup`.
    """
    clause = statement.clauses[-1]
    if clause.role is None:
        return
    names: Iterable[object] = clause.all_names()
    if isinstance(clause, clauses.Prefetch):
        names = _prefetched(statement, clause.lookups)
    check = _CHECKS[clause.role]
    known = names_in(before)
    for name in names:
        # Django allows a sign as part of an annotation's name.
        if isinstance(name, str) and not any(begins_with(part, known) for part in (name, name.lstrip("-+"))):
            check(statement.model, name)


def _check_path(model: type[Model], name: str) -> None:
    path = name.removeprefix("-").removeprefix("+")
    if path == "?":
        return
    try:
        resolve(model, path)
    except QueryError:
        if not _is_sortable(model, path):
            raise


@lru_cache(maxsize=1_024)
def _is_sortable(model: type[Model], path: str) -> bool:
    """Whether Django can sort by a path: after a relation, it accepts the transforms of the related key's field."""
    query = Query(model)
    try:
        joined = query.setup_joins(path.split(LOOKUP_SEP), query.get_meta(), query.get_initial_alias())
        for target in joined.targets:
            joined.transform_function(target, joined.joins[-1])
    except FieldError:
        return False
    return True


def _check_column(model: type[Model], name: str) -> None:
    here: type[Model] | None = model
    for part in name.split("__"):
        field = None if here is None else get_field(here, part)
        if field is None:
            last = model if here is None else here
            raise UnknownColumn(model=last.__name__, path=name, part=part, choices=field_names(last))
        here = getattr(field, "related_model", None)


def _check_relation(model: type[Model], name: str) -> None:
    for part in name.split("__"):
        choices = dict(_single_relations(model))
        if part not in choices:
            raise UnknownField(
                model=model.__name__,
                path=name,
                part=part,
                choices=choices,
                kind="foreign key or one-to-one relation",
                problem=_problem_of_relation(model, part),
            )
        model = choices[part]


def _problem_of_relation(model: type[Model], name: str) -> str | None:
    """Why `select_related()` cannot follow a field that exists; None if the field does not exist."""
    subject = f'"{name}" of {model.__name__}'
    if name in dict(relations(model)):
        return (
            f'{subject} leads to several rows and cannot be used in select_related(); use prefetch_related("{name}").'
        )
    if get_field(model, name) is not None:
        return f"{subject} is not a relation and cannot be used in select_related()."
    return None


def _single_relations(model: type[Model]) -> Iterator[tuple[str, type[Model]]]:
    """The relations that `select_related()` can follow, by name, with the related model."""
    for field in model._meta.get_fields():
        if field.is_relation and field.related_model is not None and (field.many_to_one or field.one_to_one):
            yield field.name, field.related_model


def _check_prefetch(model: type[Model], name: str) -> None:
    here = model
    for part in name.split("__"):
        if not hasattr(here, part):
            choices = dict(relations(here))
            raise UnknownRelation(model=here.__name__, path=name, part=part, choices=choices, kind="relation")
        following = dict(relations(here)).get(part)
        if following is None:
            # A generic foreign key, or a project's own attribute: where it leads is known only once there are rows.
            return
        here = following


def relations(model: type[Model]) -> Iterator[tuple[str, type[Model] | None]]:
    """The relations of a model: the attribute's name and the related model, which is None for a generic foreign key."""
    for name, field in relation_fields(model):
        yield name, field.related_model


def relation_fields(model: type[Model]) -> Iterator[tuple[str, PathField]]:
    """The relations of a model: the attribute's name and the field, or the reverse relation."""
    for field in model._meta.get_fields():
        if field.is_relation:
            accessor_name = getattr(field, "get_accessor_name", None)
            name = field.name if accessor_name is None else accessor_name()
            if name is not None:
                yield name, field


def _prefetched(statement: Statement, lookups: tuple[object, ...]) -> Iterator[object]:
    """The paths of prefetches, except those through the `to_attr` of another prefetch."""
    attributes = {
        lookup.prefetch_to
        for clause in statement.clauses
        if isinstance(clause, clauses.Prefetch)
        for lookup in clause.lookups
        if isinstance(lookup, Prefetch) and lookup.to_attr
    }
    for lookup in lookups:
        path = lookup.prefetch_through if isinstance(lookup, Prefetch) else lookup
        if isinstance(path, str) and not begins_with(path, frozenset(attributes)):
            yield path


_CHECKS: Mapping[Role, Callable[[type[Model], str], None]] = {
    Role.COLUMN: _check_column,
    Role.PATH: _check_path,
    Role.RELATION: _check_relation,
    Role.PREFETCH: _check_prefetch,
}
