"""Read declarations from classes: the types of a field, and the return type of a method.

The type arguments of `Field[_ST, _GT]` belong to django-stubs.
"""

from __future__ import annotations

from typing import Final

from mypy.nodes import FuncDef, TypeInfo, Var
from mypy.types import CallableType, Instance, Type, get_proper_type

from adj_mypy.boundary.types import map_to_base

FIELD: Final = "django.db.models.fields.Field"


def declared_types(info: TypeInfo, attribute: str) -> tuple[Type, Type] | None:
    """Return the types for setting and for getting the attribute of a model's field: `Field[_ST, _GT]`."""
    symbol = info.get(attribute)
    node = symbol.node if symbol is not None else None
    typ = get_proper_type(node.type) if isinstance(node, Var) and node.type is not None else None
    if not isinstance(typ, Instance):
        return None if typ is None else (typ, typ)
    return field_arguments(typ) if typ.type.has_base(FIELD) else (typ, typ)


def returned_type(info: TypeInfo, method: str) -> Type | None:
    """Return the annotated return type of a method."""
    symbol = info.names.get(method)
    node = symbol.node if symbol is not None else None
    typ = get_proper_type(node.type) if isinstance(node, FuncDef) else None
    return typ.ret_type if isinstance(typ, CallableType) else None


def field_arguments(field: Instance) -> tuple[Type, Type] | None:
    """Return the two type arguments of a field."""
    mapped = map_to_base(field, FIELD)
    arguments = () if mapped is None else mapped.args
    return (arguments[0], arguments[1]) if len(arguments) == 2 else None
