"""A statement as the Python code that a user would write: for `repr()`, error messages and notes on errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Field, FilteredRelation, Q
from django.db.models.expressions import BaseExpression, CombinedExpression, NegatedExpression

from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, Statement, TerminalCall
from adj.statement.structure import StatementHolder

_LONGEST = 60
# How deep nested conditions and queries are written out, and how many children of one condition.
_DEEPEST = 20
_MOST = 100

_OPERATORS = {"AND": "&", "OR": "|", "XOR": "^"}
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})


def query_text(statement: Statement, terminal: TerminalCall = ROWS, *, with_values: bool | None = None) -> str:
    """The code of a query, such as `q(Book).filter(pages__gt=200).order_by('-rating')`.

    Never touches the database. Values are shown if `with_values` is true; by default only with `settings.DEBUG`, since
    messages end up in logs. Very deeply nested conditions and queries are left out.
    """
    shows_values = settings.DEBUG if with_values is None else with_values
    return _text(statement, terminal, _Writer(shows_values))


def _text(statement: Statement, terminal: TerminalCall, writer: _Writer) -> str:
    applied = () if statement.project is None else statement.project.applied
    calls = "".join(clause.text(writer) for clause in (*applied, *statement.clauses))
    using = f".using({statement.alias!r})" if statement.alias is not None else ""
    timeout = f".timeout({statement.seconds!r})" if statement.seconds is not None else ""
    return f"q({_base_text(statement)}){calls}{using}{timeout}{writer.terminal(terminal)}"


def _base_text(statement: Statement) -> str:
    name = statement.model.__name__
    if statement.base is None:
        return name
    return f"<{type(statement.base).__name__} of {name}>"


def call_text(name: str, instance: object, options: Mapping[str, object]) -> str:
    """The code of a call with an instance, such as `adj.save(<Book>)`; values are shown as in a query."""
    writer = _Writer(settings.DEBUG)
    arguments = [writer.instance(instance), *writer.arguments((), options.items())]
    return f"adj.{name}({', '.join(arguments)})"


def related_text(
    instance: object, relation: str | None, name: str, args: Iterable[object], options: Mapping[str, object]
) -> str:
    """The code of a method call of a related query, such as `adj.related(<Author>, 'books').aadd(...)`."""
    writer = _Writer(settings.DEBUG)
    arguments = [*map(writer.value, args), *writer.arguments((), options.items())]
    return f"{_related(instance, relation, writer)}.a{name}({', '.join(arguments)})"


def related_query_text(instance: object, relation: str | None) -> str:
    """The code of a related query, such as `adj.related(<Author 1>, 'books')`."""
    return _related(instance, relation, _Writer(shows_values=True))


def _related(instance: object, relation: str | None, writer: _Writer) -> str:
    subject = writer.instance(instance)
    return f"adj.related({subject}, {relation!r})" if relation is not None else f"adj.related(<manager of {subject}>)"


class _Noting:
    """Adds a note with the code that was run, without its values, to database errors that leave the block."""

    def text(self) -> str:
        """The code that was run."""
        raise TypeError(f"{type(self).__name__} does not say what was run")

    def __enter__(self) -> None:
        return None

    def __exit__(self, error_type: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DatabaseError):
            error.add_note(f"The query: {self.text()}")


class Noted(_Noting):
    """Notes a query."""

    def __init__(self, statement: Statement, terminal: TerminalCall) -> None:
        self.statement, self.terminal = statement, terminal

    def text(self) -> str:
        """The query as it was written."""
        return query_text(self.statement, self.terminal)


class NotedCall(_Noting):
    """Notes a call, whose code a function writes."""

    def __init__(self, write: Callable[..., str], *args: object) -> None:
        self._write, self._args = write, args

    def text(self) -> str:
        """The call as it was written."""
        return self._write(*self._args)


class _Writer:
    def __init__(self, shows_values: bool, depth: int = 0) -> None:
        self.shows_values = shows_values
        self.depth = depth

    def terminal(self, terminal: TerminalCall) -> str:
        """The terminal method, unless it is `run()`."""
        if terminal.answer is Answer.ROWS:
            return ""
        options = terminal.kwargs.items()
        if terminal.answer in {Answer.BULK_CREATE, Answer.BULK_UPDATE}:
            options = {name: value for name, value in options if value}.items()
        returning = "" if terminal.returning is None else self.call("returning", terminal.returning)
        return returning + self.call(f"a{terminal.answer.value}", terminal.args, options)

    def call(self, name: str, args: Iterable[object] = (), kwargs: Iterable[tuple[str, object]] = ()) -> str:
        """`.name(args, key=value)`."""
        return f".{name}({', '.join(self.arguments(args, kwargs))})"

    def arguments(self, args: Iterable[object], kwargs: Iterable[tuple[str, object]]) -> Iterator[str]:
        """The arguments: names and expressions always, values if they may be shown."""
        for argument in args:
            yield _repr(argument) if isinstance(argument, str) else self.expression(argument)
        for name, value in kwargs:
            yield f"{name}={self.value(value)}"

    def instance(self, instance: object) -> str:
        """A model instance; its key is a value."""
        return _short(instance) if self.shows_values else f"<{type(instance).__name__}>"

    def value(self, value: object) -> str:
        """The value of a lookup."""
        if isinstance(value, StatementHolder):
            if self.depth >= _DEEPEST:
                return "..."
            return _text(value.statement, ROWS, _Writer(self.shows_values, self.depth + 1))
        if value is None or isinstance(value, bool):
            return repr(value)
        if hasattr(value, "resolve_expression"):
            return self.expression(value)
        return _short(value) if self.shows_values else "..."

    def expression(self, node: object) -> str:
        """A Q or another expression; an expression that holds values is only named, unless values may be shown."""
        if node is None or isinstance(node, StatementHolder):
            return self.value(node)
        if isinstance(node, Q):
            return self.q(node)
        return self.constructed(node) if self.shows_values else f"{type(node).__name__}(...)"

    def q(self, node: Q) -> str:
        """A Q, its conditions in order."""
        if self.depth >= _DEEPEST:
            return "Q(...)"
        self.depth += 1
        text = self._call_of_q(node) if _is_call(node) else self._operation_of_q(node)
        self.depth -= 1
        if not node.negated:
            return text
        return f"~{text}" if _is_call(node) else f"~({text})"

    def _call_of_q(self, node: Q) -> str:
        """`Q(Q(...), path=value)`."""
        children = [self._argument_of_q(child) for child in node.children[:_MOST]]
        return f"Q({', '.join([*children, '...'] if len(node.children) > _MOST else children)})"

    def _operation_of_q(self, node: Q) -> str:
        """`Q(path=value) | ~Q(...)`."""
        children = [
            f"Q({self._argument_of_q(child)})" if isinstance(child, tuple) else self._operand(child)
            for child in node.children[:_MOST]
        ]
        if len(node.children) > _MOST:
            children.append("Q(...)")
        return f" {_OPERATORS[node.connector]} ".join(children)

    def _operand(self, node: object) -> str:
        """An expression as part of an operation."""
        is_operation = not node.negated and not _is_call(node) if isinstance(node, Q) else _is_combined(node)
        return f"({self.expression(node)})" if is_operation else self.argument(node)

    def _argument_of_q(self, child: object) -> str:
        if not isinstance(child, tuple):
            return self.expression(child)
        path, value = child
        is_name = isinstance(path, str) and path.isidentifier()
        return f"{path}={self.value(value)}" if is_name else f"({path!r}, {self.value(value)})"

    def constructed(self, node: Any) -> str:
        """An expression as the code that makes it, such as `Count(F('tags'), distinct=True)`."""
        if self.depth >= _DEEPEST:
            return f"{type(node).__name__}(...)"
        self.depth += 1
        text = self._combined(node) if _is_combined(node) else self._constructor_call(node)
        self.depth -= 1
        return text

    def _combined(self, node: CombinedExpression) -> str:
        return f"{self._operand(node.lhs)} {node.connector} {self._operand(node.rhs)}"

    def _constructor_call(self, node: Any) -> str:
        try:
            _, args, kwargs = node.deconstruct()
        # QuerySets and subqueries have no deconstruct(); that of a project's class fails if the class is local.
        except (AttributeError, ImportError, TypeError, ValueError):
            is_expression = isinstance(node, (BaseExpression, FilteredRelation))
            return f"{type(node).__name__}(...)" if is_expression else _short(node)
        if isinstance(node, NegatedExpression):
            return f"~{self._operand(args[0])}"
        named = [f"{name}={self.argument(value)}" for name, value in kwargs.items()]
        return f"{type(node).__name__}({', '.join([*map(self.argument, args), *named])})"

    def argument(self, value: object) -> str:
        """An argument of an expression."""
        if isinstance(value, Field):
            return f"{type(value).__name__}()"
        return self.value(value)


def _is_call(node: Q) -> bool:
    """Whether the conditions of a Q can be the arguments of one call: positional ones first, and no name twice."""
    names = [child[0] for child in node.children if isinstance(child, tuple)]
    if len(node.children) < 2:
        return True
    is_named = [isinstance(child, tuple) for child in node.children]
    return node.connector == Q.AND and is_named == sorted(is_named) and len(names) == len(set(names))


def _is_combined(node: object) -> bool:
    return isinstance(node, CombinedExpression) and node.connector in _ARITHMETIC


def _repr(value: object) -> str:
    """The `repr()` of an object. That of a project's class may raise, which must not hide the error being reported."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001
        return f"{type(value).__name__}(...)"


def _short(value: Any) -> str:
    if hasattr(value, "_meta") and hasattr(value, "pk"):
        # A model's own __str__ may read what is not loaded.
        return f"<{type(value).__name__} {value.pk}>"
    if hasattr(value, "query") and hasattr(value, "model"):
        return f"<{type(value).__name__} of {value.model.__name__}>"
    if isinstance(value, (list, tuple, set, frozenset)) and any(hasattr(item, "_meta") for item in value):
        return f"[{', '.join(_short(item) for item in value)}]"[:_LONGEST]
    text = _repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
