"""The values that an UPDATE sets: their structure, and a slot for each on the way through Django.

Private Django API used here: `Field.get_db_prep_save`, `Model.prepare_database_save`, `Field.get_placeholder`,
`Field.get_placeholder_sql`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.models.sql.compiler import SQLCompiler

from adj.compiler.django.substitute import SlotWalk
from adj.compiler.keys.key_visitor import KeyWalk
from adj.compiler.keys.name_keys import name_key
from adj.compiler.keys.walk import Walk
from adj.compiler.slots.marked_nodes import Slotted, mark
from adj.compiler.slots.prepared_values import field_is_projects
from adj.compiler.slots.slots import CompiledSQL, Slot
from adj.django_types import AnyField
from adj.errors import UnknownColumn
from adj.schema.paths import column_names, get_field
from adj.statement.structure import StatementHolder, Structure, Uncacheable, Unkeyed

T = TypeVar("T")


class Assigned:
    """A value for a column, prepared as Django's UPDATE prepares it."""

    def __init__(self, field: AnyField, value: object) -> None:
        self.field, self.value = field, value

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> CompiledSQL:
        """A parameter; other SQL where the field returns an expression, or stores the value as NULL."""
        value: object = self.value
        if isinstance(value, Model):
            value = value.prepare_database_save(self.field)
        prepared = self.field.get_db_prep_save(value, connection=connection)
        if hasattr(prepared, "as_sql"):
            compiled: CompiledSQL = compiler.compile(prepared)
            return compiled
        return ("NULL", ()) if prepared is None else ("%s", (prepared,))


class SlottedAssigned(Slotted):
    """An assigned value that is a slot."""

    field: AnyField

    @property
    def value(self) -> object:
        """The value, until the recording is sealed."""
        return self.cell.prepared

    def origin(self) -> tuple[type, object] | None:
        """The class and the field of the node."""
        return Assigned, self.field

    def rebuilder(self) -> Callable[[object], object]:
        """The same column with another value."""
        field = self.field
        return lambda value: Assigned(field, value)

    def rendered(self, compiler: SQLCompiler, compile_node: Callable[[object], CompiledSQL]) -> CompiledSQL:
        """Refuse a plan for a value stored as NULL: Django's versions write NULL differently."""
        compiled = super().rendered(compiler, compile_node)
        if not compiled[1]:
            self.cell.recording.note_objection("a value that its field stores as NULL")
        return compiled


def check_assignments(model: type[Model], names: Iterable[str]) -> None:
    """Raise `UnknownColumn` for a name that the model does not have."""
    for name in names:
        # A name that exists but is not a column, such as a reverse relation, raises Django's own error.
        if get_field(model, name) is None or (name == "pk" and not _is_composite(model)):
            choices = [choice for choice in column_names(model) if choice != "pk"]
            raise UnknownColumn(model=model.__name__, path=name, part=name, choices=choices, kind="column")


def _is_composite(model: type[Model]) -> bool:
    """Whether `pk` is a composite primary key, for which Django decides whether it can be updated."""
    return model._meta.pk is not None and model._meta.pk.name == "pk"


def describe_assignments(model: type[Model], values: Mapping[str, object]) -> Structure | Unkeyed:
    """The structure of an UPDATE's assignments: the columns in order, and the types of their values."""
    walk = KeyWalk(model)
    try:
        return walk.structure(tuple([(name_key(name), _part(walk, value)) for name, value in values.items()]))
    except Uncacheable as uncacheable:
        return Unkeyed(str(uncacheable))


def assigned_slots(model: type[Model], values: Mapping[str, object], operands: SlotWalk) -> dict[str, object]:
    """The assignments with slots in place of the values. Raises `Uncacheable` for a column whose SQL may differ."""
    return {name: _assigned(model, name, _part(operands, value)) for name, value in values.items()}


def _part(walk: Walk[T], value: object) -> T:
    """An assigned value; an expression is part of the SQL."""
    if hasattr(value, "resolve_expression") and not isinstance(value, StatementHolder):
        return walk.node(value)
    return walk.operand(None, value)


def _assigned(model: type[Model], name: str, operand: object) -> object:
    field = model._meta.get_field(name)
    if type(operand) is not Slot:
        if not hasattr(operand, "resolve_expression") and field_is_projects(field):
            raise Uncacheable(f"{field} may prepare a constant in another way at the next run")
        return operand
    if not isinstance(field, Field) or not _takes_nodes(field):
        raise Uncacheable(f"{field} may be written in another way for another value")
    if isinstance(operand.value, Model) and not field.remote_field:
        raise Uncacheable("an instance for a column that is not a relation")
    node: object = Assigned(field, operand.value)
    mark(node, SlottedAssigned, "value", operand)
    return node


def _takes_nodes(field: AnyField) -> bool:
    """Whether a field passes nodes on unchanged and does not write SQL around them."""
    prepare = getattr(type(field), "get_db_prep_save", None)
    is_djangos = getattr(prepare, "__module__", "").startswith("django.")
    return is_djangos and not hasattr(field, "get_placeholder") and not hasattr(field, "get_placeholder_sql")
