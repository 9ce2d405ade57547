"""Every error survives pickle and copy, as a worker process or a test runner needs, with its facts and its message."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import FieldError, SynchronousOnlyOperation, ValidationError
from django.db import NotSupportedError, OperationalError
from django.utils.connection import ConnectionDoesNotExist

from adj import errors
from adj.errors import AdjError

_FACTS: dict[str, dict[str, Any]] = {
    "AdjError": {},
    "QueryError": {},
    "CompileError": {},
    "ResourceError": {},
    "UnknownField": {"model": "Book", "path": "autor__name", "part": "autor", "choices": ("author", "title")},
    "UnknownRelation": {"model": "Book", "path": "tagz", "part": "tagz", "choices": ("author", "tags")},
    "UnknownColumn": {"model": "Book", "path": "autor", "part": "autor", "choices": ("author", "title")},
    "UnknownLookup": {
        "model": "Book",
        "path": "title__lik",
        "field": 'CharField "Book.title"',
        "lookup": "lik",
        "choices": ("exact", "iexact"),
    },
    "InvalidOperand": {"model": "Book", "path": "pages", "expected": "int", "got": "str"},
    "InvalidFormat": {"model": "Book", "path": "published", "expected": "a date", "got": "str"},
    "RowTypeMismatch": {
        "row_type": "BookCard",
        "field": "pages",
        "annotation": "str",
        "source": '"pages" of Book',
        "got": "int",
    },
    "ShapeError": {"query": "q(Book)[:3]", "reason": "Cannot filter.", "advice": "Slice last."},
    "InvalidOrder": {"query": "q(Book).order_by(5)", "reason": "Expects names.", "advice": "Pass names."},
    "InvalidCursor": {"reason": "it was changed"},
    "NotLoaded": {"model": "Book", "field": "author", "is_relation": True},
    "CannotLoad": {"reason": "takes instances, not dict", "advice": "Rows of values() have no relations to load."},
    "UnsupportedRelation": {"relation": "Author.books", "method": "clear", "field": "Book.author"},
    "UnusableModel": {"model": "Stamped", "reason": "it is an abstract model", "advice": "Query Book."},
    "UnknownDatabase": {"alias": "defualt", "choices": ("default", "replica")},
    "PlanMismatch": {"query": "q(Book)", "found": "the SQL differs"},
    "UnsupportedFeature": {"query": "q(Book)", "reason": "No DISTINCT ON."},
    "PoolTimeout": {
        "alias": "default",
        "size": 5,
        "seconds": 30.0,
        "in_use": 5,
        "opening": 0,
        "holders": ("Task-1 for 2.0 s",),
        "failure": "the server is full.",
        "setting": "max_size",
    },
    "TooManyWaiting": {"alias": "default", "waiting": 20, "size": 10},
    "QueryTimeout": {"query": "q(Book)", "seconds": 0.5},
    "TransactionError": {},
    "CrossTaskTransaction": {"alias": "default", "owner": "'Task-1'", "task": "'Task-2'", "has_ended": False},
    "TransactionAborted": {"alias": "default"},
    "NestingError": {"alias": "default", "reason": "was left while inner blocks were still open"},
    "SessionChanged": {"alias": "default", "names": ("search_path",)},
    "EngineNotOpen": {"alias": "default", "reason": "no server.", "advice": "Start it."},
}


def kinds() -> Iterator[type[AdjError]]:
    """Every error class of adj."""
    waiting: list[type[AdjError]] = [AdjError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == errors.__name__:
            yield kind
        waiting.extend(kind.__subclasses__())


def made(kind: type[AdjError]) -> Any:
    facts = _FACTS[kind.__name__]
    return kind(**facts) if facts else kind("a message", 3)


KINDS = sorted(set(kinds()), key=lambda kind: kind.__name__)
PROTOCOLS: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    *[
        lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  # our own bytes
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ],
]


def test_every_error_class_has_a_row_here() -> None:
    assert {kind.__name__ for kind in KINDS} == set(_FACTS)


@pytest.mark.parametrize("sent", PROTOCOLS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_arrives_with_its_class_its_message_and_its_facts(kind: type[AdjError], sent: Any) -> None:
    error = made(kind)
    arrived = sent(error)
    assert type(arrived) is kind
    assert arrived is not error
    assert str(arrived) == str(error) != ""
    assert arrived.args == error.args
    assert vars(arrived) == vars(error)
    assert repr(arrived) == repr(error)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if _FACTS[kind.__name__]])
def test_the_facts_are_attributes_and_in_the_message(kind: type[AdjError]) -> None:
    error = made(kind)
    for name, fact in _FACTS[kind.__name__].items():
        if name == "is_relation":
            continue
        assert getattr(error, name) == fact
        if isinstance(fact, str):
            assert fact in str(error)


@pytest.mark.parametrize("sent", PROTOCOLS)
def test_an_arrived_error_is_caught_as_the_one_that_was_sent(sent: Any) -> None:
    caught = {
        "UnknownField": FieldError,
        "UnknownLookup": FieldError,
        "InvalidOperand": (TypeError, ValueError),
        "InvalidFormat": ValidationError,
        "RowTypeMismatch": TypeError,
        "ShapeError": TypeError,
        "InvalidOrder": (TypeError, FieldError),
        "NotLoaded": SynchronousOnlyOperation,
        "CannotLoad": ValueError,
        "UnsupportedRelation": AttributeError,
        "UnusableModel": AttributeError,
        "UnknownDatabase": ConnectionDoesNotExist,
        "UnsupportedFeature": NotSupportedError,
        "EngineNotOpen": OperationalError,
    }
    for name, expected in caught.items():
        kinds_of_it: tuple[type[Exception], ...] = expected if isinstance(expected, tuple) else (expected,)
        for kind in kinds_of_it:
            with pytest.raises(kind):
                raise sent(made(getattr(errors, name)))


@pytest.mark.parametrize("sent", PROTOCOLS)
def test_notes_on_an_error_arrive(sent: Any) -> None:
    error = made(errors.EngineNotOpen)
    error.add_note("The query: q(Book)")
    assert sent(error).__notes__ == ["The query: q(Book)"]


def test_a_copied_invalid_format_answers_as_a_validation_error() -> None:
    error = copy.copy(made(errors.InvalidFormat))
    assert error.messages == [str(error)]
    assert "cannot be parsed" in str(error)
