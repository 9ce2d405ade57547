"""Django's Query and compiler with support for slots and markers.

Private Django API used here: `Query.resolve_lookup_value`, `Query.chain`, `Query.check_related_objects`,
`Query.build_lookup`, `SQLCompiler.get_select`, `BaseExpression._output_field_or_none`, `Join.join_field`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from django.db.models.expressions import BaseExpression, Col, Expression, Value
from django.db.models.functions import Cast
from django.db.models.lookups import In, IsNull, Lookup
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.datastructures import Join
from django.db.models.sql.query import Query

from adj.compiler.slots.lookup_paths import MEMBERSHIPS
from adj.compiler.slots.marked_nodes import Slotted, SlottedLookup, mark, render_again
from adj.compiler.slots.passing import passes
from adj.compiler.slots.prepared_values import is_prepared_by_project
from adj.compiler.slots.project_code import (
    column_objection,
    creates_itself,
    is_project_code,
    join_is_project_code,
    writes_own_type,
)
from adj.compiler.slots.row_keys import SlottedKeys
from adj.compiler.slots.slots import CompiledSQL, Recording, Slot
from adj.statement.structure import SEQUENCE_TYPES


def _is_built_plainly(lookup_class: object) -> bool:
    """Whether the class of a lookup does not depend on its value."""
    return lookup_class.__new__ is Lookup.__new__


class SlottedQuery(Query):
    """Django's Query, which accepts operands wrapped in a `Slot` and marks their lookups."""

    # Django's signatures are untyped; values are passed on unchanged.
    def resolve_lookup_value(self, value: object, *args: Any, **kwargs: Any) -> object:
        """Return a slot unchanged."""
        return value if type(value) is Slot else super().resolve_lookup_value(value, *args, **kwargs)

    def chain(self, klass: type[Query] | None = None) -> Query:
        """A copy that supports slots, also if it has another class, such as UpdateQuery."""
        query_class: type | None = klass
        return super().chain(None if query_class is None else slotted_query_class(query_class))

    def check_related_objects(self, field: object, value: object, opts: object) -> None:
        """Check the operand in the slot."""
        super().check_related_objects(field, value.value if type(value) is Slot else value, opts)

    def build_lookup(self, lookups: Sequence[str], lhs: Expression | Query, rhs: object) -> Any:
        """Create the lookup from the operand in the slot, and mark it."""
        if type(rhs) is not Slot:
            plain: Any = super().build_lookup(lookups, lhs, rhs)
            _check_created(plain)
            return plain
        lookup: Any = super().build_lookup(lookups, lhs, rhs.value)
        objection = _objection(lookup, lookups, rhs)
        if objection is not None:
            rhs.recording.note_objection(objection)
            return lookup
        mark(lookup, SlottedKeys if _is_list_of_keys(lookup, rhs.value) else SlottedLookup, "rhs", rhs)
        lookup.cell.origin = lookup.origin()
        return lookup

    def try_transform(self, *args: Any, **kwargs: Any) -> Any:
        """Create a transform; note that project code took part."""
        transform: Any = super().try_transform(*args, **kwargs)
        _check_created(transform)
        return transform


def _check_created(node: object) -> None:
    """Note an objection if project code has created a node, as a plan would keep what the code has read."""
    node_class: type = type(node)
    if (recording := _now.recording) is not None and creates_itself(node_class):
        recording.note_objection(f"{node_class.__name__} may be created in another way at the next run")


def _is_list_of_keys(lookup: object, value: object) -> bool:
    return type(lookup) in MEMBERSHIPS and isinstance(value, SEQUENCE_TYPES)


def _objection(lookup: object, names: Sequence[str], slot: Slot) -> str | None:
    """Why a lookup cannot be created again with another value; None if it can."""
    if isinstance(lookup, IsNull) and "isnull" not in names:
        return "a value that its field stores as NULL"
    if isinstance(lookup, In) and not isinstance(slot.value, SEQUENCE_TYPES):
        return "members that are in no list, of which None is structure"
    if isinstance(lookup, In) and type(lookup) not in MEMBERSHIPS and not slot.has_length:
        return f"{type(lookup).__name__} of members whose number may decide about its SQL"
    if not _is_built_plainly(type(lookup)):
        return f"{type(lookup).__name__} may be another class for another value"
    if not isinstance(lookup, Lookup) or not lookup.rhs_is_direct_value() or "rhs" not in lookup.__dict__:
        return f"{type(lookup).__name__} keeps its value elsewhere"
    return None


def plain_class(node_class: type) -> type:
    """The class behind a slotted class; any other class itself."""
    if node_class is SlottedQuery:
        return Query
    return node_class.__mro__[2] if issubclass(node_class, SlottedQuery) else node_class


@lru_cache(maxsize=1_024)
def slotted_query_class(query_class: type[Query]) -> type[Query]:
    """The slotted subclass of a class of queries; a slotted class is returned unchanged."""
    if query_class is Query:
        return SlottedQuery
    if issubclass(query_class, SlottedQuery):
        return query_class
    return cast("type[Query]", type(f"Slotted{query_class.__name__}", (SlottedQuery, query_class), {}))


class _Now(threading.local):
    """The recording of this thread while Django generates SQL."""

    recording: Recording | None = None


_now = _Now()


@contextmanager
def recorded(recording: Recording) -> Generator[None]:
    """Record the SQL that this thread generates in the block."""
    _now.recording = recording
    try:
        yield
    finally:
        _now.recording = None


class MarkingCompiler(SQLCompiler):
    """Mixed into a backend's compiler: marked nodes compile to markers, and project code is detected."""

    def compile(self, node: BaseExpression) -> Any:
        """Compile a node; marked nodes compile themselves."""
        compile_node: Any = super().compile
        if isinstance(node, Slotted):
            return node.rendered(self, compile_node)
        recording = _now.recording
        return compile_node(node) if recording is None else _compiled(node, self, recording, compile_node)

    def get_select(self, with_col_aliases: bool = False) -> Any:
        """The selected columns; checks for fields that may write SQL around them."""
        selected: Any = super().get_select(with_col_aliases)
        if (recording := _now.recording) is not None:
            for expression, _, _ in selected[0]:
                _check_column(expression, recording)
        return selected


# Nodes whose output field writes SQL.
_WRITING_TYPES = frozenset({Cast, Value})


def _compiled(
    node: Any, compiler: SQLCompiler, recording: Recording, compile_node: Callable[[object], CompiledSQL]
) -> CompiledSQL:
    """Compile a node that is not marked while SQL is recorded."""
    node_class = plain_class(type(node))
    if node_class is Col:
        _check_column(node, recording)
    elif node_class is Join:
        _check_field(node.join_field, recording)
        if join_is_project_code(node.join_field):
            return render_again(node, compiler, recording, compile_node)
    elif is_project_code(node_class) or (node_class in _WRITING_TYPES and _writes_own_type(node)):
        return render_again(node, compiler, recording, compile_node)
    elif is_prepared_by_project(node):
        recording.note_objection(f"the field of a constant in {node_class.__name__} may prepare it in another way")
    if passes(node_class):
        return compile_node(node)
    with recording.within(node_class.__name__):
        return compile_node(node)


def _writes_own_type(node: Any) -> bool:
    field_class: type = type(node._output_field_or_none)
    return writes_own_type(field_class)


def _check_column(node: object, recording: Recording) -> None:
    # An expression may have no output field.
    for field in (getattr(node, "target", None), getattr(node, "_output_field_or_none", None)):
        _check_field(field, recording)


def _check_field(field: object, recording: Recording) -> None:
    field_class: type = type(field)
    if field is not None and (objection := column_objection(field_class)) is not None:
        recording.note_objection(objection)


def bare_compiler(compiler: SQLCompiler) -> SQLCompiler:
    """A compiler with the same quoting and connection, without a reference to the query."""
    bare = type(compiler)(Query(compiler.query.model), compiler.connection, compiler.using)
    bare.quote_cache = dict(compiler.quote_cache)
    return bare
