"""Fill the library: the same rows at every run, so that runs can be compared."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Final

from django.db import connection, transaction

from benchmarks.models import Author, Book, Country, Tag

COUNTRIES: Final = 20
AUTHORS: Final = 500
BOOKS: Final = 5_000
TAGS: Final = 50

_FIRST_DAY: Final = datetime.datetime(1950, 1, 1, 12, 30, tzinfo=datetime.UTC)


def create() -> None:
    """Make the tables and their rows."""
    with connection.schema_editor() as editor:
        for model in (Country, Author, Tag, Book):
            editor.create_model(model)
    with transaction.atomic():
        Country.objects.bulk_create(Country(id=key, name=f"Country {key}") for key in range(1, COUNTRIES + 1))
        Author.objects.bulk_create(
            Author(id=key, name=f"Author {key}", country_id=1 + key % COUNTRIES) for key in range(1, AUTHORS + 1)
        )
        Tag.objects.bulk_create(Tag(id=key, name=f"Tag {key}") for key in range(1, TAGS + 1))
        Book.objects.bulk_create([_book(key) for key in range(1, BOOKS + 1)], batch_size=500)
        # Each book has three tags.
        between = Book.tags.through
        between.objects.bulk_create(
            [
                between(book_id=key, tag_id=1 + (key + step) % TAGS)
                for key in range(1, BOOKS + 1)
                for step in (0, 7, 19)
            ],
            batch_size=500,
        )
    connection.close()


def _book(key: int) -> Book:
    return Book(
        id=key,
        title=f"Book number {key}",
        pages=100 + key * 7 % 900,
        in_print=key % 3 != 0,
        published=_FIRST_DAY + datetime.timedelta(days=key * 5, minutes=key),
        price=Decimal(key % 5_000) / 100 + 1,
        details={"language": "en", "formats": ["print", "audio"], "weight": key % 700},
        author_id=1 + key % AUTHORS,
    )
