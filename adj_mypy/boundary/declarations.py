"""What a class declares: the types of a field's attribute, and what a method returns.

The type arguments of `Field[_ST, _GT]` belong to django-stubs.
"""

from __future__ import annotations

from typing import Final

from mypy.nodes import FuncDef, TypeInfo, Var
from mypy.types import CallableType, Instance, Type, get_proper_type

from adj_mypy.boundary.types import map_to_base

FIELD: Final = "django.db.models.fields.Field"


def declared_types(info: TypeInfo, attribute: str) -> tuple[Type, Type] | None:
    """What may be assigned to a field's attribute of a model, and what reading it gives: `Field[_ST, _GT]`."""
    symbol = info.get(attribute)
    node = symbol.node if symbol is not None else None
    typ = get_proper_type(node.type) if isinstance(node, Var) and node.type is not None else None
    if not isinstance(typ, Instance):
        return None if typ is None else (typ, typ)
    return field_arguments(typ) if typ.type.has_base(FIELD) else (typ, typ)


def returned_type(info: TypeInfo, method: str) -> Type | None:
    """What a method is annotated to return."""
    symbol = info.names.get(method)
    node = symbol.node if symbol is not None else None
    typ = get_proper_type(node.type) if isinstance(node, FuncDef) else None
    return typ.ret_type if isinstance(typ, CallableType) else None


def field_arguments(field: Instance) -> tuple[Type, Type] | None:
    """The two arguments of a field's type."""
    mapped = map_to_base(field, FIELD)
    arguments = () if mapped is None else mapped.args
    return (arguments[0], arguments[1]) if len(arguments) == 2 else None
