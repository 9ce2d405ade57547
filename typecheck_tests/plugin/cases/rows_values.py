"""The rows of `values()` and `values_list()`."""

from __future__ import annotations

from typing import reveal_type

from adj import q
from tests.shop.models import Author, Book


async def columns_of_the_model() -> None:
    reveal_type(await q(Book).values("title", "pages").run())  # R: list[TypedDict({'title': str, 'pages': int})]
    reveal_type(await q(Book).values_list("title", "pages").aget())  # R: tuple[str, int]
    reveal_type(await q(Book).values_list("pages", flat=True).afirst())  # R: int | None


async def columns_of_relations() -> None:
    row = await q(Book).values("author__name", "author").aget()
    reveal_type(row["author__name"])  # R: str


async def a_name_that_is_not_there() -> None:
    q(Author).values("nmae")  # E: Author has no field "nmae"; did you mean "name"?  [adj-lookup]
