"""Keys of rows as one operand: a list of any length that shares a plan, as its placeholders are written at run time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet

from adj.compiler.slots import Marker, Refused, Rendering, SlottedLookup

# Cannot occur in SQL that Django makes.
KEYS = "\x00keys\x00"


class Keys(tuple[object, ...]):
    """Keys to look rows up by: none of them twice, None not among them, and at least one."""

    __slots__ = ()


class KeysMarker(Marker):
    """Stands for all the parameters of a list of keys; it is equal to nothing but itself."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return hash(KeysMarker)

    def values(self) -> Sequence[object]:
        """The prepared keys of the first run."""
        values: Any = self.value
        return tuple(values)


class SlottedKeys(SlottedLookup):
    """An `IN` whose list is a slot, however long."""

    def mark_parameters(self, rendering: Rendering, parameters: Sequence[object]) -> None:
        """Put one marker for the list into a rendering, and a token for its placeholders into the SQL."""
        listed = f"({placeholders(len(parameters))})"
        most: int | None = rendering.compiler.connection.ops.max_in_list_size()
        if most is not None or rendering.sql.count(listed) != 1 or rendering.sql.count("%s") != len(parameters):
            self.cell.recording.objection = "the SQL of a list of keys depends on its length"
            super().mark_parameters(rendering, parameters)
            return
        rendering.sql = rendering.sql.replace(listed, f"({KEYS})")
        rendering.parameters = (KeysMarker(rendering, 0, self.cell.recording, tuple(parameters)),)


def placeholders(count: int) -> str:
    """`%s, %s, ...`; not remembered, since those of many keys are long."""
    return "%s, " * (count - 1) + "%s" if count else ""


def holds_keys(rendering: Rendering) -> bool:
    """Whether a rendering is that of a list of keys."""
    return len(rendering.parameters) == 1 and isinstance(rendering.parameters[0], KeysMarker)


def keys_bind(rendering: Rendering, compiler: Any) -> Callable[[Any], Sequence[object]]:
    """Let Django make the lookup from other keys; but for their number its SQL has to be the recorded one."""
    rebuild, sql = rendering.rebuild, rendering.sql

    def bind(keys: Any) -> Sequence[object]:
        try:
            fresh_sql, parameters = compiler.compile(rebuild(keys))
        except EmptyResultSet:
            raise Refused from None
        if fresh_sql != sql.replace(KEYS, placeholders(len(parameters))):
            raise Refused
        return parameters  # type: ignore[no-any-return]  # Django's compilers are untyped

    return bind
