"""How a QuerySet is finished by Django's own code, for each kind of answer.

Private Django API used here: `QuerySet._raw_delete`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.db.models import QuerySet

from adj.compiler.clauses import DjangoQuerySet
from adj.compiler.deleting import deletion_query
from adj.compiler.returning import delete_returning
from adj.shapes import Answer
from adj.statement import Finish

Ending: TypeAlias = Callable[[Any, Finish], Any]


def _delete(queryset: DjangoQuerySet, finish: Finish) -> Any:
    return queryset.delete() if finish.returning is None else delete_returning(queryset, finish.returning)


def _delete_at_once(queryset: DjangoQuerySet, finish: Finish) -> tuple[int, dict[str, int]]:
    """The statement of a deletion; what is returned without one says that nothing was deleted."""
    query: Any = deletion_query(queryset)
    query._raw_delete(queryset.db)
    return 0, {}


_BY_ONE_STATEMENT: Mapping[Answer, Ending] = {
    Answer.ROWS: lambda queryset, finish: list(queryset.query.get_compiler(queryset.db).execute_sql()),
    Answer.GET: lambda queryset, finish: queryset.get(),
    Answer.FIRST: lambda queryset, finish: queryset.first(),
    Answer.LAST: lambda queryset, finish: queryset.last(),
    Answer.EARLIEST: lambda queryset, finish: queryset.earliest(*finish.args),
    Answer.LATEST: lambda queryset, finish: queryset.latest(*finish.args),
    Answer.COUNT: lambda queryset, finish: queryset.count(),
    Answer.EXISTS: lambda queryset, finish: queryset.exists(),
    Answer.AGGREGATE: lambda queryset, finish: queryset.aggregate(*finish.args, **finish.kwargs),
    Answer.UPDATE: lambda queryset, finish: queryset.update(**finish.kwargs) or 0,
    Answer.DELETE: _delete_at_once,
}

_BY_DJANGO_ALONE: Mapping[Answer, Ending] = {
    Answer.CREATE: lambda queryset, finish: queryset.create(**finish.kwargs),
    Answer.GET_OR_CREATE: lambda queryset, finish: queryset.get_or_create(*finish.args, **finish.kwargs),
    Answer.UPDATE_OR_CREATE: lambda queryset, finish: queryset.update_or_create(*finish.args, **finish.kwargs),
    Answer.BULK_CREATE: lambda queryset, finish: queryset.bulk_create(*finish.args, **finish.kwargs),
    Answer.BULK_UPDATE: lambda queryset, finish: queryset.bulk_update(*finish.args, **finish.kwargs),
}

WRITTEN_BY_DJANGO = frozenset(_BY_DJANGO_ALONE)
"""Answers that take several statements, or hooks of the project on the way."""

_IN_DJANGO: Mapping[Answer, Ending] = {
    **_BY_ONE_STATEMENT,
    **_BY_DJANGO_ALONE,
    Answer.ROWS: lambda queryset, finish: list(queryset),
    Answer.DELETE: _delete,
}

_WRITING_METHODS: Mapping[Answer, str] = {Answer.UPDATE: "update", Answer.DELETE: "delete"}


def has_own_way(queryset_class: type[DjangoQuerySet], answer: Answer) -> bool:
    """Whether a QuerySet class of the project writes in its own way."""
    name = _WRITING_METHODS.get(answer)
    return name is not None and getattr(queryset_class, name) is not getattr(QuerySet, name)


def finish_in_django(queryset: DjangoQuerySet, finish: Finish) -> Any:
    """Finish a QuerySet with Django's own code; blocks on the database."""
    return _IN_DJANGO[finish.answer](queryset, finish)


def finish_by_one_statement(queryset: DjangoQuerySet, finish: Finish) -> Any:
    """Finish a QuerySet by the statement that answers it, of which `capturing()` gets hold."""
    return _BY_ONE_STATEMENT[finish.answer](queryset, finish)
