"""The annotations that a project's QuerySet or manager class may add: the names that its source passes to `annotate()`.

Such a class may add them in any of its methods, so they are let through everywhere, and other names are checked.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from mypy.nodes import TypeInfo

from adj_mypy.boundary.types import any_type
from adj_mypy.expressions.names import ANY_NAMES, NAMING, Names

_OPEN: Final = frozenset({"extra", "raw"})
"""Methods whose names are SQL, or known only at run time."""


def added_names(info: TypeInfo) -> Names:
    """Return the annotations that the methods of a class may add; open if its source does not tell."""
    module, _, name = info.fullname.rpartition(".")
    cls: object = getattr(sys.modules.get(module), name, None)
    found = _names_of(cls) if isinstance(cls, type) else None
    return ANY_NAMES if found is None else Names(dict.fromkeys(found, any_type()))


@cache
def _names_of(cls: type[Any]) -> frozenset[str] | None:
    """Return the names in the source of a class and its bases; None if one is known only at run time."""
    names: set[str] = set()
    for base in cls.__mro__:
        if base is object or base.__module__.startswith(("django.", "adj.", "typing")):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            return None
        for found in _names_in(tree):
            if found is None:
                return None
            names.add(found)
    return frozenset(names)


def _names_in(tree: ast.AST) -> Iterator[str | None]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=method)) if method in _OPEN:
                yield None
            case ast.Call(func=ast.Attribute(attr=method), args=positional, keywords=keywords) if method in NAMING:
                if positional:
                    yield None
                yield from (keyword.arg for keyword in keywords)
            case ast.Call(func=ast.Attribute(attr="values" | "values_list"), keywords=keywords):
                yield from (keyword.arg for keyword in keywords)
            case _:
                continue
