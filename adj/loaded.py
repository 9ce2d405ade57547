"""`Loaded[Book, Literal["author"]]`: a contract for functions that read relations; and what the mypy plugin builds on.

At run time, and to a checker without adj's plugin, `Loaded[Book, ...]` is another name for `Book`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic

from django.db.models import Model
from typing_extensions import TypeAliasType, TypeVar

N = TypeVar("N", bound=Model)
L = TypeVar("L")

Loaded = TypeAliasType("Loaded", N, type_params=(N, L))
"""A row of a model that carries the relations, or paths of relations, that the `Literal` names."""

RowState_co = TypeVar("RowState_co", bound=Mapping[str, object], covariant=True, default=Any)
"""What a row carries: a TypedDict that the plugin makes. The bound holds no `Any`, which would spread in methods."""


class AnnotatedRow(Generic[RowState_co]):
    """Typing only: the base of the classes that the plugin makes for rows with annotations."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
