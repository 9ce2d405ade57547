"""Binders: functions that turn the value of a slot into the parameters of one place in the SQL.

The general binder lets Django create and compile the node again. Direct binders are faster, and only call the field.

Private Django API used here: `Field.get_prep_value`, `Field.get_db_prep_value`, `Field.get_db_prep_save`,
`DatabaseOperations.integer_field_range`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col
from django.db.models.fields import CharField, EmailField, IntegerField, SlugField, TextField, URLField
from django.db.models.fields.related_lookups import RelatedExact
from django.db.models.sql.compiler import SQLCompiler

from adj.compiler.django.assign import Assigned
from adj.compiler.plans.plan import NO_VALUE, Bind, Binder
from adj.compiler.slots.forget import forget_arguments
from adj.compiler.slots.lookup_paths import MEMBERSHIPS
from adj.compiler.slots.passing import INTEGER_COMPARISONS, PLAIN_COMPARISONS
from adj.compiler.slots.prepared_values import field_is_projects
from adj.compiler.slots.project_code import creates_itself, is_project_code
from adj.compiler.slots.row_keys import RowKeys, keys_bind
from adj.compiler.slots.slots import Rendering, UnfitValue, check_nested, nested_markers
from adj.compiler.slots.slotted_query import bare_compiler
from adj.compiler.slots.typed import final_target
from adj.django_types import AnyField
from adj.statement.structure import PLAIN_TYPES

DirectBind: TypeAlias = Callable[[object], "Sequence[object] | None"]

_TEXT_FIELDS = frozenset({CharField, TextField, SlugField, EmailField, URLField})


def binder_for(rendering: Rendering) -> Binder:
    """The fastest binder that returns the same parameters as Django."""
    compiler = bare_compiler(rendering.compiler)
    forget_arguments(rendering.origin[1] if rendering.origin else None)
    if rendering.token:
        direct, general = _direct_keys_bind(rendering, compiler.connection), keys_bind(rendering, compiler)
    else:
        direct, general = _direct_bind(rendering, compiler.connection), _general_bind(rendering, compiler)
    slot = NO_VALUE if rendering.slot is None else rendering.slot
    return Binder(slot, general if direct is None else _either(direct, general))


def check_for(slot: int, lookup_class: Callable[[Any, object], object], left: object) -> Binder:
    """A binder for a lookup that is not in the SQL: Django checks the value; it has no parameters."""
    forget_arguments(left)

    def bind(value: object) -> Sequence[object]:
        lookup_class(left, value)
        return ()

    return Binder(slot, bind)


def _general_bind(rendering: Rendering, compiler: SQLCompiler) -> Bind:
    """A binder that creates and compiles the node again; its SQL must be the recorded one."""
    rebuild, sql, count = rendering.rebuild, rendering.sql, len(rendering.parameters)
    nested = nested_markers(rendering)

    def bind(value: object) -> Sequence[object]:
        try:
            fresh_sql, parameters = compiler.compile(rebuild(value))
        except (EmptyResultSet, FullResultSet):
            raise UnfitValue from None
        if fresh_sql != sql or len(parameters) != count:
            raise UnfitValue
        check_nested(parameters, nested)
        return parameters

    return bind


def _either(direct: DirectBind, general: Bind) -> Bind:
    """The direct binder, with the general one for values that it does not accept."""

    def bind(value: object) -> Sequence[object]:
        parameters = direct(value)
        return general(value) if parameters is None else parameters

    return bind


def _direct_bind(rendering: Rendering, connection: BaseDatabaseWrapper) -> DirectBind | None:
    """A faster binder for comparing a plain column with a value of its type: only the field prepares the value.

    The SQL of such a lookup does not depend on the value. A test compares both binders.
    """
    if rendering.origin is None or len(rendering.parameters) != 1:
        return None
    lookup_class, left = rendering.origin
    if lookup_class is Assigned:
        return _assigned_bind(cast("AnyField", left), connection) if rendering.sql == "%s" else None
    if not _compares_plainly(lookup_class, left):
        return None
    field: Any = cast("Any", left).output_field
    if lookup_class in PLAIN_COMPARISONS and type(field) in _TEXT_FIELDS:
        return _text_bind
    if lookup_class in INTEGER_COMPARISONS and is_plain_integer(field):
        return _integer_bind(field, connection, connection.ops.integer_field_range(field.get_internal_type()))
    if lookup_class is RelatedExact and is_plain_integer(final_target(field)):
        return _integer_bind(field.target_field, connection, (None, None))
    return None


def _compares_plainly(lookup_class: type, left: Any) -> bool:
    """Whether a lookup compares a column, and no code of the project prepares or compiles its value."""
    is_projects = is_project_code(lookup_class) or creates_itself(lookup_class)
    return type(left) is Col and not is_projects and not field_is_projects(left.output_field)


def _assigned_bind(field: AnyField, connection: BaseDatabaseWrapper) -> DirectBind:
    """A faster binder for an assigned value, which only its field prepares."""
    prepare = field.get_db_prep_save

    def bind(value: object) -> Sequence[object] | None:
        if type(value) not in PLAIN_TYPES:
            return None
        prepared = prepare(value, connection)
        return None if prepared is None or hasattr(prepared, "as_sql") else (prepared,)

    return bind


def _direct_keys_bind(rendering: Rendering, connection: BaseDatabaseWrapper) -> DirectBind | None:
    """A faster binder for lists of integers, compared with an integer column: only the field prepares them."""
    if rendering.origin is None or not _compares_plainly(*rendering.origin):
        return None
    field: Any = cast("Any", rendering.origin[1]).output_field
    if rendering.origin[0] not in MEMBERSHIPS or not is_plain_integer(final_target(field)):
        return None
    prepare = getattr(field, "target_field", field).get_db_prep_value

    def bind(keys: Any) -> Sequence[object] | None:
        if {*map(type, keys)} != {int}:
            return None
        # Django sends each key once, in the order of the list.
        return [prepare(key, connection, True) for key in (keys if type(keys) is RowKeys else dict.fromkeys(keys))]

    return bind


def _text_bind(value: object) -> Sequence[object] | None:
    return (value,) if type(value) is str else None


def _integer_bind(
    field: AnyField, connection: BaseDatabaseWrapper, limits: tuple[int | None, int | None]
) -> DirectBind:
    prepare = field.get_db_prep_value
    low, high = limits

    def bind(value: object) -> Sequence[object] | None:
        if type(value) is not int or (low is not None and value < low) or (high is not None and value > high):
            return None
        return (prepare(value, connection, True),)

    return bind


def is_plain_integer(field: object) -> bool:
    """Whether a field prepares integers as Django's own fields do."""
    return isinstance(field, IntegerField) and type(field).get_prep_value is IntegerField.get_prep_value
