"""The fields of dataclasses, attrs classes, TypedDicts, NamedTuples, msgspec Structs and pydantic models.

Private API of mypy used here: what its plugins for dataclasses, attrs and named tuples write to `TypeInfo.metadata`
(`dataclass`, `attrs`, `namedtuple`), and what pydantic's plugin writes there (`pydantic-mypy-metadata`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mypy.nodes import ARG_OPT, TypeInfo, Var
from mypy.types import CallableType, Instance, TupleType, Type, TypedDictType, get_proper_type

from adj_mypy.boundary.types import any_type, has_base

_PYDANTIC: Final = "pydantic.main.BaseModel"


@dataclass(frozen=True, slots=True)
class ClassField:
    """A field of a row class: its name, its type, whether it has no default, and whether its class converts values."""

    name: str
    type: Type
    is_required: bool
    is_converted: bool = False


@dataclass(frozen=True, slots=True)
class RowClass:
    """A row class and its fields."""

    name: str
    fields: tuple[ClassField, ...]


def row_class(typ: Type) -> RowClass | None:
    """Return the description of a row class by the type of its objects; None for other classes."""
    proper = get_proper_type(typ)
    if isinstance(proper, TypedDictType):
        info = proper.fallback.type
        is_named = info.fullname not in {"typing._TypedDict", "typing_extensions._TypedDict"}
        keys = [ClassField(name, item, name in proper.required_keys) for name, item in proper.items.items()]
        return RowClass(info.name, tuple(keys)) if is_named else None
    if isinstance(proper, TupleType):
        info = proper.partial_fallback.type
        return RowClass(info.name, tuple(_of_named_tuple(info, proper))) if "namedtuple" in info.metadata else None
    if not isinstance(proper, Instance) or proper.type.defn.type_vars:
        return None
    fields = _of_class(proper.type)
    return None if fields is None else RowClass(proper.type.name, tuple(fields))


def _of_named_tuple(info: TypeInfo, row: TupleType) -> Iterator[ClassField]:
    symbol = info.names.get("__new__")
    # Any: only a function has a type.
    function: Any = None if symbol is None else symbol.node
    created = getattr(function, "type", None)
    optional = set[str | None]()
    if isinstance(created, CallableType):
        optional = {name for name, kind in zip(created.arg_names, created.arg_kinds, strict=True) if kind == ARG_OPT}
    for name, item in zip(info.metadata["namedtuple"]["fields"], row.items, strict=True):
        yield ClassField(name, item, name not in optional)


def _of_class(info: TypeInfo) -> Iterator[ClassField] | None:
    is_pydantics = has_base(info, _PYDANTIC)
    for base in info.mro:
        if "pydantic-mypy-metadata" in base.metadata:
            known = base.metadata["pydantic-mypy-metadata"]["fields"]
            return (
                ClassField(name, _type_of(info, name), not field["has_default"], is_converted=True)
                for name, field in known.items()
            )
        if "dataclass" in base.metadata:
            return _of_dataclass(info, base.metadata["dataclass"]["attributes"], is_converted=is_pydantics)
        if "attrs" in base.metadata:
            return _of_attrs(info, base.metadata["attrs"]["attributes"])
    return None


def _of_dataclass(info: TypeInfo, attributes: list[dict[str, Any]], *, is_converted: bool) -> Iterator[ClassField]:
    for each in attributes:
        if each["is_in_init"]:
            yield ClassField(each["name"], _type_of(info, each["name"]), not each["has_default"], is_converted)


def _of_attrs(info: TypeInfo, attributes: list[dict[str, Any]]) -> Iterator[ClassField]:
    for each in attributes:
        if each["init"]:
            argument = each.get("alias") or each["name"].lstrip("_")
            has_converter = each.get("has_converter", False) or each.get("converter_init_type") is not None
            yield ClassField(argument, _type_of(info, each["name"]), not each["has_default"], has_converter)


def _type_of(info: TypeInfo, name: str) -> Type:
    """Return the declared type of an attribute; that of an `InitVar` is not kept."""
    symbol = info.get(name)
    declared = symbol.node.type if symbol is not None and isinstance(symbol.node, Var) else None
    return any_type() if declared is None else declared
