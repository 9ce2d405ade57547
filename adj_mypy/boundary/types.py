"""Compare, map and combine types. The rest of the plugin imports mypy's own functions for that from here.

Private API of mypy used here: `mypy.subtypes` (`is_subtype`, `is_proper_subtype`), `mypy.join` (`join_types`),
`mypy.typeops` (`make_simplified_union`), `mypy.maptype` (`map_instance_to_supertype`), `mypy.type_visitor`
(`TypeTranslator`).
"""

from __future__ import annotations

from mypy.join import join_types
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import TypeInfo
from mypy.subtypes import is_proper_subtype, is_subtype
from mypy.type_visitor import TypeTranslator
from mypy.typeops import make_simplified_union
from mypy.types import AnyType, Instance, TypeOfAny

__all__ = [
    "TypeTranslator",
    "any_type",
    "erroneous",
    "has_base",
    "is_proper_subtype",
    "is_subtype",
    "join_types",
    "make_simplified_union",
    "map_to_base",
]


def any_type() -> AnyType:
    """Return the `Any` of an unknown type; it is not reported in projects that disallow `Any`."""
    return AnyType(TypeOfAny.special_form)


def erroneous() -> AnyType:
    """Return the `Any` of an expression with a reported error."""
    return AnyType(TypeOfAny.from_error)


def has_base(info: TypeInfo | None, fullname: str) -> bool:
    """Return whether a class is known and is, or inherits from, another one."""
    return info is not None and info.has_base(fullname)


def map_to_base(instance: Instance, fullname: str) -> Instance | None:
    """Return an instance as an instance of one of its base classes."""
    if instance.type.fullname == fullname:
        return instance
    if not instance.type.has_base(fullname):
        return None
    base = next(base for base in instance.type.mro if base.fullname == fullname)
    return map_instance_to_supertype(instance, base)
