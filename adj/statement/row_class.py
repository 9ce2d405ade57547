"""The classes of the rows of `into()`: what to call, and which columns it gets. Data only."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, TypeAlias

RowClass: TypeAlias = type[Any]
"""A dataclass, attrs class, TypedDict, NamedTuple, msgspec Struct or pydantic model."""


class Form(enum.Enum):
    """How a row of a class is created."""

    CALL = "call"
    DICT = "dict"
    TUPLE = "tuple"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a class: the number of a column, or the row of a relation."""

    name: str
    value: int | ClassRow
    is_positional: bool


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A row, or a relation's part of a row, as an object of a class.

    `absent_if_null` is the number of a column that is NULL only if the relation has no row: the object is None then.
    `runs_project_code`: creating an object calls code of the project, which may use the database.
    """

    row_class: RowClass
    form: Form
    arguments: tuple[Argument, ...]
    absent_if_null: int | None = None
    runs_project_code: bool = False


@dataclass(frozen=True, slots=True)
class ClassRows:
    """The rows of `into()`: the columns to select, and the class of a row."""

    columns: tuple[str, ...]
    row: ClassRow
