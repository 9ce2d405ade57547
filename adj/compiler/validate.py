"""Whether a clause fits, judged on the line that adds it.

Django is the judge: the first time that a structure is seen, its QuerySet is built at once, and whatever Django raises
is raised there, with the facts. After that only the types of new values are looked at, and what the table of
`adj/schema/operands.py` does not vouch for is put to Django again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError
from django.db.models import F, Q
from django.db.models.expressions import OuterRef

from adj import statement as ask
from adj.compiler.build import build
from adj.compiler.keys import Describer, Key, StatementHolder, Structure, Unkeyed
from adj.compiler.text import query_text
from adj.errors import InvalidFormat, InvalidOperand, ShapeError, UnknownColumn, UnknownField, UnsupportedFeature
from adj.schema.operands import expected, operand_types
from adj.schema.paths import field_names, get_field, resolve
from adj.statement import Statement

_MAXIMUM = 8_192

Accepted = tuple[frozenset[type] | None, ...]

_seen: dict[Key, Accepted] = {}
_lock = threading.Lock()


def validate(statement: Statement, whole: Structure | Unkeyed, added: Structure | Unkeyed) -> None:
    """Check the last clause of a statement; `added` is the structure of that clause alone.

    Raises `UnknownField`, `UnknownLookup`, `InvalidOperand`, `ShapeError` or `UnsupportedFeature`, or what Django
    raises where adj has no class of its own.
    """
    if isinstance(whole, Unkeyed) or isinstance(added, Unkeyed):
        _judge(statement)
        return
    key = (statement.model, whole.key, _prefetched(statement.clauses[-1]))
    accepted = _seen.get(key)
    if accepted is None:
        _judge(statement)
        _remember(key, _accepted(statement))
    elif accepted and not _are_accepted(added.values, accepted):
        _judge(statement)


def _prefetched(clause: ask.AnyClause) -> Key:
    """The paths of a prefetch, which are in no structure, as they do not change the SQL."""
    if not isinstance(clause, ask.Prefetch):
        return None
    return tuple(getattr(lookup, "prefetch_to", lookup) for lookup in clause.lookups)


def _remember(key: Key, accepted: Accepted) -> None:
    with _lock:
        if len(_seen) >= _MAXIMUM:
            _seen.clear()
        _seen[key] = accepted


def _are_accepted(values: tuple[object, ...], accepted: Accepted) -> bool:
    for value, types in zip(values, accepted, strict=True):
        if types is None or type(value) in types:
            continue
        if not isinstance(value, (list, tuple, set, frozenset, range)):
            return False
        if not all(type(item) in types for item in value):
            return False
    return True


class _Tracer(Describer):
    """A describer that notes which path each value belongs to."""

    __slots__ = ("paths",)

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str | None] = []

    def lookups(self, pairs: Mapping[str, object]) -> Key:
        for path in sorted(pairs):
            self._note(path, pairs[path])
        return None

    def q_child(self, child: Any) -> Key:
        if isinstance(child, tuple):
            return self._note(*child)
        return super().q_child(child)

    def _note(self, path: str, operand: object) -> Key:
        self.paths.extend([None] * (len(self.values) - len(self.paths)))
        self.operand(operand)
        is_value = not hasattr(operand, "resolve_expression") and not isinstance(operand, StatementHolder)
        self.paths.extend([path if is_value else None] * (len(self.values) - len(self.paths)))
        return None


def _accepted(statement: Statement) -> Accepted:
    """For each value of the last clause, the types that need no second look."""
    clause = statement.clauses[-1]
    tracer = _Tracer()
    match clause:
        case ask.Filter():
            for condition in clause.args:
                tracer.condition(condition)
            tracer.lookups(clause.kwargs)
        case ask.ComplexFilter(condition) if isinstance(condition, dict):
            tracer.lookups(condition)
        case ask.ComplexFilter(condition):
            tracer.condition(condition)
        case _:
            return ()
    tracer.paths.extend([None] * (len(tracer.values) - len(tracer.paths)))
    known = _known_names(statement)
    return tuple(
        None if path is None or _head(path, known) else operand_types(statement.model, path) for path in tracer.paths
    )


# -- judging -----------------------------------------------------------------------------------------------------------


def _judge(statement: Statement) -> None:
    """Let Django build the QuerySet; turn what it raises into adj's own errors."""
    clause = statement.clauses[-1]
    try:
        build(statement)
    except FieldError as error:
        _raise_unknown_name(statement, error)
    except NotSupportedError as error:
        raise UnsupportedFeature(query=query_text(statement), reason=str(error)) from error
    except (TypeError, ValueError, ValidationError) as error:
        _raise_misfit(statement, error)
    if isinstance(clause, (ask.Only, ask.Defer)):
        _check_columns(statement, clause)
    elif isinstance(clause, ask.SelectRelated):
        _check_relations(statement, clause)


def _raise_unknown_name(statement: Statement, error: FieldError) -> NoReturn:
    """Find the name that Django objects to, and say what there is instead."""
    known = _known_names(statement)
    for path in _paths(statement.clauses[-1]):
        if path and not _head(path, known):
            try:
                resolve(statement.model, path)
            except UnknownField as unknown:
                raise _with_choices(unknown, statement, known) from error
            except FieldError as unknown:
                raise unknown from error
    raise error


def _with_choices(unknown: UnknownField, statement: Statement, known: frozenset[str]) -> UnknownField:
    """Annotations are choices too, where the model itself is asked."""
    if unknown.model != statement.model.__name__ or not known:
        return unknown
    return UnknownField(model=unknown.model, path=unknown.path, part=unknown.part, choices=(*unknown.choices, *known))


def _raise_misfit(statement: Statement, error: Exception) -> NoReturn:
    clause = statement.clauses[-1]
    is_condition = isinstance(clause, (ask.Filter, ask.ComplexFilter))
    if is_condition and (culprits := list(_culprits(statement))):
        path, operand = culprits[0]
        kind = InvalidFormat if isinstance(error, ValidationError) else InvalidOperand
        raise kind(
            model=statement.model.__name__,
            path=path,
            expected=expected(statement.model, path),
            got=_kind_of(operand),
        ) from error
    if isinstance(error, TypeError):
        raise ShapeError(query=query_text(statement), reason=str(error), advice=_advice(statement)) from error
    raise error


def _culprits(statement: Statement) -> Iterator[tuple[str, object]]:
    """The conditions of the last clause that Django refuses by themselves."""
    before = Statement(statement.model, statement.base, statement.clauses[:-1], statement.alias)
    for path, operand in _conditions(statement.clauses[-1]):
        try:
            build(before.with_clause(ask.Filter((), {path: operand})))
        except (TypeError, ValueError, ValidationError):
            if not _is_refused(before):
                yield path, operand
        except FieldError:
            continue


def _is_refused(statement: Statement) -> bool:
    """Whether the statement takes no condition at all, as after a slice."""
    try:
        build(statement.with_clause(ask.Filter((), {"pk__isnull": False})))
    except (TypeError, ValueError):
        return True
    return False


def _advice(statement: Statement) -> str:
    earlier = statement.clauses[:-1]
    if any(isinstance(clause, ask.Slice) for clause in earlier):
        return "Slice last: put [start:stop] after the other clauses."
    if any(isinstance(clause, (ask.Values, ask.ValuesList)) for clause in earlier):
        return "Choose one: values() and values_list() name the columns themselves."
    if any(isinstance(clause, ask.Combine) for clause in earlier):
        return "Put this clause on the queries before they are combined."
    return "Leave this clause out, or put it elsewhere in the chain."


def _kind_of(operand: object) -> str:
    if isinstance(operand, (list, tuple, set, frozenset)):
        kinds = sorted({type(item).__name__ for item in operand})
        return f"{type(operand).__name__} of {', '.join(kinds) or 'nothing'}"
    kind = type(operand).__name__
    is_unsaved = hasattr(operand, "_meta") and getattr(operand, "pk", 0) is None
    return f"an unsaved {kind}" if is_unsaved else kind


# -- names -------------------------------------------------------------------------------------------------------------


def _known_names(statement: Statement) -> frozenset[str]:
    """Names that are no fields: annotations, filtered relations, extra columns."""
    before = Statement(statement.model, statement.base, statement.clauses[:-1], statement.alias)
    query: Any = build(before).query
    return frozenset({*query.annotations, *query.extra, *query._filtered_relations})


def _head(path: str, known: frozenset[str]) -> bool:
    """Whether a path begins with a name that is no field."""
    return any(path == name or path.startswith(f"{name}__") for name in known)


def _conditions(clause: Any) -> Iterator[tuple[str, object]]:
    """The `(path, operand)` pairs of a filter."""
    if isinstance(clause, ask.ComplexFilter):
        condition: Any = clause.condition
        yield from condition.items() if isinstance(condition, dict) else _q_conditions(condition)
        return
    for argument in clause.args:
        yield from _q_conditions(argument)
    yield from sorted(clause.kwargs.items())


def _q_conditions(node: Any) -> Iterator[tuple[str, object]]:
    if isinstance(node, Q):
        for child in node.children:
            if isinstance(child, tuple):
                yield child
            else:
                yield from _q_conditions(child)


def _paths(clause: Any) -> Iterator[str]:
    """Every path that a clause names, in its conditions, its names and its expressions."""
    match clause:
        case ask.Filter() | ask.ComplexFilter():
            for path, operand in _conditions(clause):
                yield path
                yield from _expression_paths(operand)
            for argument in getattr(clause, "args", ()):
                yield from _expression_paths(argument)
        case ask.Annotate():
            for expression in (*clause.args, *clause.kwargs.values()):
                yield from _expression_paths(expression)
        case ask.Values():
            yield from _name_paths(clause.names)
            for expression in clause.expressions.values():
                yield from _expression_paths(expression)
        case ask.OrderBy() | ask.Distinct() | ask.ValuesList() | ask.Only() | ask.Defer():
            yield from _name_paths(clause.names)
        case ask.Dates() | ask.Datetimes():
            yield clause.name
        case _:
            return


def _name_paths(names: tuple[object, ...]) -> Iterator[str]:
    for name in names:
        if isinstance(name, str):
            yield name.lstrip("-+").replace("?", "")
        else:
            yield from _expression_paths(name)


def _expression_paths(node: Any) -> Iterator[str]:
    if isinstance(node, OuterRef):
        return
    if isinstance(node, F):
        reference: Any = node
        yield reference.name
    elif isinstance(node, Q):
        for path, operand in _q_conditions(node):
            yield path
            yield from _expression_paths(operand)
    elif hasattr(node, "get_source_expressions"):
        for source in node.get_source_expressions():
            yield from _expression_paths(source)


def _check_columns(statement: Statement, clause: ask.Only | ask.Defer) -> None:
    """Django looks at these names only when the query runs."""
    known = _known_names(statement)
    for name in clause.names:
        if not isinstance(name, str) or _head(name, known):
            continue
        model: Any = statement.model
        for part in name.split("__"):
            field = None if model is None else get_field(model, part)
            if field is None:
                owner = statement.model if model is None else model
                raise UnknownColumn(model=owner.__name__, path=name, part=part, choices=field_names(owner))
            model = getattr(field, "related_model", None)


def _check_relations(statement: Statement, clause: ask.SelectRelated) -> None:
    """Django looks at these names only when the query runs."""
    known = _known_names(statement)
    for name in clause.names:
        if not isinstance(name, str) or _head(name, known):
            continue
        model: Any = statement.model
        for part in name.split("__"):
            field = get_field(model, part)
            if field is None or not field.is_relation or field.related_model is None:
                raise UnknownField(model=model.__name__, path=name, part=part, choices=_relation_names(model))
            model = field.related_model


def _relation_names(model: Any) -> tuple[str, ...]:
    single = (field for field in model._meta.get_fields() if field.is_relation and field.related_model is not None)
    return tuple(field.name for field in single if field.many_to_one or field.one_to_one)
