"""How a query ends: what each method gives."""

from __future__ import annotations

from typing import reveal_type

from django.db.models import Count

from adj import q
from tests.shop.models import Author, Book, BookDetail, Country, Order, OrderLine


async def the_one_row() -> None:
    reveal_type(await q(Book).annotate(n=Count("tags")).aget(pk=1))  # R: Book@adj[TypedDict({'n'=: int})]
    reveal_type(await q(Book).values("title").aget(pk=1))  # R: TypedDict({'title': str})
    reveal_type(await q(Book).values("title").aget_or_none(pk=1))  # R: TypedDict({'title': str}) | None


async def the_first_and_the_last_row() -> None:
    reveal_type(await q(Book).values_list("title", flat=True).afirst())  # R: str | None
    reveal_type(await q(Book).values_list("title", "pages").alast())  # R: tuple[str, int] | None
    reveal_type(await q(Author).afirst())  # R: Author[TypedDict({})] | None


async def the_earliest_and_the_latest_row() -> None:
    reveal_type(await q(Book).values("title").aearliest("published"))  # R: TypedDict({'title': str})
    reveal_type(await q(Book).annotate(n=Count("tags")).alatest("n"))  # R: Book@adj[TypedDict({'n'=: int})]


async def a_row_that_may_be_none_is_checked_first() -> None:
    (await q(Book).values("title").afirst())["title"]
    # E: Value of type "TypedDict({'title': str}) | None" is not indexable  [index]


async def a_slice_is_a_query() -> None:
    reveal_type(await q(Book).values("title")[2:5].run())  # R: list[TypedDict({'title': str})]
    reveal_type(await q(Book).annotate(n=Count("tags"))[:1].aget())  # R: Book@adj[TypedDict({'n'=: int})]


async def one_row_by_its_position() -> None:
    reveal_type(await q(Book).values("title")[0].run())  # R: TypedDict({'title': str})
    reveal_type(await q(Book).annotate(n=Count("tags"))[0].run())  # R: Book@adj[TypedDict({'n'=: int})]


async def a_loop_over_a_query() -> None:
    async for title in q(Book).values_list("title", flat=True):
        reveal_type(title)  # R: str
    async for book in q(Book).annotate(n=Count("tags")):
        reveal_type(book.n)  # R: int


async def a_stream() -> None:
    async with q(Book).values("title").stream() as rows:
        async for row in rows:
            reveal_type(row)  # R: TypedDict({'title': str})


async def an_iterator() -> None:
    reveal_type([title async for title in q(Book).values_list("title", flat=True).aiterator(chunk_size=10)])
    # R: list[str]


async def a_page() -> None:
    page = await q(Book).order_by("title").values("title", "pages").page(10)
    reveal_type([row["pages"] for row in page])  # R: list[int]
    reveal_type(page)  # R: Page[TypedDict({'title': str, 'pages': int})]


async def rows_by_their_key() -> None:
    reveal_type(await q(Book).ain_bulk([1, 2]))  # R: dict[int, Book[TypedDict({})]]
    reveal_type(await q(Country).ain_bulk(["de"]))  # R: dict[str, Country[TypedDict({})]]
    reveal_type(await q(Order).ain_bulk())  # R: dict[UUID, Order[TypedDict({})]]


async def rows_by_a_key_that_is_a_relation() -> None:
    reveal_type(await q(BookDetail).ain_bulk([1]))  # R: dict[int, BookDetail[TypedDict({})]]


async def rows_by_a_composite_key() -> None:
    reveal_type(await q(OrderLine).ain_bulk())  # R: dict[tuple[UUID, int], OrderLine[TypedDict({})]]


async def rows_by_another_unique_field() -> None:
    reveal_type(await q(Book).ain_bulk(["1"], field_name="isbn"))  # R: dict[str, Book[TypedDict({})]]


async def rows_by_a_field_that_is_not_unique() -> None:
    await q(Book).ain_bulk(["Emma"], field_name="title")
    # E: "Book.title" is not unique and cannot be the key of ain_bulk()  [adj-shape]


async def rows_by_a_field_that_is_not_there() -> None:
    await q(Book).ain_bulk(["1"], field_name="ibsn")  # E: Book has no field "ibsn"; did you mean "isbn"?  [adj-lookup]


async def rows_by_a_field_that_is_computed(name: str) -> None:
    reveal_type(await q(Book).ain_bulk(["1"], field_name=name))  # R: dict[Any, Book[TypedDict({})]]


async def rows_with_annotations_by_their_key() -> None:
    books = await q(Book).annotate(n=Count("tags")).ain_bulk([1])
    reveal_type(books[1].n)  # R: int


async def dicts_by_their_key() -> None:
    reveal_type(await q(Book).values("id", "title").ain_bulk())  # R: dict[int, TypedDict({'id': int, 'title': str})]


async def changed_rows() -> None:
    reveal_type(await q(Book).returning("title", "pages", "author").aupdate(pages=1))  # R: list[tuple[str, int, int]]
    reveal_type(await q(Book).returning("editor_id").adelete())  # R: list[tuple[int | None]]


async def changed_instances() -> None:
    reveal_type(await q(Book).returning().aupdate(pages=1))  # R: list[Book[TypedDict({})]]


async def changed_rows_of_what_is_no_column() -> None:
    q(Book).returning("titel")  # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).returning("author__name")
    # E: Book has no column "author__name"; did you mean "author_id" or "author"?  [adj-lookup]


async def changed_rows_by_a_name_that_is_computed(name: str, names: list[str]) -> None:
    reveal_type(await q(Book).returning(name).aupdate(pages=1))  # R: list[tuple[Any, ...]]
    reveal_type(await q(Book).returning("title", *names).aupdate(pages=1))  # R: list[tuple[Any, ...]]


async def what_is_created_has_no_annotations() -> None:
    reveal_type(await q(Book).annotate(n=Count("tags")).acreate(title="Emma"))  # R: Book
    reveal_type(await q(Book).annotate(n=Count("tags")).aget_or_create(title="Emma"))  # R: tuple[Book, bool]


async def rows_of_hand_written_sql_may_have_any_attribute() -> None:
    books = await q(Book).raw("SELECT *, 1 AS bonus FROM shop_book").run()
    reveal_type(books[0].title)  # R: str
    reveal_type(books[0].bonus)  # R: Any


async def a_plan_is_text() -> None:
    reveal_type(await q(Book).values("title").aexplain(analyze=True))  # R: str


async def numbers_and_facts() -> None:
    reveal_type(await q(Book).annotate(n=Count("tags")).acount())  # R: int
    reveal_type(await q(Book).values("title").aexists())  # R: bool
