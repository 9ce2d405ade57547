"""Everything that an object keeps alive, as far as it is data: not the program, and not the description of models."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.options import Options
from django.utils.functional import cached_property

from adj.compiler.django.dialect import Dialect

# These lead to the whole program; none of them is made for one query.
_PROGRAM = (
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    cached_property,
    property,
    Options,
    Field,
    ForeignObjectRel,
    type(apps),
    Dialect,
    BaseDatabaseWrapper,
)
GENERATED = "<adj: generated hydrator>"


def reachable(*roots: object) -> Iterator[object]:
    """Every object that is reached from the roots, each once."""
    return (path[-1] for path in paths(*roots))


def paths(*roots: object) -> Iterator[tuple[object, ...]]:
    """The same, each with the objects through which it was reached."""
    seen: dict[int, object] = {}
    waiting: list[Any] = [((), root) for root in roots]
    while waiting:
        way, found = waiting.pop()
        if id(found) in seen or isinstance(found, _PROGRAM):
            continue
        seen[id(found)] = found
        yield flat(way, found)
        waiting.extend(((way, found), part) for part in _parts(found))


def flat(way: Any, found: object) -> tuple[object, ...]:
    steps = [found]
    while way:
        way, step = way
        steps.append(step)
    return tuple(reversed(steps))


def described(path: tuple[object, ...]) -> str:
    """A way to an object, for messages."""
    return " > ".join([*(type(step).__name__ for step in path[:-1]), repr(path[-1])])


def _parts(found: Any) -> list[Any]:
    if isinstance(found, types.FunctionType):
        return _function_parts(found)
    if isinstance(found, types.MethodType):
        return [found.__self__, found.__func__]
    if isinstance(found, partial):
        return [found.func, found.args, found.keywords]
    if isinstance(found, types.CellType):
        return [found.cell_contents] if found != types.CellType() else []
    return gc.get_referents(found)


def _function_parts(function: types.FunctionType) -> list[Any]:
    parts: list[Any] = [*(function.__closure__ or ()), function.__defaults__, function.__kwdefaults__]
    if function.__code__.co_filename == GENERATED:
        # Its globals are the objects that its names stand for, and nothing else.
        parts.extend(value for name, value in function.__globals__.items() if name != "__builtins__")
    return parts
