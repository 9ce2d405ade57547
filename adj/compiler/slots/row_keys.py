"""Keys of rows as one operand: lists of any length share a plan, whose placeholders are written at run time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.core.exceptions import EmptyResultSet
from django.db.models.sql.compiler import SQLCompiler

from adj.compiler.slots.marked_nodes import SlottedLookup
from adj.compiler.slots.slots import Marker, Rendering, UnfitValue, check_nested, markers, nested_markers


class RowKeys(tuple[object, ...]):
    """Keys to look rows up by: at least one, each once, and never None."""

    __slots__ = ()


class KeysMarker(Marker):
    """Stands for all parameters of a list of keys; it only equals itself."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return hash(KeysMarker)


class SlottedKeys(SlottedLookup):
    """An `IN` lookup whose list is a slot of any length."""

    def mark_parameters(self, rendering: Rendering, parameters: Sequence[object]) -> None:
        """Add one marker for the list to a rendering, and a token for its placeholders to the SQL."""
        recording = self.cell.recording
        left, _, listed = rendering.sql.rpartition(" IN (")
        start = left.count("%s")
        most: int | None = rendering.compiler.connection.ops.max_in_list_size()
        if most is not None or start >= len(parameters) or listed != f"{placeholders(len(parameters) - start)})":
            if not self.cell.has_length:
                recording.note_objection("the SQL of a list of keys depends on its length")
            super().mark_parameters(rendering, parameters)
            return
        # Cannot occur in Django's SQL.
        rendering.token = f"\x00keys {len(recording.renderings)}\x00"
        rendering.sql = f"{left} IN ({rendering.token})"
        keys = KeysMarker(rendering, start, recording, tuple(parameters[start:]))
        rendering.parameters = (*markers(rendering, recording, parameters[:start]), keys)


def placeholders(count: int) -> str:
    """`%s, %s, ...`; not cached, since those of many keys are long."""
    return "%s, " * (count - 1) + "%s" if count else ""


def keys_bind(rendering: Rendering, compiler: SQLCompiler) -> Callable[[object], Sequence[object]]:
    """A binder that creates the lookup with other keys; except for their number, the SQL must be the recorded one."""
    rebuild, sql, token, start = rendering.rebuild, rendering.sql, rendering.token, len(rendering.parameters) - 1
    nested = nested_markers(rendering)

    def bind(keys: object) -> Sequence[object]:
        try:
            fresh_sql, parameters = compiler.compile(rebuild(keys))
        except EmptyResultSet:
            raise UnfitValue from None
        if fresh_sql != sql.replace(token, placeholders(len(parameters) - start)):
            raise UnfitValue
        check_nested(parameters, nested)
        return parameters

    return bind
