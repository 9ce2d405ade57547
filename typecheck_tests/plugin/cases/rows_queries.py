"""A project's own classes of queries."""

from __future__ import annotations

from typing import Generic, reveal_type

from django.db.models import Count

from adj import AsyncQuery, q
from adj.typevars import M
from tests.diary.models import Entry, EntryQuery
from tests.shop.models import Book


class BookQuery(AsyncQuery[Book, Book]):
    def long(self) -> BookQuery:
        return self.filter(pages__gt=300)

    async def best(self) -> Book | None:
        return await self.order_by("-rating").afirst()


class AnyQuery(AsyncQuery[M, M], Generic[M]):
    async def ids(self) -> list[int]:
        return await self.values_list("pk", flat=True).run()


class NovelQuery(BookQuery):
    pass


async def rows_of_the_class() -> None:
    reveal_type(await BookQuery.of(q(Book)).filter(pages=1).run())  # R: list[Book[TypedDict({})]]


async def its_methods_are_there() -> None:
    reveal_type(await BookQuery.of(q(Book)).long().best())  # R: Book | None
    reveal_type(await BookQuery.of(q(Book)).annotate(n=Count("tags")).best())  # R: Book | None


async def annotations_are_attributes() -> None:
    query = BookQuery.of(q(Book)).annotate(n=Count("tags"))
    reveal_type(query)  # R: BookQuery@adj[Book[TypedDict({'n'=: int})], Book@adj[TypedDict({'n'=: int})]]
    reveal_type((await query.filter(n__gt=1).order_by("-n").aget()).n)  # R: int


async def annotations_that_were_there_before() -> None:
    reveal_type((await BookQuery.of(q(Book).annotate(n=Count("tags"))).aget()).n)  # R: int


async def annotations_in_a_loop() -> None:
    async for book in BookQuery.of(q(Book)).annotate(n=Count("tags")):
        reveal_type(book.n)  # R: int


async def every_ending_has_them() -> None:
    query = BookQuery.of(q(Book)).annotate(n=Count("tags"))
    reveal_type([book.n for book in await query.run()])  # R: list[int]
    reveal_type((await query[0].run()).n)  # R: int
    reveal_type((await query.ain_bulk())[1].n)  # R: int
    reveal_type([book.n for book in await query.page(5)])  # R: list[int]


async def loaded_relations_are_known() -> None:
    query = BookQuery.of(q(Book))
    reveal_type((await query.select_related("author").aget()).author)  # R: Author[TypedDict({})]


async def columns_are_rows_of_a_general_query() -> None:
    reveal_type(BookQuery.of(q(Book)).values("title"))  # R: AsyncQuery[Book, TypedDict({'title': str})]


async def a_name_that_is_not_there() -> None:
    BookQuery.of(q(Book)).filter(titel="Emma")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    (await BookQuery.of(q(Book)).annotate(n=Count("tags")).aget()).m
    # E: "Book" has no attribute "m"...


async def it_is_taken_for_the_class() -> None:
    def shown(query: BookQuery) -> None: ...
    def asked(query: AsyncQuery[Book]) -> None: ...

    shown(BookQuery.of(q(Book)).annotate(n=Count("tags")))
    asked(BookQuery.of(q(Book)).annotate(n=Count("tags")))


async def a_parameter_of_the_class(query: BookQuery) -> None:
    reveal_type(await query.run())  # R: list[Book]
    reveal_type((await query.annotate(n=Count("tags")).aget()).n)  # R: int


async def a_variable_that_is_annotated_step_by_step() -> None:
    query = BookQuery.of(q(Book))
    query = query.annotate(n=Count("tags"))
    reveal_type((await query.aget()).n)  # R: int


async def either_of_two(flag: bool) -> None:
    query = BookQuery.of(q(Book))
    either = query.annotate(n=Count("tags")) if flag else query.annotate(n=Count("chapters"))
    reveal_type((await either.aget()).n)  # R: int


async def a_generic_class() -> None:
    query = AnyQuery.of(q(Book)).annotate(n=Count("tags"))
    reveal_type((await query.aget()).n)  # R: int
    reveal_type(await query.ids())  # R: list[int]


async def a_class_of_a_class() -> None:
    reveal_type((await NovelQuery.of(q(Book)).annotate(n=Count("tags")).aget()).n)  # R: int


async def methods_of_a_queryset_have_their_signatures() -> None:
    reveal_type(EntryQuery.of(q(Entry)).long)
    # R: def (words: int =, *, or_empty: bool =) -> EntryQuery@adj[Entry, Entry[TypedDict({})]]
    reveal_type(EntryQuery.of(q(Entry)).total_words)  # R: def (*, default: int =) -> Coroutine[Any, Any, int]
    EntryQuery.of(q(Entry)).long(words="5")
    # E: Argument "words" has incompatible type "str"; expected "int"  [arg-type]


async def methods_of_a_queryset_after_annotate() -> None:
    query = EntryQuery.of(q(Entry)).annotate(n=Count("writer")).filter(n=1)
    reveal_type(await query.total_words(default=1))  # R: int
    reveal_type((await query.long(5).aget()).n)  # R: int
