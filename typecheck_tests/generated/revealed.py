"""The types that mypy reveals, read from their text, and whether a value has one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.utils.module_loading import import_string

_TOKEN: Final = re.compile(r"\s*('(?:[^'\\]|\\.)*'=?\??|\.\.\.|[\w.@\-]+|[\[\](){},:|=*?])")

_STATES: Final = frozenset({"adj.loaded.Row", "adj.loaded.Has"})
"""Around the TypedDict of what a row has."""


@dataclass(frozen=True, slots=True)
class Class:
    """A class with type arguments; `Any`, `None`, `Never` too."""

    name: str
    arguments: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True)
class Union:
    """One of several."""

    items: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """A TypedDict."""

    items: Mapping[str, Type]


@dataclass(frozen=True, slots=True)
class Places:
    """A tuple of so many items; `names` if they have names."""

    items: tuple[Type, ...]
    is_named: bool


Type: TypeAlias = Class | Union | Keys | Places


class Reader:
    """Reads one type from its text."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def read(self) -> Type:
        """A type, or several with `|` between them."""
        items = [self._one()]
        while self._next() == "|":
            self._take("|")
            items.append(self._one())
        return items[0] if len(items) == 1 else Union(tuple(items))

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._next()
        assert not expected or token == expected, f"{expected} expected, not {token}: {' '.join(self._tokens)}"
        self._at += 1
        return token

    def _one(self) -> Type:
        name = self._take()
        if self._next() == "?":
            self._take()
        if name == "TypedDict":
            return self._typed_dict()
        if self._next() != "[":
            return Class(name)
        self._take("[")
        is_named = False
        arguments: list[Type] = []
        while self._next() != "]":
            if self._next() == "fallback":
                is_named = True
                self._take("fallback")
                self._take("=")
            argument = self.read()
            if not is_named:
                arguments.append(argument)
            if self._next() == ",":
                self._take(",")
        self._take("]")
        if name in _STATES:
            # What a row has: `Row[Has[TypedDict]]`.
            return arguments[0]
        is_list = arguments[-1:] == [Class("...")]
        if name.removeprefix("builtins.") == "tuple" and not is_list:
            return Places(tuple(arguments), is_named)
        return Class(name, tuple(arguments))

    def _typed_dict(self) -> Keys:
        items: dict[str, Type] = {}
        self._take("(")
        if self._next() != "{":
            # The class that names it in messages.
            self._take()
            self._take(",")
        self._take("{")
        while self._next() != "}":
            key = self._take().rstrip("=?")
            if self._next() == "=":
                self._take("=")
            self._take(":")
            items[key[1:-1]] = self.read()
            if self._next() == ",":
                self._take(",")
        self._take("}")
        self._take(")")
        return Keys(items)


def parts(typ: Type) -> Iterator[Type]:
    """A type and all that it is made of."""
    yield typ
    for item in _inner(typ):
        yield from parts(item)


def _inner(typ: Type) -> tuple[Type, ...]:
    match typ:
        case Class(_, items) | Union(items) | Places(items, _):
            return items
        case Keys(keys):
            return tuple(keys.values())


def has_any(typ: Type) -> bool:
    """Whether something in it is not known."""
    return any(isinstance(part, Class) and part.name in {"Any", "typing.Any"} for part in parts(typ))


def problem(typ: Type, value: Any) -> str | None:
    """Why a value does not have a type; None if it has."""
    match typ:
        case Class("Any" | "typing.Any"):
            return None
        case Class("None"):
            return None if value is None else f"{value!r} is not None"
        case Union(items):
            problems = [problem(item, value) for item in items]
            return None if None in problems else "; ".join(filter(None, problems))
        case Keys(keys):
            return _problem_of_keys(keys, value)
        case Places(items, is_named):
            return _problem_of_places(items, value, is_named=is_named)
        case Class(name, arguments):
            return _problem_of_class(name, arguments, value)


def _problem_of_keys(keys: Mapping[str, Type], value: Any) -> str | None:
    if type(value) is not dict:
        return f"{value!r} is not a dict"
    if set(keys) != set(value):
        return f"the keys are {sorted(value)}, not {sorted(keys)}"
    return _first((f"{key}: ", problem(typ, value[key])) for key, typ in keys.items())


def _problem_of_places(items: tuple[Type, ...], value: Any, *, is_named: bool) -> str | None:
    if not isinstance(value, tuple) or hasattr(value, "_fields") != is_named:
        return f"{value!r} is no {'named ' if is_named else ''}tuple"
    if len(items) != len(value):
        return f"{len(value)} items, not {len(items)}"
    return _first((f"{at}: ", problem(typ, item)) for at, (typ, item) in enumerate(zip(items, value, strict=True)))


def _problem_of_class(name: str, arguments: tuple[Type, ...], value: Any) -> str | None:
    match name.removeprefix("builtins."), arguments:
        case "list", (item,):
            return (
                _first(("", problem(item, each)) for each in value)
                if type(value) is list
                else f"{value!r} is not a list"
            )
        case "dict", (key, item):
            if type(value) is not dict:
                return f"{value!r} is not a dict"
            return _first(("", problem(key, each)) for each in value) or _first(
                ("", problem(item, each)) for each in value.values()
            )
        case _:
            return _problem_of_instance(name, value)


def _problem_of_instance(name: str, value: Any) -> str | None:
    cls = class_of(name)
    is_row = hasattr(cls, "_meta")
    # Here a float is not an int, a bool is not an int, and a datetime is not a date: the columns differ.
    fits = isinstance(value, cls) if is_row or cls in {str, object} else type(value) is cls
    return None if fits else f"{value!r} is no {cls.__name__}"


def class_of(name: str) -> type[Any]:
    """The class of a name in a revealed type; of a row with annotations its model."""
    found: type[Any] = import_string(name.removesuffix("@adj") if "." in name else f"builtins.{name}")
    return found


def _first(problems: Iterator[tuple[str, str | None]]) -> str | None:
    return next((where + found for where, found in problems if found is not None), None)
