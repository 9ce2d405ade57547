"""A field with a custom Python type: an amount of money, stored in cents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:  # generic for the checkers only
    IntegerField = models.IntegerField[Any, Any]
else:
    IntegerField = models.IntegerField


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in cents."""

    cents: int

    def __str__(self) -> str:
        return f"{self.cents / 100:.2f}"


class MoneyField(IntegerField):
    """Stores `Money` as whole cents."""

    description = "An amount of money"

    def from_db_value(self, value: int | None, expression: object, connection: object) -> Money | None:
        return None if value is None else Money(value)

    def to_python(self, value: Any) -> Money | None:
        return value if value is None or isinstance(value, Money) else Money(int(value))

    def get_prep_value(self, value: Any) -> Any:
        return value.cents if isinstance(value, Money) else super().get_prep_value(value)
