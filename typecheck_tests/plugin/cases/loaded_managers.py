"""Rows of managers, which may join, prefetch, defer and annotate before any clause."""

from __future__ import annotations

from typing import reveal_type

from django.db.models import QuerySet

from adj import q
from tests.shop.models import Book, Publisher
from typecheck_tests.plugin.library.models import Person
from typecheck_tests.plugin.press.models import Title


async def a_model_starts_from_its_default_manager() -> None:
    title = await q(Title).aget()
    title.house
    reveal_type(title.mark_count)  # R: int
    [mark for mark in title.marks.all()]
    title.text  # E: "Title.text" is deferred by the query: remove it from defer() or add it to only() ...
    title.editor  # E: "Title.editor" is not loaded: add .select_related("editor") to the query ...


async def clauses_add_to_a_manager() -> None:
    title = await q(Title).select_related("editor").defer(None).aget()
    title.house, title.editor, title.text


async def a_manager_without_clauses() -> None:
    title = await q(Title.plain).aget()
    title.text
    title.house  # E: "Title.house" is not loaded: add .select_related("house") to the query ...


async def a_manager_of_a_queryset() -> None:
    title = await q(Title.listed).aget()
    title.house  # E: "Title.house" is not loaded: add .select_related("house") to the query ...


async def all_of_a_manager() -> None:
    title = await q(Title.objects.all()).aget()
    title.house
    title.editor  # E: "Title.editor" is not loaded: add .select_related("editor") to the query ...


async def annotations_of_a_manager_are_names() -> None:
    q(Title).filter(mark_count__gt=1).order_by("mark_count")
    reveal_type(await q(Publisher.counted).aget())  # R: Publisher@adj[TypedDict({'book_count'=: int})]


async def a_manager_that_is_typed_as_anything() -> None:
    book = await q(Book.objects).aget()
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def a_queryset_may_have_any_clauses(titles: QuerySet[Title]) -> None:
    first = await q(Title.plain.select_related("house")).aget()
    first.house, first.editor
    second = await q(titles).aget()
    second.house


async def a_manager_of_adj() -> None:
    title = await Title.aobjects.aget()
    title.house  # E: "Title.house" is not loaded: add .select_related("house") to the query ...
    found = await Title.aobjects.filter(name="x").select_related("editor").run()
    found[0].editor
    found[0].house  # E: "Title.house" is not loaded: add .select_related("house") to the query ...


async def a_manager_of_adj_is_a_query() -> None:
    reveal_type(Person.aobjects)  # R: AsyncManager[Person[TypedDict({})]]
    reveal_type(await Person.aobjects.order_by("name").afirst())  # R: Person[TypedDict({})] | None


async def a_subclass_of_a_manager_of_adj() -> None:
    title = await Title.loading.aget()
    title.house.owner


async def rows_that_were_created_are_not_tracked() -> None:
    created = await q(Title).acreate(name="x")
    created.house
    found, _ = await q(Title).aget_or_create(name="x")
    found.house
    changed, _ = await Title.aobjects.aupdate_or_create(name="x")
    changed.house
    many = await q(Title).abulk_create([Title()])
    many[0].house


async def rows_of_sql_are_not_tracked() -> None:
    rows = await q(Book).only("title").raw("SELECT * FROM shop_book").run()
    rows[0].author


async def a_class_that_only_the_run_knows(model: type[Title]) -> None:
    title = await q(model).aget()
    title.editor  # E: "Title.editor" is not loaded: add .select_related("editor") to the query ...
