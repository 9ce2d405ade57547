"""What the operands of the table may name, for Django and for mypy alike."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Coalesce, Lower
from django.utils.translation import gettext_lazy

from adj import q
from tests.shop.models import (
    Author,
    Bestseller,
    Book,
    Country,
    Depot,
    Format,
    Gadget,
    Item,
    Note,
    Order,
    OrderLine,
    Publisher,
    Reader,
    Tag,
)

__all__ = [
    "UTC",
    "UUID",
    "Author",
    "Bestseller",
    "Book",
    "Coalesce",
    "Colour",
    "Country",
    "Decimal",
    "Depot",
    "F",
    "Format",
    "Gadget",
    "Item",
    "Lower",
    "Note",
    "Order",
    "OrderLine",
    "Path",
    "Publisher",
    "Reader",
    "Size",
    "Tag",
    "Value",
    "date",
    "datetime",
    "gettext_lazy",
    "q",
    "time",
    "timedelta",
]


class Size(enum.IntEnum):
    """Is a number."""

    SMALL = 1


class Colour(enum.Enum):
    """Is none."""

    RED = "red"
