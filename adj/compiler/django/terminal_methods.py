"""Calls the terminal methods of Django's QuerySets.

Private Django API used here: `QuerySet._raw_delete`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from django.db.models import Field, Model

from adj.compiler.django.deleting import deletion_query
from adj.compiler.django.django_path import call_terminal, terminal_reason
from adj.compiler.django.returning import delete_returning
from adj.compiler.keys.overrides import method_names
from adj.schema.paths import get_field
from adj.statement.clauses import DjangoQuerySet
from adj.statement.shapes import Answer
from adj.statement.statement import Statement, TerminalCall

TerminalMethod: TypeAlias = Callable[[Any, TerminalCall], object]


def _delete_at_once(queryset: DjangoQuerySet, terminal: TerminalCall) -> tuple[int, dict[str, int]]:
    """Run the statement of a deletion; without one, report that nothing was deleted."""
    deletion_query(queryset)._raw_delete(queryset.db)
    return 0, {}


_BY_ONE_STATEMENT: Mapping[Answer, TerminalMethod] = {
    Answer.ROWS: lambda queryset, terminal: list(queryset.query.get_compiler(queryset.db).execute_sql()),
    Answer.GET: lambda queryset, terminal: queryset.get(),
    Answer.FIRST: lambda queryset, terminal: queryset.first(),
    Answer.LAST: lambda queryset, terminal: queryset.last(),
    Answer.EARLIEST: lambda queryset, terminal: queryset.earliest(*terminal.args),
    Answer.LATEST: lambda queryset, terminal: queryset.latest(*terminal.args),
    Answer.COUNT: lambda queryset, terminal: queryset.count(),
    Answer.EXISTS: lambda queryset, terminal: queryset.exists(),
    Answer.AGGREGATE: lambda queryset, terminal: queryset.aggregate(*terminal.args, **terminal.kwargs),
    Answer.UPDATE: lambda queryset, terminal: queryset.update(**terminal.kwargs) or 0,
    Answer.DELETE: _delete_at_once,
}

WRITTEN_BY_DJANGO = frozenset(
    {Answer.CREATE, Answer.GET_OR_CREATE, Answer.UPDATE_OR_CREATE, Answer.BULK_CREATE, Answer.BULK_UPDATE}
)
"""Terminal methods that run several statements, or call hooks of the project."""


def call_in_django(source: Any, terminal: TerminalCall) -> object:
    """Call the terminal method of a QuerySet, or of a manager that overrides it.

    Blocks on the database.
    """
    if terminal.answer is Answer.ROWS:
        return list(source)
    if terminal.returning is not None:
        return delete_returning(source, terminal.returning)
    args, kwargs = _ARGUMENTS.get(terminal.answer, _as_called)(terminal)
    return call_terminal(source, terminal.answer.value, *args, **kwargs)


def assigned_values(statement: Statement, terminal: TerminalCall) -> Iterator[tuple[Field[Any, Any], object]]:
    """The values, each with its field, that Django's `update()` and `bulk_update()` write unchanged."""
    if terminal_reason(statement, method_names(terminal.answer)) is not None:
        return
    for field, value in _assigned(statement.model, terminal):
        if field is not None and not hasattr(value, "resolve_expression"):
            yield field, value.prepare_database_save(field) if isinstance(value, Model) else value


def _assigned(model: type[Model], terminal: TerminalCall) -> Iterator[tuple[Any, object]]:
    if terminal.answer is Answer.UPDATE:
        yield from ((get_field(model, name), value) for name, value in terminal.kwargs.items())
    if terminal.answer is Answer.BULK_UPDATE:
        instances, names = cast("tuple[Iterable[Model], Iterable[str]]", terminal.args)
        fields: list[Any] = [field for name in names if (field := get_field(model, name)) is not None]
        for instance in instances:
            # Django fetches deferred fields.
            loaded = (field for field in fields if getattr(field, "attname", None) in vars(instance))
            yield from ((field, getattr(instance, field.attname)) for field in loaded)


Arguments: TypeAlias = tuple[tuple[object, ...], Mapping[str, object]]


def _as_called(terminal: TerminalCall) -> Arguments:
    return terminal.args, terminal.kwargs


def _with_defaults(terminal: TerminalCall) -> Arguments:
    """Pass the defaults by name, since a class of the project may order its parameters differently."""
    named = dict(zip(("defaults", "create_defaults"), terminal.args, strict=False))
    return (), {**{name: value for name, value in named.items() if value is not None}, **terminal.kwargs}


def _with_chosen_options(terminal: TerminalCall) -> Arguments:
    """Leave out options that have Django's default, since a class of the project may not accept them."""
    return terminal.args, {
        name: value for name, value in terminal.kwargs.items() if value is not None and value is not False
    }


_ARGUMENTS: Mapping[Answer, Callable[[TerminalCall], Arguments]] = {
    Answer.GET_OR_CREATE: _with_defaults,
    Answer.UPDATE_OR_CREATE: _with_defaults,
    Answer.BULK_CREATE: _with_chosen_options,
    Answer.BULK_UPDATE: _with_chosen_options,
}


def call_by_one_statement(queryset: DjangoQuerySet, terminal: TerminalCall) -> object:
    """Call the terminal method that executes one statement, which `capturing()` intercepts."""
    return _BY_ONE_STATEMENT[terminal.answer](queryset, terminal)
