"""Slots: the places in compiled SQL that take a new value at every run.

While a statement is built, the user's operands travel through Django wrapped in a `Slot`. `SlottedQuery`, in
`slotted_query.py`, unwraps them at the one place where Django makes a lookup, and marks that lookup. When
Django compiles a marked lookup, its parameters come out as `Marker`s, and a `Rendering` remembers how to make the
lookup again for another value. Nothing of Django's SQL generation is replaced.

A `Rendering` is also made of a node of the project's, which is compiled again at every run; see `project_code.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from adj.statement.structure import Uncacheable

CompiledSQL: TypeAlias = tuple[str, Sequence[object]]


class UnfitValue(Exception):
    """A value does not fit the SQL of a plan; the statement has to be compiled afresh."""


@dataclass(slots=True, eq=False, repr=False)
class Slot:
    """An operand on its way through Django."""

    index: int
    value: object
    recording: Recording
    # Of a list: whether the key tells how many members it has.
    has_length: bool = True
    # Whether a lookup or an expression has taken it in; one that nobody has may have gone anywhere.
    is_taken: bool = False

    def __repr__(self) -> str:
        """No value of the user's, and no text that a server would take: PostgreSQL refuses the NUL."""
        return "<adj slot\x00>"


@dataclass(slots=True, eq=False)
class Cell:
    """What the copies of one marked node share: its slot and the value as Django prepared it, until it is sealed."""

    slot: int
    recording: Recording
    prepared: object
    rendering: Rendering | None = None
    has_length: bool = True
    # Of a lookup: its value has to be right even where the SQL leaves the lookup out, as that of a count may.
    origin: tuple[type, object] | None = None


def _refuse(value: object) -> NoReturn:
    raise UnfitValue


@dataclass(slots=True, eq=False)
class Rendering:
    """One place where a marked node was written into SQL, and how to write it again.

    `slot` is None where a node of the project's is written again from what it is.
    """

    slot: int | None
    # A node of Django's expression tree, made from a new value; the binder of this rendering takes it over.
    rebuild: Callable[[object], Any]
    # The class and the left-hand side of a lookup that is made anew for each value.
    origin: tuple[type, object] | None
    # The compiler that wrote it.
    compiler: Any
    sql: str
    parameters: tuple[object, ...] = ()
    # Whether Django made a list of its parameters: its versions differ, and some add to lists.
    is_list: bool = False
    # What stands in the SQL for the placeholders of a list of any length; empty where there is none.
    token: str = ""

    def returned(self) -> Sequence[object]:
        """The parameters in the kind of sequence that Django made."""
        return list(self.parameters) if self.is_list else self.parameters

    def seal(self) -> None:
        """Keep what the SQL says, and nothing of the query that it was written for."""
        self.rebuild, self.origin, self.compiler = _refuse, None, None
        for parameter in self.parameters:
            if isinstance(parameter, Marker):
                parameter.value = None


@dataclass(slots=True, eq=False, repr=False)
class Marker:
    """Stands among compiled parameters for one parameter of a rendering."""

    rendering: Rendering
    position: int
    recording: Recording
    value: object

    def __repr__(self) -> str:
        """As a slot's."""
        return "<adj marker\x00>"

    def __eq__(self, other: object) -> bool:
        """Django looks for equal parameters when it merges GROUP BY and ORDER BY terms; its answer becomes a guard."""
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
    # (slot, slot, were the values equal): Django leaves out a condition that it has already, so equality is structure.
    guards: list[tuple[int, int, bool]] = field(default_factory=list)
    parameter_guards: list[tuple[Marker, Marker, bool]] = field(default_factory=list)
    is_sealed: bool = False
    # Why the statement cannot become a plan, if it cannot.
    objection: str | None = None
    # While SQL is generated: the enclosing node that may look at parameters, and whether one is compiled at every run.
    opaque: str | None = None
    is_compiled_again: bool = False

    def note_objection(self, reason: str) -> None:
        """Note why the statement cannot become a plan; the first reason counts."""
        self.objection = self.objection or reason

    @contextmanager
    def within(self, opaque: str | None, *, is_compiled_again: bool = False) -> Generator[None]:
        """What a node's parts are compiled in."""
        before = self.opaque, self.is_compiled_again
        self.opaque = opaque or self.opaque
        self.is_compiled_again = is_compiled_again or self.is_compiled_again
        try:
            yield
        finally:
            self.opaque, self.is_compiled_again = before

    def slot(self, index: int) -> Slot:
        """The operand number `index`, ready to travel."""
        slot = Slot(index, self.values[index], self)
        self.slots.append(slot)
        return slot

    def cell(self, slot: int, prepared: object) -> Cell:
        """A new cell; remembered, so that sealing can empty it."""
        cell = Cell(slot, self, prepared)
        self.cells.append(cell)
        return cell

    def are_equal(self, one: Cell, other: Cell) -> bool:
        """Compare two prepared values as Django does, and keep the outcome as a condition of the plan."""
        if one.slot == other.slot:
            return True
        equal = bool(one.prepared == other.prepared)
        if equal != bool(self.values[one.slot] == self.values[other.slot]):
            self.note_objection("two operands differ but are equal once prepared")
        self.guards.append((one.slot, other.slot, equal))
        return equal

    def check(self, compared: Collection[int]) -> None:
        """Raise `Uncacheable` for what was noted while the statement was built and compiled.

        An operand that is in no lookup may have gone anywhere, unless it is one of those that are `compared`: Django
        leaves out an expression that is equal to another one, and which operands are equal is part of the key.
        """
        if self.objection is not None:
            raise Uncacheable(self.objection)
        if not all(slot.is_taken or slot.index in compared for slot in self.slots):
            raise Uncacheable("an operand went past the place where lookups are made")

    def seal(self) -> None:
        """Let go of every value of the user's. From here on marked nodes answer with what was recorded."""
        self.is_sealed = True
        self.values = ()
        for slot in self.slots:
            slot.value = None
        for cell in self.cells:
            cell.prepared = cell.origin = None
        for rendering in self.renderings:
            rendering.seal()


def markers(rendering: Rendering, recording: Recording, parameters: Sequence[object]) -> tuple[object, ...]:
    """A marker for each parameter of a rendering; those of a rendering inside it stay."""
    return tuple(
        [
            parameter if isinstance(parameter, Marker) else Marker(rendering, position, recording, parameter)
            for position, parameter in enumerate(parameters)
        ]
    )


def nested_markers(rendering: Rendering) -> tuple[tuple[int, Marker], ...]:
    """The parameters of a rendering that belong to a rendering inside it."""
    return tuple(
        (position, parameter)
        for position, parameter in enumerate(rendering.parameters)
        if isinstance(parameter, Marker) and parameter.rendering is not rendering
    )


def check_nested(parameters: Sequence[object], nested: tuple[tuple[int, Marker], ...]) -> None:
    """Raise `UnfitValue` unless a node that was compiled again has the same nested parameters in the same places."""
    for position, marker in nested:
        parameter = parameters[position]
        is_like = (
            isinstance(parameter, Marker)
            and parameter.rendering.slot == marker.rendering.slot
            and parameter.position == marker.position
        )
        if not is_like:
            raise UnfitValue
