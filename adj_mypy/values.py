"""A value in a call, against what is expected of it."""

from __future__ import annotations

from mypy.nodes import Expression
from mypy.subtypes import is_subtype
from mypy.typeops import make_simplified_union
from mypy.types import Instance, Type, UnionType, get_proper_type

from adj_mypy import nested
from adj_mypy.call import Call
from adj_mypy.codes import VALUE
from adj_mypy.operands import Expected
from adj_mypy.words import type_text


def check(call: Call, at: Expression, given: Type, name: str, expected: Expected | None) -> None:
    """Report a value that does not have the type that is expected; None expects nothing.

    Expressions of the database are right everywhere; nested queries have been looked at by then.
    """
    if expected is None or nested.is_expression(given):
        return
    actual = get_proper_type(given)
    if isinstance(actual, UnionType):
        # An expression among what it may be is right by itself.
        given = make_simplified_union([item for item in actual.items if not nested.is_expression(item)])
    if not is_subtype(given, expected.type) or _is_text_among_many(given, expected.type):
        shown, got = (type_text(call.api, typ) for typ in (expected.shown, given))
        call.fail(f"{name} expects {shown}, got {got}", at, VALUE)


def _is_text_among_many(given: Type, expected: Type) -> bool:
    """A text where many are expected: it is an iterable of texts, and would be taken letter by letter."""
    wanted, actual = get_proper_type(expected), get_proper_type(given)
    many = wanted.items if isinstance(wanted, UnionType) else [wanted]
    names = {item.type.fullname for item in map(get_proper_type, many) if isinstance(item, Instance)}
    is_text = isinstance(actual, Instance) and actual.type.has_base("builtins.str")
    return is_text and "builtins.str" not in names and bool(names & {"typing.Iterable", "typing.Sequence"})
