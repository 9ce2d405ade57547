"""What Django adds to rows after their query: prefetched relations, and a related manager's known objects.

Private Django API used here: `QuerySet._known_related_objects`, `QuerySet._prefetch_related_lookups`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, cast

from adj.compiler.django.build import build
from adj.django_types import AnyPrefetch, PrivateQuerySet
from adj.statement.clauses import Combine, DjangoQuerySet, Prefetch
from adj.statement.statement import Statement
from adj.statement.structure import StatementHolder


def prefetches(statement: Statement) -> tuple[str | AnyPrefetch, ...]:
    """The prefetch lookups of a statement, from its base and its clauses."""
    if any(isinstance(clause, Combine) for clause in statement.clauses):
        # Django uses those of one side, depending on which is empty or has limits.
        combined = cast("PrivateQuerySet", build(statement))
        return tuple(combined._prefetch_related_lookups)
    # Not by `cast()`, which is a call: this is a hot path.
    base: Any = statement.base
    lookups: tuple[str | AnyPrefetch, ...] = () if base is None else base._prefetch_related_lookups
    for clause in statement.clauses:
        if isinstance(clause, Prefetch):
            is_cleared = clause.lookups == (None,)
            lookups = () if is_cleared else (*lookups, *clause.lookups)
    return lookups


def known_related_objects(queryset: DjangoQuerySet) -> Mapping[Any, Mapping[object, object]]:
    """By relation and key, the instances whose related managers created the QuerySet."""
    known: Mapping[Any, Mapping[object, object]] = queryset._known_related_objects  # type: ignore[attr-defined]  # private
    return known


def set_known_related_objects(statement: Statement, instances: Sequence[object]) -> None:
    """Set the author on the rows of `q(author.books)`, as Django does."""
    if not _may_know(statement):
        return
    has_merged = any(isinstance(clause, Combine) for clause in statement.clauses)
    queryset: Any = build(statement) if has_merged else statement.base
    for field, objects in known_related_objects(queryset).items():
        get_field: Any = statement.model._meta.get_field
        names = [field.attname if name == "self" else get_field(name).attname for name in field.from_fields]
        key_of = attrgetter(*names)
        for instance in instances:
            if not hasattr(instance, "_state") or field.is_cached(instance):
                continue
            if all(name in instance.__dict__ for name in names) and key_of(instance) in objects:
                setattr(instance, field.name, objects[key_of(instance)])


def _may_know(statement: Statement) -> bool:
    """Whether a statement, or a query that it combines, starts from a related manager."""
    if statement.base is not None and known_related_objects(statement.base):
        return True
    others = [other for clause in statement.clauses if isinstance(clause, Combine) for other in clause.others]
    return any(
        _may_know(other.statement) if isinstance(other, StatementHolder) else known_related_objects(other)
        for other in cast("list[Any]", others)
    )
