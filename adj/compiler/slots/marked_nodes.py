"""Marked nodes: Django's nodes whose value is a slot, and how each is compiled to SQL with markers in its place.

The class of a marked node combines one of the classes here with the node's class. Binding a plan creates the plain node
again, with another value.

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
    """The behavior of a marked node; `marked_class()` mixes it into the class of the node."""

    cell: Cell

    def origin(self) -> tuple[type, object] | None:
        """The class and the left-hand side of a lookup that Django creates again for each value."""
        return None

    def rebuilder(self) -> Callable[[object], object]:
        """A function that creates this node with another value."""
        raise TypeError(f"{type(self).__name__} does not say how it is made")

    def passes_on(self) -> bool:
        """Whether the node passes on the parameters of its parts unchanged."""
        return False

    def rendered(self, compiler: SQLCompiler, compile_node: Callable[[object], CompiledSQL]) -> CompiledSQL:
        """The SQL of the node, with markers as its parameters."""
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
            # This value removes the condition from the SQL; another value might not.
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
        """Set the parameters of a rendering to markers."""
        rendering.parameters = markers(rendering, self.cell.recording, parameters)


def render_again(
    node: object, compiler: SQLCompiler, recording: Recording, compile_node: Callable[[object], CompiledSQL]
) -> CompiledSQL:
    """The SQL of a node with project code, which is compiled again at each run, with markers as parameters."""
    name = type(node).__name__
    if recording.is_compiled_again:
        # An enclosing node is compiled at each run, and this node with it.
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
        """Whether the lookup passes on the parameters of its left-hand side unchanged."""
        return self.plain_class in PASSING_LEFT

    @property
    def rhs(self) -> object:
        """The prepared value, until the recording is sealed."""
        return self.cell.prepared

    @rhs.setter
    def rhs(self, value: object) -> None:
        self.cell.prepared = value

    def origin(self) -> tuple[type, object] | None:
        """The class and the left-hand side of the lookup."""
        return self.plain_class, self.lhs

    def rebuilder(self) -> Callable[[object], object]:
        """Create the lookup again, so that Django prepares and validates the value."""
        plain_class, lhs = self.plain_class, self.lhs

        def rebuild(value: object) -> object:
            lookup = plain_class(lhs, value)
            # A lookup with None would compile to `= NULL`; Django creates an IsNull lookup instead.
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
    """A lookup of an existing QuerySet: Django has prepared its value already, and must not prepare it again."""

    def origin(self) -> tuple[type, object] | None:
        """None: it is copied, not created again."""
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

    Django compares the enclosing expressions by their constructor arguments, so the key of a statement includes which
    of its values are equal; see `adj/compiler/keys/key_visitor.py`.
    """

    plain_class: type[Value]

    @property
    def value(self) -> object:
        """The wrapped value, until the recording is sealed."""
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
    """A copy of a marked node with its plain class, without a value and without constructor arguments."""
    template: Any = copy.copy(node)
    template.__class__ = plain_class
    for name in ("cell", "_constructor_args", "identity"):
        template.__dict__.pop(name, None)
    return template


@lru_cache(maxsize=1_024)
def marked_class(behavior: type, plain_class: type) -> Any:
    """The class of marked nodes for a class of nodes."""
    return type(f"Slotted{plain_class.__name__}", (behavior, plain_class), {"plain_class": plain_class})


def mark(node: Any, behavior: type[Slotted], attribute: str, slot: Slot) -> None:
    """Turn a node into a marked node: change its class and move its value into a cell."""
    prepared = node.__dict__.pop(attribute)
    plain_class: type = type(node)
    mixin: type = behavior
    node.__class__ = marked_class(mixin, plain_class)
    node.cell = slot.recording.cell(slot.index, prepared)
    node.cell.has_length = slot.has_length
    slot.is_taken = True
