"""Creates the rows of `into()`: objects of a class of the project."""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from adj.hydrate.generate import FunctionSource, Hydrate, unpacked
from adj.hydrate.object_iterable import ObjectIterable, ObjectIterableType
from adj.statement.row_class import ClassRow, ClassRows, Form


@lru_cache(maxsize=512)
def iterable_for(rows: ClassRows) -> type[ObjectIterable]:
    """The iterable class that a QuerySet needs for these rows."""
    attributes = {"rows": rows, "create": staticmethod(_creator(rows))}
    iterable: Any = ObjectIterableType("ObjectIterable", (ObjectIterable,), attributes)
    return iterable  # type: ignore[no-any-return]  # created at run time


def _reduced(iterable: Any) -> Any:
    rows = vars(iterable).get("rows")
    return iterable.__qualname__ if rows is None else (iterable_for, (rows,))


copyreg.pickle(ObjectIterableType, _reduced)


def _creator(rows: ClassRows) -> Hydrate:
    """A function that creates objects from tuples of the columns."""
    source = FunctionSource()
    names = [f"c{number}" for number in range(len(rows.columns))]
    source.add(0, "def hydrate(rows):")
    # Clauses after into() may add columns.
    source.add(1, f"return [{row_text(rows.row, source, names, names)} for {unpacked([*names, '*rest'])} in rows]")
    return source.function()


def row_text(row: ClassRow, source: FunctionSource, items: Sequence[str], raw: Sequence[str]) -> str:
    """The expression that creates an object from the expressions of its columns; `raw` are their database values."""
    values = [
        items[each.value] if isinstance(each.value, int) else row_text(each.value, source, items, raw)
        for each in row.arguments
    ]
    text = _created(row, source, values)
    return text if row.absent_if_null is None else f"(None if {raw[row.absent_if_null]} is None else {text})"


def _created(row: ClassRow, source: FunctionSource, values: Sequence[str]) -> str:
    if row.form is Form.DICT:
        pairs = [f"{source.text(each.name)}: {value}" for each, value in zip(row.arguments, values, strict=True)]
        return f"{{{', '.join(pairs)}}}"
    row_class = source.name(f"r{len(source.names)}", row.row_class)
    if row.form is Form.TUPLE:
        new = source.name("new", tuple.__new__)
        return f"{new}({row_class}, ({', '.join(values)},))"
    arguments = [
        value if each.is_positional else f"{source.attribute(each.name)}={value}"
        for each, value in zip(row.arguments, values, strict=True)
    ]
    return f"{row_class}({', '.join(arguments)})"
