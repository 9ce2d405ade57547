"""Row classes of `into()`: the same rows as each kind of class, with a row of a relation that may be missing."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic


@dataclass
class DataclassEditor:
    name: str
    born: datetime.date | None
    publisher__name: str | None


@dataclass
class DataclassCard:
    title: str
    subtitle: str | None
    price: Decimal
    published: datetime.date | None
    released: datetime.datetime | None
    reading_time: datetime.timedelta | None
    reference: uuid.UUID
    is_available: bool
    metadata: Any
    author: int
    author__name: str
    writer: str
    length: int
    editor: DataclassEditor | None
    shelf: str = "unknown"
    notes: list[str] = field(default_factory=list)


@attrs.define
class AttrsEditor:
    name: str
    born: datetime.date | None
    publisher__name: str | None


@attrs.define
class AttrsCard:
    title: str
    subtitle: str | None
    price: Decimal
    published: datetime.date | None
    released: datetime.datetime | None
    reading_time: datetime.timedelta | None
    reference: uuid.UUID
    is_available: bool
    metadata: Any
    author: int
    author__name: str
    writer: str
    length: int
    editor: AttrsEditor | None
    shelf: str = "unknown"
    notes: list[str] = attrs.field(factory=list[str])


class TypedDictEditor(TypedDict):
    name: str
    born: datetime.date | None
    publisher__name: str | None


class TypedDictCard(TypedDict):
    title: str
    subtitle: str | None
    price: Decimal
    published: datetime.date | None
    released: datetime.datetime | None
    reading_time: datetime.timedelta | None
    reference: uuid.UUID
    is_available: bool
    metadata: Any
    author: int
    author__name: str
    writer: str
    length: int
    editor: TypedDictEditor | None


class NamedTupleEditor(NamedTuple):
    name: str
    born: datetime.date | None
    publisher__name: str | None


class NamedTupleCard(NamedTuple):
    title: str
    subtitle: str | None
    price: Decimal
    published: datetime.date | None
    released: datetime.datetime | None
    reading_time: datetime.timedelta | None
    reference: uuid.UUID
    is_available: bool
    metadata: Any
    author: int
    author__name: str
    writer: str
    length: int
    editor: NamedTupleEditor | None
    shelf: str = "unknown"


class StructEditor(msgspec.Struct):
    name: str
    born: datetime.date | None
    publisher__name: str | None


class StructCard(msgspec.Struct):
    title: str
    subtitle: str | None
    price: Decimal
    published: datetime.date | None
    released: datetime.datetime | None
    reading_time: datetime.timedelta | None
    reference: uuid.UUID
    is_available: bool
    metadata: Any
    author: int
    author__name: str
    writer: str
    length: int
    editor: StructEditor | None
    shelf: str = "unknown"
    notes: list[str] = []


class PydanticEditor(pydantic.BaseModel):
    name: str
    born: datetime.date | None
    publisher__name: str | None


class PydanticCard(pydantic.BaseModel):
    title: str
    subtitle: str | None
    price: Decimal
    published: datetime.date | None
    released: datetime.datetime | None
    reading_time: datetime.timedelta | None
    reference: uuid.UUID
    is_available: bool
    metadata: Any
    author: int
    author__name: str
    writer: str
    length: int
    editor: PydanticEditor | None
    shelf: str = "unknown"
    notes: list[str] = []


CARDS: tuple[type[Any], ...] = (DataclassCard, AttrsCard, TypedDictCard, NamedTupleCard, StructCard, PydanticCard)


def as_dict(row: Any) -> dict[str, Any]:
    """The fields of a row of any of these classes; the row of a relation as a dict as well."""
    match row:
        case dict():
            fields = dict(row)
        case tuple():
            named: Any = row
            fields = named._asdict()
        case pydantic.BaseModel():
            fields = {name: getattr(row, name) for name in type(row).model_fields}
        case msgspec.Struct():
            fields = {name: getattr(row, name) for name in row.__struct_fields__}
        case _:
            fields = {name: getattr(row, name) for name in type(row).__annotations__}
    editor = fields.get("editor")
    return fields if editor is None else {**fields, "editor": as_dict(editor)}
