"""The statement that fetches the rows of a relation for many instances at once.

Private Django API used here: `QuerySet._chain`, `._db`, `._hints`, `._for_write`, `._iterable_class`,
`._prefetch_related_lookups`, `Manager._queryset_class`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from django.core.exceptions import SynchronousOnlyOperation
from django.db import router
from django.db.models import Model
from django.db.models.query import ModelIterable

from adj.compiler.keys.key_visitor import base_structure, structure_of_statement
from adj.compiler.keys.overrides import django_reason, starts_plain
from adj.compiler.plans.prepared import Execution
from adj.compiler.relations.known_objects import prefetches
from adj.compiler.relations.relation import Relation
from adj.compiler.slots.row_keys import RowKeys
from adj.django_types import AnyPrefetch, PrivateQuerySet
from adj.hydrate.fetch_mode import mode_for
from adj.statement import clauses as ask
from adj.statement.clauses import Among, DjangoQuerySet, among_key
from adj.statement.statement import ROWS, Statement
from adj.statement.structure import StatementHolder, Structure, Unkeyed

# After these, rows are not instances of the model, or the query cannot be filtered.
_UNFIT = (ask.Slice, ask.Combine, ask.Values, ask.ValuesList, ask.Dates, ask.Datetimes)


@dataclass(frozen=True, slots=True)
class Request:
    """The query for a relation's rows, without the keys.

    `source` is the user's query, if any; `lookups` are its prefetch lookups. `calls_project_code`: a manager of the
    project creates the QuerySets that cache the rows.
    """

    relation: Relation
    statement: Statement
    structure: Structure | Unkeyed
    source: StatementHolder | DjangoQuerySet | None
    lookups: tuple[str | AnyPrefetch, ...]
    calls_project_code: bool

    @property
    def alias(self) -> str:
        """The database of the query."""
        if self.statement.alias is None:
            raise TypeError("a request goes to a database that is known")
        return self.statement.alias

    def execution(self, keys: RowKeys) -> Execution:
        """The query for the rows of some keys."""
        statement, structure = self.statement.with_clause(Among(self.relation, keys)), self.structure
        if isinstance(structure, Structure):
            structure = structure.extended(Structure((among_key(self.relation),), (keys,)))
        return Execution(statement, structure, ROWS)


def request_for(relation: Relation, instance: Model, source: StatementHolder | DjangoQuerySet | None) -> Request | None:
    """The request for a relation's rows, from the query `source` if there is one.

    The database is chosen for `instance`. Returns None if Django has to fetch the rows.
    """
    started = _started(relation, instance, source)
    if started is None or started[0].model is not relation.related_model:
        return None
    statement, structure = started
    # The query's own lookups are followed separately.
    lookups = prefetches(statement)
    clauses = tuple(clause for clause in statement.clauses if not isinstance(clause, ask.Prefetch))
    alias = _alias_of(statement, instance)
    return Request(
        relation=relation,
        statement=Statement(statement.model, _without_lookups(statement.base), clauses, alias),
        structure=structure,
        source=source,
        lookups=lookups,
        calls_project_code=not relation.is_single and source is None and not starts_plain(relation.manager),
    )


def _started(
    relation: Relation, instance: Model, source: StatementHolder | DjangoQuerySet | None
) -> tuple[Statement, Structure | Unkeyed] | None:
    if isinstance(source, StatementHolder):
        return (source.statement, source.structure) if _is_fit(source.statement) else None
    if source is None and starts_plain(relation.manager):
        base, structure = _plain_start(relation)
        return _in_mode(Statement(relation.related_model, base), structure, relation, instance)
    try:
        statement = Statement(relation.related_model, _managers(relation, instance) if source is None else source)
        structure = structure_of_statement(statement) if _is_fit(statement) else Unkeyed("")
    except SynchronousOnlyOperation:
        # The project's manager queries the database.
        return None
    if not _is_fit(statement):
        return None
    if source is None:
        return _in_mode(statement, structure, relation, instance)
    return Statement(source.model, source), structure


@lru_cache(maxsize=1_024)
def _plain_start(relation: Relation) -> tuple[DjangoQuerySet, Structure | Unkeyed]:
    """The QuerySet of all rows, for a manager that overrides nothing, and its structure."""
    queryset_class: type = relation.manager._queryset_class
    base = queryset_class(model=relation.related_model)
    return base, base_structure(base)


def _managers(relation: Relation, instance: Model) -> DjangoQuerySet:
    """The QuerySet of a project's manager, called as Django's descriptors do."""
    if relation.is_single:
        queryset: DjangoQuerySet = relation.manager.db_manager(hints={"instance": instance}).get_queryset()
    else:
        manager = getattr(instance, relation.name)
        above: Any = super(type(manager), manager)
        queryset = above.get_queryset()
    return queryset


def _in_mode(
    statement: Statement, structure: Structure | Unkeyed, relation: Relation, instance: Model
) -> tuple[Statement, Structure | Unkeyed]:
    """Give a single related row the fetch mode of its instance."""
    mode = getattr(instance._state, "fetch_mode", None)
    if not relation.is_single or mode is None or mode_for(mode) is mode_for(_default_mode()):
        return statement, structure
    fetching = ask.Fetching(mode)
    added = Structure((("fetch_mode", mode),))
    return statement.with_clause(fetching), structure if isinstance(structure, Unkeyed) else structure.extended(added)


def _default_mode() -> object:
    from django.db.models.query import DEFAULT_FETCH_MODE

    return DEFAULT_FETCH_MODE


def _is_fit(statement: Statement) -> bool:
    """Whether the rows are plain instances, and the query can be filtered by keys."""
    if any(isinstance(clause, _UNFIT) for clause in statement.clauses):
        return False
    base: DjangoQuerySet | None = statement.base
    return base is None or (
        django_reason(base) is None
        and base._iterable_class is ModelIterable
        and not base.query.is_sliced
        and not base.query.combinator
    )


def _without_lookups(base: DjangoQuerySet | None) -> DjangoQuerySet | None:
    private = cast("PrivateQuerySet | None", base)
    if private is None or not private._prefetch_related_lookups:
        return base
    private = private._chain()
    private._prefetch_related_lookups = ()
    return private


def _alias_of(statement: Statement, instance: Model) -> str:
    """The database of the query, or the router's choice for an instance's relation."""
    base = cast("PrivateQuerySet | None", statement.base)
    if statement.alias is not None:
        return statement.alias
    if base is not None and base._db:
        return str(base._db)
    hints = {**(base._hints if base is not None else {}), "instance": instance}
    writes = any(isinstance(clause, ask.Lock) for clause in statement.clauses) or getattr(base, "_for_write", False)
    return (router.db_for_write if writes else router.db_for_read)(statement.model, **hints)
