"""Hydrators of rows that are not instances, and the choice of a hydrator for a layout.

Private Django API used here: `create_namedtuple_class`.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db.models.utils import create_namedtuple_class

from adj.hydrate.class_rows import row_text
from adj.hydrate.generate import FunctionSource, Hydrate, item_text, unpacking
from adj.hydrate.instances import instance_code_check, instance_hydrator
from adj.hydrate.layout import Layout
from adj.statement.shapes import RowShape


def hydrator_for(layout: Layout) -> Hydrate:
    """The function that creates rows of a layout."""
    if layout.shape is RowShape.INSTANCE:
        return instance_hydrator(layout)
    return _tuple_hydrator(layout)


def code_check_for(layout: Layout) -> Callable[[], bool]:
    """A function that tells whether creating rows of a layout calls project code, which may use the database."""
    if layout.row is not None:
        return _always if layout.row.runs_project_code else _never
    return instance_code_check(layout) if layout.shape is RowShape.INSTANCE else _never


def _never() -> bool:
    return False


def _always() -> bool:
    return True


def _tuple_hydrator(layout: Layout) -> Hydrate:
    if layout.shape is RowShape.TUPLE and _is_as_sent(layout):
        return list
    source = FunctionSource(names={"connection": layout.connection})
    items = [item_text(layout, source, item) for item in layout.items]
    source.add(0, "def hydrate(rows):")
    source.add(1, f"return [{_row(layout, source, items)} for {unpacking(layout)} in rows]")
    return source.function()


def _is_as_sent(layout: Layout) -> bool:
    """Whether the driver's tuples can be returned unchanged."""
    has_work = any(column.converters for column in layout.columns) or layout.is_trimmed
    return not has_work and len(layout.items) == len(layout.columns)


def _row(layout: Layout, source: FunctionSource, items: list[str]) -> str:
    if layout.row is not None:
        raw = [f"c{item if isinstance(item, int) else item[0]}" for item in layout.items]
        return row_text(layout.row, source, items, raw)
    everything = [*items, "*rest"] if layout.has_surplus else items
    members = f"({', '.join(everything)},)" if everything else "()"
    match layout.shape:
        case RowShape.SCALAR:
            return items[0]
        case RowShape.DICT:
            pairs = zip(layout.names, items, strict=False)
            return f"{{{', '.join(f'{source.text(name)}: {item}' for name, item in pairs)}}}"
        case RowShape.NAMED_TUPLE:
            source.name("row_class", create_namedtuple_class(*layout.names))
            source.name("new", tuple.__new__)
            return f"new(row_class, {members})"
        case _:
            return members
