"""Slots: the places in compiled SQL that take a new value at every run.

While a statement is built, the user's operands travel through Django wrapped in a `Slot`. `SlottedQuery`, in
`adj/compiler/slotted_query.py`, unwraps them at the one place where Django makes a lookup, and marks that lookup. When
Django compiles a marked lookup, its parameters come out as `Marker`s, and a `Rendering` remembers how to make the
lookup again for another value. Nothing of Django's SQL generation is replaced.

Private Django API used here: `Lookup.lhs`, `Lookup.rhs`, `Value.value`, `Expression._constructor_args`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import Value
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler

Compiled: TypeAlias = tuple[str, Sequence[object]]


class Refused(Exception):
    """A value does not fit the SQL of a plan; the statement has to be compiled afresh."""


@dataclass(slots=True, eq=False)
class Slot:
    """An operand on its way through Django."""

    index: int
    value: object
    recording: Recording


@dataclass(slots=True, eq=False)
class Cell:
    """What the copies of one marked node share: its slot and the value as Django prepared it, until it is sealed."""

    slot: int
    recording: Recording
    prepared: object
    rendering: Rendering | None = None
    # Of a lookup: its value has to be right even where the SQL leaves the lookup out, as that of a count may.
    origin: tuple[type[Any], Any] | None = None


def _refuse(value: object) -> NoReturn:
    raise Refused


@dataclass(slots=True, eq=False)
class Rendering:
    """One place where a marked node was written into SQL, and how to write it again."""

    slot: int
    # A node of Django's expression tree, made from a new value; the binder of this rendering takes it over.
    rebuild: Callable[[object], Any]
    # The class and the left-hand side of a lookup that is made anew for each value.
    origin: tuple[type[Any], Any] | None
    # The compiler that wrote it.
    compiler: Any
    sql: str
    parameters: tuple[object, ...] = ()

    def seal(self) -> None:
        """Keep what the SQL says, and nothing of the query that it was written for."""
        self.rebuild, self.origin, self.compiler = _refuse, None, None
        for parameter in self.parameters:
            if isinstance(parameter, Marker):
                parameter.value = None


@dataclass(slots=True, eq=False)
class Marker:
    """Stands among compiled parameters for one parameter of a rendering."""

    rendering: Rendering
    position: int
    recording: Recording
    value: object

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

    def values(self) -> Sequence[object]:
        """The parameters of the first run that it stands for."""
        return (self.value,)


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
            self.objection = "two operands differ but are equal once prepared"
        self.guards.append((one.slot, other.slot, equal))
        return equal

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


class Slotted:
    """The behaviour of a marked node; `marked_class()` mixes it into the node's own class."""

    cell: Cell

    def origin(self) -> tuple[type[Any], Any] | None:
        """The class and left-hand side of a lookup that Django makes anew for each value."""
        return None

    def rebuilder(self) -> Callable[[object], Any]:
        """How to make this node again from another value."""
        raise TypeError(f"{type(self).__name__} does not say how it is made")

    def rendered(self, compiler: SQLCompiler, compile_node: Callable[[object], Compiled]) -> Compiled:
        """SQL with markers in place of this node's own parameters."""
        cell = self.cell
        if cell.recording.is_sealed:
            if cell.rendering is None:
                raise Refused
            return cell.rendering.sql, cell.rendering.parameters
        try:
            sql, parameters = compile_node(self)
        except (EmptyResultSet, FullResultSet):
            # The condition is left out for this value: nothing in the SQL would notice another one.
            cell.recording.objection = "a condition that is always or never true for its value"
            raise
        rendering = Rendering(cell.slot, self.rebuilder(), self.origin(), compiler, sql)
        self.mark_parameters(rendering, parameters)
        if cell.rendering is None:
            cell.rendering = rendering
        cell.recording.renderings.append(rendering)
        return rendering.sql, rendering.parameters

    def mark_parameters(self, rendering: Rendering, parameters: Sequence[object]) -> None:
        """Put markers into a rendering, for the parameters that its SQL was compiled with."""
        rendering.parameters = tuple(
            parameter if isinstance(parameter, Marker) else Marker(rendering, position, self.cell.recording, parameter)
            for position, parameter in enumerate(parameters)
        )


class SlottedLookup(Slotted):
    """A lookup whose right-hand side is a slot."""

    plain_class: type[Lookup[Any]]
    lhs: Any

    @property
    def rhs(self) -> object:
        """The prepared value, while there is one."""
        return self.cell.prepared

    @rhs.setter
    def rhs(self, value: object) -> None:
        self.cell.prepared = value

    def origin(self) -> tuple[type[Any], Any] | None:
        """What the lookup is made of, beside the value."""
        return self.plain_class, self.lhs

    def rebuilder(self) -> Callable[[object], Any]:
        """Django makes the lookup anew, so that it prepares and validates the value itself."""
        plain_class, lhs = self.plain_class, self.lhs

        def rebuild(value: object) -> Any:
            lookup = plain_class(lhs, value)
            # None renders `= NULL` happily, but a lookup made of None is another one.
            if lookup.rhs is None:
                raise Refused
            return lookup

        return rebuild

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SlottedLookup):
            return NotImplemented
        same_place = self.plain_class is other.plain_class and self.lhs == other.lhs
        return same_place and self.cell.recording.are_equal(self.cell, other.cell)

    def __hash__(self) -> int:
        return hash((self.plain_class, self.lhs))


class SlottedPreparedLookup(SlottedLookup):
    """A lookup of a ready-made QuerySet: Django has prepared its value already, and must not do so twice."""

    def origin(self) -> tuple[type[Any], Any] | None:
        """It is copied, not made anew."""
        return None

    def rebuilder(self) -> Callable[[object], Any]:
        """The same lookup with another prepared value."""
        template = _template(self, self.plain_class)

        def rebuild(value: object) -> Any:
            if value is None:
                raise Refused
            lookup = copy.copy(template)
            lookup.__dict__["rhs"] = value
            return lookup

        return rebuild


class SlottedValue(Slotted):
    """A `Value` inside an expression.

    Two of them are compared by the expressions around them through their constructor's arguments, so which of a
    statement's values are equal is part of its key; see `adj/compiler/describe.py`.
    """

    plain_class: type[Value]

    @property
    def value(self) -> object:
        """The wrapped value, while there is one."""
        return self.cell.prepared

    @value.setter
    def value(self, value: object) -> None:
        self.cell.prepared = value

    def rebuilder(self) -> Callable[[object], Any]:
        """The same `Value` around another value."""
        template = _template(self, self.plain_class)

        def rebuild(value: object) -> Any:
            node = copy.copy(template)
            node.__dict__["value"] = value
            return node

        return rebuild


def _template(node: Slotted, plain_class: Any) -> Any:
    """A marked node as its plain class, to be filled with a value; without the arguments it was made of."""
    template: Any = copy.copy(node)
    template.__class__ = plain_class
    for name in ("cell", "_constructor_args", "identity"):
        template.__dict__.pop(name, None)
    return template


@lru_cache(maxsize=1_024)
def marked_class(behaviour: Any, plain_class: Any) -> Any:
    """The class of marked nodes for one class of nodes."""
    return type(f"Slotted{plain_class.__name__}", (behaviour, plain_class), {"plain_class": plain_class})


def mark(node: Any, behaviour: type[Slotted], attribute: str, slot: Slot) -> None:
    """Make a node a slot: its own class plus the behaviour, its value moved into a cell."""
    prepared = node.__dict__.pop(attribute)
    classes: tuple[Any, Any] = (behaviour, type(node))
    node.__class__ = marked_class(*classes)
    node.cell = slot.recording.cell(slot.index, prepared)


def real_parameters(parameters: Sequence[object]) -> tuple[object, ...]:
    """Compiled parameters with the first run's values in place of their markers."""
    real: list[object] = []
    for parameter in parameters:
        if isinstance(parameter, Marker):
            real.extend(parameter.values())
        else:
            real.append(parameter)
    return tuple(real)
