"""Slots: the places in compiled SQL that take a new value at every run.

While a statement is built, each operand travels through Django wrapped in a `Slot`. `SlottedQuery`, in
`slotted_query.py`, unwraps it where Django creates a lookup, and marks that lookup. When Django compiles a marked
lookup, its parameters become `Marker`s, and a `Rendering` records how to create the lookup with another value. Django's
SQL generation is not replaced.

A node with project code has a `Rendering` as well, and is compiled again at every run; see `project_code.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from adj.statement.structure import Uncacheable

CompiledSQL: TypeAlias = tuple[str, Sequence[object]]


class UnfitValue(Exception):
    """A value does not fit the SQL of a plan; the statement has to be compiled again."""


@dataclass(slots=True, eq=False, repr=False)
class Slot:
    """An operand on its way through Django."""

    index: int
    value: object
    recording: Recording
    # Of a list: whether its length is part of the key.
    has_length: bool = True
    # Whether a lookup or an expression contains it. Otherwise it may be anywhere.
    is_taken: bool = False

    def __repr__(self) -> str:
        """A text without the user's value that a server would reject: PostgreSQL does not accept NUL."""
        return "<adj slot\x00>"


@dataclass(slots=True, eq=False)
class Cell:
    """State that the copies of one marked node share: its slot and, until sealing, the value that Django prepared."""

    slot: int
    recording: Recording
    prepared: object
    rendering: Rendering | None = None
    has_length: bool = True
    # Of a lookup: used to check its value even if the SQL omits the lookup, as a count may.
    origin: tuple[type, object] | None = None


def _refuse(value: object) -> NoReturn:
    raise UnfitValue


@dataclass(slots=True, eq=False)
class Rendering:
    """One place in the SQL that a marked node was compiled to, and how to compile it again.

    `slot` is None for a node with project code, which is compiled again without a value.
    """

    slot: int | None
    # Creates the node from a new value; the binder of this rendering takes it over.
    rebuild: Callable[[object], Any]
    # The class and the left-hand side of a lookup that is created again for each value.
    origin: tuple[type, object] | None
    # The compiler that wrote it.
    compiler: Any
    sql: str
    parameters: tuple[object, ...] = ()
    # Whether Django returned the parameters as a list: its versions differ, and some extend the list.
    is_list: bool = False
    # Stands in the SQL for the placeholders of a list of any length; empty without such a list.
    token: str = ""

    def returned(self) -> Sequence[object]:
        """The parameters, as a list or a tuple as Django returned them."""
        return list(self.parameters) if self.is_list else self.parameters

    def seal(self) -> None:
        """Drop all references to the query that was compiled."""
        self.rebuild, self.origin, self.compiler = _refuse, None, None
        for parameter in self.parameters:
            if isinstance(parameter, Marker):
                parameter.value = None


@dataclass(slots=True, eq=False, repr=False)
class Marker:
    """Stands for one parameter of a rendering among the compiled parameters."""

    rendering: Rendering
    position: int
    recording: Recording
    value: object

    def __repr__(self) -> str:
        """The same as for a slot."""
        return "<adj marker\x00>"

    def __eq__(self, other: object) -> bool:
        """Record a guard: Django compares parameters when it merges GROUP BY and ORDER BY terms."""
        if not isinstance(other, Marker):
            return NotImplemented
        equal = bool(self.value == other.value)
        if self is not other:
            self.recording.parameter_guards.append((self, other, equal))
        return equal

    def __hash__(self) -> int:
        return hash(Marker)


@dataclass(slots=True, eq=False)
class Recording:
    """Everything noted while one statement is built and compiled."""

    values: tuple[object, ...]
    slots: list[Slot] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    renderings: list[Rendering] = field(default_factory=list)
    # (slot, slot, whether the values were equal): Django omits repeated conditions, so equality is structure.
    guards: list[tuple[int, int, bool]] = field(default_factory=list)
    parameter_guards: list[tuple[Marker, Marker, bool]] = field(default_factory=list)
    is_sealed: bool = False
    # Why the statement cannot become a plan, if it cannot.
    objection: str | None = None
    # While SQL is generated: the enclosing node that may read parameters, and whether one is compiled at every run.
    opaque: str | None = None
    is_compiled_again: bool = False

    def note_objection(self, reason: str) -> None:
        """Record why the statement cannot become a plan; the first reason is kept."""
        self.objection = self.objection or reason

    @contextmanager
    def within(self, opaque: str | None, *, is_compiled_again: bool = False) -> Generator[None]:
        """Set the context in which a node's parts are compiled."""
        before = self.opaque, self.is_compiled_again
        self.opaque = opaque or self.opaque
        self.is_compiled_again = is_compiled_again or self.is_compiled_again
        try:
            yield
        finally:
            self.opaque, self.is_compiled_again = before

    def slot(self, index: int) -> Slot:
        """A slot for operand number `index`."""
        slot = Slot(index, self.values[index], self)
        self.slots.append(slot)
        return slot

    def cell(self, slot: int, prepared: object) -> Cell:
        """A new cell, which sealing empties."""
        cell = Cell(slot, self, prepared)
        self.cells.append(cell)
        return cell

    def are_equal(self, one: Cell, other: Cell) -> bool:
        """Compare two prepared values as Django does, and record the result as a guard of the plan."""
        if one.slot == other.slot:
            return True
        equal = bool(one.prepared == other.prepared)
        if equal != bool(self.values[one.slot] == self.values[other.slot]):
            self.note_objection("two operands differ but are equal once prepared")
        self.guards.append((one.slot, other.slot, equal))
        return equal

    def check(self, compared: Collection[int]) -> None:
        """Raise `Uncacheable` if there is an objection, or a slot that is not in a lookup or an expression.

        Slots in `compared` may be missing: Django omits an expression that equals another one, and which operands are
        equal is part of the key.
        """
        if self.objection is not None:
            raise Uncacheable(self.objection)
        if not all(slot.is_taken or slot.index in compared for slot in self.slots):
            raise Uncacheable("an operand went past the place where lookups are made")

    def seal(self) -> None:
        """Drop all values. From here on, marked nodes compile to the recorded SQL."""
        self.is_sealed = True
        self.values = ()
        for slot in self.slots:
            slot.value = None
        for cell in self.cells:
            cell.prepared = cell.origin = None
        for rendering in self.renderings:
            rendering.seal()


def markers(rendering: Rendering, recording: Recording, parameters: Sequence[object]) -> tuple[object, ...]:
    """A marker for each parameter of a rendering; markers of a nested rendering stay."""
    return tuple(
        [
            parameter if isinstance(parameter, Marker) else Marker(rendering, position, recording, parameter)
            for position, parameter in enumerate(parameters)
        ]
    )


def nested_markers(rendering: Rendering) -> tuple[tuple[int, Marker], ...]:
    """The parameters of a rendering that belong to nested renderings."""
    return tuple(
        (position, parameter)
        for position, parameter in enumerate(rendering.parameters)
        if isinstance(parameter, Marker) and parameter.rendering is not rendering
    )


def check_nested(parameters: Sequence[object], nested: tuple[tuple[int, Marker], ...]) -> None:
    """Raise `UnfitValue` unless a node that was compiled again has the same nested parameters at the same positions."""
    for position, marker in nested:
        parameter = parameters[position]
        is_like = (
            isinstance(parameter, Marker)
            and parameter.rendering.slot == marker.rendering.slot
            and parameter.position == marker.position
        )
        if not is_like:
            raise UnfitValue
