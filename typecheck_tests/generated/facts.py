"""What the generator knows of the bookshop's models: their columns, and which it can reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.shop import models as shop
from typecheck_tests.generated.relations import Model, kind_of, links

MODELS: Final[tuple[Model, ...]] = (
    shop.Country, shop.Publisher, shop.Author, shop.AuthorProfile, shop.Category, shop.Tag, shop.Book, shop.Book,
    shop.Book, shop.BookDetail, shop.Contribution, shop.Chapter, shop.Bestseller, shop.Review, shop.Note, shop.Depot,
    shop.Item, shop.Gadget, shop.Reader, shop.Customer, shop.Visit, shop.Order, shop.OrderLine,
)  # fmt: skip
"""Those that queries begin with; the richest one more often."""

_PLAIN: Final = frozenset(
    {
        "IntegerField", "FloatField", "DecimalField", "CharField", "BooleanField", "DateField", "DateTimeField",
        "TimeField", "DurationField",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its path from a model, `many` if a row may have several of it."""

    path: str
    kind: str
    many: bool = False
    is_plain: bool = True
    """Whether its field is of the class that constants of this kind have; then Django combines the two in any order."""


@cache
def columns(model: Model) -> tuple[Column, ...]:
    """A model's own columns that are not relations, with `pk`."""
    named = [(field.name, field) for field in model._meta.concrete_fields]
    return tuple(
        Column(name, kind, is_plain=type(field).__name__ in _PLAIN)
        for name, field in (*named, ("pk", model._meta.pk))
        if (kind := kind_of(field)) is not None
    )


def paths(model: Model, prefix: str = "", depth: int = 2, *, many: bool = False) -> Iterator[Column]:
    """The columns that can be reached from a model, over at most so many relations."""
    for column in columns(model):
        yield Column(prefix + column.path, column.kind, many, column.is_plain)
    if depth:
        for link in links(model):
            yield from paths(link.target, f"{prefix}{link.name}__", depth - 1, many=many or link.many)


@cache
def reachable(model: Model, depth: int = 1) -> tuple[Column, ...]:
    """Every field and relation."""
    return tuple(paths(model, depth=depth))
