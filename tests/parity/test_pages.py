"""Pages of the bookshop's models: orders of Meta, of relations, of parents, of keys with several columns."""

from __future__ import annotations

import random
from typing import Any

from django.db.models import Model

from adj import q
from tests.running import run
from tests.shop.models import Author, Book, Category, Chapter, Gadget, Order, OrderLine, Review


async def pages(query: Any, size: int) -> list[Any]:
    """All rows, page by page."""
    page = await query.page(size)
    rows = list(page)
    while page.next is not None:
        page = await query.page(size, after=page.next)
        rows.extend(page)
    return rows


OWN_ORDERS: list[tuple[type[Model], list[str]]] = [
    (Author, ["name", "pk"]),
    (Category, ["parent__name", "name", "pk"]),
    (Chapter, ["_order", "pk"]),
    (Gadget, ["name", "pk"]),
    (Review, ["book__title", "-stars", "pk"]),
    (Order, ["pk"]),
    (OrderLine, ["order_id", "number"]),
]


async def check_own_orders(alias: str) -> None:
    """Pages in the order of a model's Meta."""
    for model, terms in OWN_ORDERS:
        whole = await q(model).using(alias).order_by(*terms).run()
        assert len(whole) > 3
        for size in (1, 10):
            assert await pages(q(model).using(alias), size) == whole


def test_pages_in_a_models_own_order_are_the_whole() -> None:
    run(check_own_orders("default"))


def test_pages_in_a_models_own_order_are_the_whole_on_postgresql(postgres: str) -> None:
    run(check_own_orders(postgres))


# One field of every type, and paths over relations that may be missing.
FIELDS = [
    *("title", "subtitle", "isbn", "author", "editor", "publisher__name", "category", "pages", "weight", "rating"),
    *("price", "copies_sold", "published", "released", "reading_hour", "reading_time", "reference", "is_available"),
    *("is_translated", "cover", "format", "author__born", "detail__summary", "released__year"),
]


async def check_random_fields(alias: str, seed: int) -> None:
    """Pages by up to four fields, in either direction."""
    choose = random.Random(seed)
    terms = [choose.choice(["", "-"]) + name for name in choose.sample(FIELDS, choose.randint(1, 4))]
    query, whole = q(Book).using(alias).order_by(*terms), q(Book).using(alias).order_by(*terms, "pk")
    rows = await whole.run()
    assert await pages(query, 5) == rows, terms
    assert list(await query.reverse().page(500)) == await whole.reverse().run()


def test_pages_by_random_fields_of_every_type_are_the_whole() -> None:
    async def main() -> None:
        for seed in range(30):
            await check_random_fields("default", seed)

    run(main())


def test_pages_by_random_fields_of_every_type_are_the_whole_on_postgresql(postgres: str) -> None:
    async def main() -> None:
        for seed in range(30, 60):
            await check_random_fields(postgres, seed)

    run(main())


def test_pages_go_by_fields_of_the_project() -> None:
    async def main() -> None:
        whole = await q(Book).order_by("-cost", "pk").run()
        assert await pages(q(Book).order_by("-cost"), 3) == whole

    run(main())
