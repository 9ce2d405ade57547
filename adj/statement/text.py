"""A statement as a person would write it: for `repr()`, for messages and for notes on errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q

from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, Finish, Statement
from adj.statement.structure import StatementHolder

_LONGEST = 60
# How deep nested conditions and queries are written out, and how many members of one condition.
_DEEPEST = 20
_MOST = 100


def query_text(statement: Statement, finish: Finish = ROWS, *, with_values: bool | None = None) -> str:
    """The chain of a statement, such as `q(Book).filter(pages__gt=200).order_by('-rating')`.

    Never touches the database. Values are left out unless asked for; by default they are shown when
    `settings.DEBUG` is on, since messages end up in logs. What is nested very deeply is left out as well.
    """
    shows_values = settings.DEBUG if with_values is None else with_values
    return _text(statement, finish, _Writer(shows_values))


def _text(statement: Statement, finish: Finish, writer: _Writer) -> str:
    told = () if statement.owner is None else statement.owner.told
    chain = "".join(clause.text(writer) for clause in (*told, *statement.clauses))
    using = f".using({statement.alias!r})" if statement.alias is not None else ""
    timeout = f".timeout({statement.seconds!r})" if statement.seconds is not None else ""
    return f"q({_base_text(statement)}){chain}{using}{timeout}{writer.finish(finish)}"


def _base_text(statement: Statement) -> str:
    name = statement.model.__name__
    if statement.base is None:
        return name
    kind = type(statement.base).__name__
    return f"<{kind} of {name}>"


def call_text(name: str, instance: object, options: Mapping[str, object]) -> str:
    """A call with an instance, such as `adj.save(<Book>)`; its values are shown as in a query."""
    writer = _Writer(settings.DEBUG)
    arguments = [writer.instance(instance), *writer.arguments((), options.items())]
    return f"adj.{name}({', '.join(arguments)})"


def related_text(
    instance: object, relation: str | None, name: str, args: Iterable[object], options: Mapping[str, object]
) -> str:
    """A call of a related query, such as `adj.related(<Author>, 'books').aadd(...)`."""
    writer = _Writer(settings.DEBUG)
    subject = writer.instance(instance)
    source = f"{subject}, {relation!r}" if relation is not None else f"<manager of {subject}>"
    arguments = [*map(writer.value, args), *writer.arguments((), options.items())]
    return f"adj.related({source}).a{name}({', '.join(arguments)})"


class _Noting:
    """Adds what was run, without its values, to errors of the database that leave the block."""

    def text(self) -> str:
        """What was run."""
        raise TypeError(f"{type(self).__name__} does not say what was run")

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DatabaseError):
            error.add_note(f"The query: {self.text()}")


class Noted(_Noting):
    """Notes a query."""

    def __init__(self, statement: Statement, finish: Finish) -> None:
        self.statement, self.finish = statement, finish

    def text(self) -> str:
        """The query as it was written."""
        return query_text(self.statement, self.finish)


class NotedCall(_Noting):
    """Notes a call, by a function that writes it."""

    def __init__(self, write: Callable[..., str], *args: object) -> None:
        self._write, self._args = write, args

    def text(self) -> str:
        """The call as it was written."""
        return self._write(*self._args)


class _Writer:
    def __init__(self, shows_values: bool, depth: int = 0) -> None:
        self.shows_values = shows_values
        self.depth = depth

    def finish(self, finish: Finish) -> str:
        """The ending, unless it is just the rows."""
        if finish.answer is Answer.ROWS:
            return ""
        options = finish.kwargs.items()
        if finish.answer in {Answer.BULK_CREATE, Answer.BULK_UPDATE}:
            options = {name: value for name, value in options if value}.items()
        returning = "" if finish.returning is None else self.call("returning", finish.returning)
        return returning + self.call(f"a{finish.answer.value}", finish.args, options)

    def call(self, name: str, args: Iterable[object] = (), kwargs: Iterable[tuple[str, object]] = ()) -> str:
        """`.name(args, key=value)`."""
        return f".{name}({', '.join(self.arguments(args, kwargs))})"

    def arguments(self, args: Iterable[object], kwargs: Iterable[tuple[str, object]]) -> Iterator[str]:
        """The operands; names and expressions always, values if they may be shown."""
        for argument in args:
            yield _repr(argument) if isinstance(argument, str) else self.expression(argument)
        for name, value in kwargs:
            yield f"{name}={self.value(value)}"

    def instance(self, instance: object) -> str:
        """An instance of a model; its key is a value."""
        return _short(instance) if self.shows_values else f"<{type(instance).__name__}>"

    def value(self, value: object) -> str:
        """An operand of a lookup."""
        if isinstance(value, StatementHolder):
            if self.depth >= _DEEPEST:
                return "..."
            return _text(value.statement, ROWS, _Writer(self.shows_values, self.depth + 1))
        if value is None or isinstance(value, bool):
            return repr(value)
        if hasattr(value, "resolve_expression"):
            return self.expression(value)
        return _short(value) if self.shows_values else "..."

    def expression(self, node: Any) -> str:
        """A Q or another expression; those that hold values are named only, unless values may be shown."""
        if node is None or isinstance(node, StatementHolder):
            return self.value(node)
        if isinstance(node, Q):
            return self.q(node)
        return _short(node) if self.shows_values else f"{type(node).__name__}(...)"

    def q(self, node: Q) -> str:
        """A Q, its conditions in order."""
        if self.depth >= _DEEPEST:
            return "Q(...)"
        self.depth += 1
        children = [
            f"{child[0]}={self.value(child[1])}" if isinstance(child, tuple) else self.expression(child)
            for child in node.children[:_MOST]
        ]
        self.depth -= 1
        if len(node.children) > _MOST:
            children.append("...")
        sign = {"OR": " | ", "XOR": " ^ "}.get(node.connector, ", ")
        return f"{'~' if node.negated else ''}Q({sign.join(children)})"


def _repr(value: object) -> str:
    """The text of an object whose own may raise anything: it must not hide the error that is told of."""
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
