"""Marked nodes: Django's nodes whose value is a slot, and how each is compiled to SQL with markers in its place.

A marked node has a class that is made of a behavior here and of its own class. The plain node is made again from
another value when a plan binds one.

Private Django API used here: `Lookup.lhs`, `Lookup.rhs`, `Value.value`, `Expression._constructor_args`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import Value
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler

from adj.compiler.slots.passing import PASSING_LEFT
from adj.compiler.slots.slots import Cell, CompiledSQL, Recording, Rendering, Slot, UnfitValue, markers


class Slotted:
    """The behaviour of a marked node; `marked_class()` mixes it into the node's own class."""

    cell: Cell

    def origin(self) -> tuple[type, object] | None:
        """The class and left-hand side of a lookup that Django makes anew for each value."""
        return None

    def rebuilder(self) -> Callable[[object], object]:
        """How to make this node again from another value."""
        raise TypeError(f"{type(self).__name__} does not say how it is made")

    def passes_on(self) -> bool:
        """Whether the node leaves the parameters of its parts alone."""
        return False

    def rendered(self, compiler: SQLCompiler, compile_node: Callable[[object], CompiledSQL]) -> CompiledSQL:
        """SQL with markers in place of this node's own parameters."""
        cell = self.cell
        recording = cell.recording
        if recording.is_sealed:
            if cell.rendering is None:
                raise UnfitValue
            return cell.rendering.sql, cell.rendering.returned()
        if recording.opaque is not None:
            recording.note_objection(f"a value inside {recording.opaque}, which may look at it")
        try:
            with recording.within(None if self.passes_on() else type(self).__name__, is_compiled_again=True):
                sql, parameters = compile_node(self)
        except (EmptyResultSet, FullResultSet):
            # The condition is left out for this value: nothing in the SQL would notice another one.
            recording.note_objection("a condition that is always or never true for its value")
            raise
        rendering = Rendering(cell.slot, self.rebuilder(), self.origin(), compiler, sql)
        self.mark_parameters(rendering, parameters)
        if cell.rendering is None:
            cell.rendering = rendering
        recording.renderings.append(rendering)
        rendering.is_list = isinstance(parameters, list)
        return rendering.sql, rendering.returned()

    def mark_parameters(self, rendering: Rendering, parameters: Sequence[object]) -> None:
        """Put markers into a rendering, for the parameters that its SQL was compiled with."""
        rendering.parameters = markers(rendering, self.cell.recording, parameters)


def render_again(
    node: object, compiler: SQLCompiler, recording: Recording, compile_node: Callable[[object], CompiledSQL]
) -> CompiledSQL:
    """The SQL of a node of the project's, with markers for its parameters: it is compiled again at each run."""
    name = type(node).__name__
    if recording.is_compiled_again:
        # What is around it is compiled each time, and this with it.
        with recording.within(name):
            return compile_node(node)
    if recording.opaque is not None:
        recording.note_objection(f"{name}, code of the project, inside {recording.opaque}")
    try:
        with recording.within(name, is_compiled_again=True):
            sql, parameters = compile_node(node)
    except (EmptyResultSet, FullResultSet):
        recording.note_objection(f"{name}, code of the project, is left out of the SQL")
        raise
    rendering = Rendering(None, lambda _: copy.copy(node), None, compiler, sql)
    rendering.parameters = markers(rendering, recording, parameters)
    rendering.is_list = isinstance(parameters, list)
    recording.renderings.append(rendering)
    return sql, rendering.returned()


class SlottedLookup(Slotted):
    """A lookup whose right-hand side is a slot."""

    plain_class: type[Lookup]
    lhs: object

    def passes_on(self) -> bool:
        """Of the left-hand side, which is all that has parts."""
        return self.plain_class in PASSING_LEFT

    @property
    def rhs(self) -> object:
        """The prepared value, while there is one."""
        return self.cell.prepared

    @rhs.setter
    def rhs(self, value: object) -> None:
        self.cell.prepared = value

    def origin(self) -> tuple[type, object] | None:
        """What the lookup is made of, beside the value."""
        return self.plain_class, self.lhs

    def rebuilder(self) -> Callable[[object], object]:
        """Django makes the lookup anew, so that it prepares and validates the value itself."""
        plain_class, lhs = self.plain_class, self.lhs

        def rebuild(value: object) -> object:
            lookup = plain_class(lhs, value)
            # None renders `= NULL` happily, but a lookup made of None is another one.
            if lookup.rhs is None:
                raise UnfitValue
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

    def origin(self) -> tuple[type, object] | None:
        """It is copied, not made anew."""
        return None

    def rebuilder(self) -> Callable[[object], object]:
        """The same lookup with another prepared value."""
        template = _template(self, self.plain_class)

        def rebuild(value: object) -> object:
            if value is None:
                raise UnfitValue
            lookup = copy.copy(template)
            lookup.__dict__["rhs"] = value
            return lookup

        return rebuild


class SlottedValue(Slotted):
    """A `Value` inside an expression.

    Two of them are compared by the expressions around them through their constructor's arguments, so which of a
    statement's values are equal is part of its key; see `adj/compiler/keys/key_visitor.py`.
    """

    plain_class: type[Value]

    @property
    def value(self) -> object:
        """The wrapped value, while there is one."""
        return self.cell.prepared

    @value.setter
    def value(self, value: object) -> None:
        self.cell.prepared = value

    def rebuilder(self) -> Callable[[object], object]:
        """The same `Value` around another value."""
        template = _template(self, self.plain_class)

        def rebuild(value: object) -> object:
            node = copy.copy(template)
            node.__dict__["value"] = value
            return node

        return rebuild


def _template(node: Slotted, plain_class: type) -> Any:
    """A marked node as its plain class, to be filled with a value; without the arguments it was made of."""
    template: Any = copy.copy(node)
    template.__class__ = plain_class
    for name in ("cell", "_constructor_args", "identity"):
        template.__dict__.pop(name, None)
    return template


@lru_cache(maxsize=1_024)
def marked_class(behaviour: type, plain_class: type) -> Any:
    """The class of marked nodes for one class of nodes."""
    return type(f"Slotted{plain_class.__name__}", (behaviour, plain_class), {"plain_class": plain_class})


def mark(node: Any, behaviour: type[Slotted], attribute: str, slot: Slot) -> None:
    """Make a node a slot: its own class plus the behaviour, its value moved into a cell."""
    prepared = node.__dict__.pop(attribute)
    plain_class: type = type(node)
    mixin: type = behaviour
    node.__class__ = marked_class(mixin, plain_class)
    node.cell = slot.recording.cell(slot.index, prepared)
    node.cell.has_length = slot.has_length
    slot.is_taken = True
