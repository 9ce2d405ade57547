"""Django's iterable of tuples, which creates an object from each: the mark of the rows of `into()` on a QuerySet.

Private Django API used here: `ValuesListIterable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.db.models.query import ValuesListIterable

from adj.statement.row_class import ClassRows

if TYPE_CHECKING:
    Tuples: TypeAlias = ValuesListIterable[Any]
else:
    # Not generic at run time.
    Tuples = ValuesListIterable


class ObjectIterableType(type):
    """The class of these iterable classes, by which pickle knows them: they have no name in a module."""


class ObjectIterable(Tuples, metaclass=ObjectIterableType):
    """The base class of the iterable classes. Django calls them where it fetches the rows itself."""

    rows: ClassVar[ClassRows]
    create: ClassVar[Callable[[Sequence[tuple[object, ...]]], list[Any]]]

    def __iter__(self) -> Iterator[Any]:
        create = type(self).create
        for row in super().__iter__():
            yield create([row])[0]
