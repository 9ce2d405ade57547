"""Right code on the bookshop: no type checker with the generated stubs may report anything here."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from adj import AsyncQuery, get_object_or_404, load, q, related
from tests.shop.models import Author, Bestseller, Book, Country, Note, Order, Publisher, Reader, Review, Tag

# -- rows --------------------------------------------------------------------------------------------------------------


async def print_books() -> None:
    for book in await q(Book).filter(title__icontains="a", pages__gte=3.5, author__name="x").run():
        print(book.title.upper(), book.author.name.upper(), book.pages + 1, book.pk + book.author_id)
        if book.editor is not None and book.editor.born is not None:
            print(book.editor.born.year)
        print(book.get_format_display().lower(), book.detail.summary.upper(), book.price + decimal.Decimal(1))


async def first_book() -> Book | None:
    return await q(Book).order_by("-pages", "author__name", F("title").desc(), "?").afirst()


async def books_with_relations() -> list[Book]:
    query = q(Book).select_related("author", "author__publisher", "detail")
    return await query.prefetch_related("tags", Prefetch("reviews"), "author__books", "author__publisher").run()


async def a_book_with_another_author(author: Author) -> Book:
    book = await q(Book).aget(isbn="0-441-47812-3")
    book.author = author
    book.title = book.title.strip()
    book.editor = None
    book.pages = F("pages") + 1
    book.price, book.published, book.subtitle = 5, "2000-01-01", None
    return book


async def all_kinds_of_iteration() -> list[str]:
    async for reader in q(Reader).filter(gadget_ptr=1, voltage__in=[1]):
        print(reader.screen + 1.0, reader.name.upper(), reader.favourite)
    async with q(Bestseller).stream() as books:
        async for each in books:
            print(each.title.upper())
    page = await q(Note).order_by("text").page(3)
    print(page.rows[0].text.upper(), page.next)
    row = await q(Book).order_by("title")[3].run()
    return [row.title, *(book.title for book in await q(Book)[:5].run())]


async def containers() -> dict[str, list[Book]]:
    in_order = sorted(await q(Book).run(), key=lambda each: each.title)  # strict: rows as an argument
    both: list[Book] = (await q(Book).run())[:3] + [Book()]  # noqa: RUF005  # `+` of lists is the matter
    as_set: set[Book] = set(await q(Book).run())
    listed: list[Book] = [each for each in await q(Book).run()]  # noqa: C416  # the type of the items is the matter
    grouped: dict[str, list[Book]] = {}
    for book in await q(Book).run():
        grouped.setdefault(book.author.name, []).append(book)
    print(in_order, both, as_set, listed)
    return grouped


async def by_key(keys: Iterable[int]) -> dict[Any, Book]:
    books = await q(Book).ain_bulk(keys)
    print([book.title.upper() for book in books.values()])
    return books


def helper(query: AsyncQuery[Book]) -> AsyncQuery[Book]:
    return query.filter(title="x").order_by("pages")


async def passed_through() -> str:
    book = await helper(q(Book).filter(pages=3)).aget()
    other = await get_object_or_404(q(Book).filter(pages=3), pk=1)
    await load(await q(Book).run(), "author")
    return book.title + other.title  # strict: a query that is declared without its rows


async def plain(model: type[Book], query: AsyncQuery[Book]) -> list[Book]:
    return [await q(model).aget(pk=1), *await q(query).run(), *await q(Book.in_print).run()]


async def stream_of_titles() -> AsyncIterator[str]:
    async for book in q(Book).aiterator():
        yield book.title


# -- conditions --------------------------------------------------------------------------------------------------------


async def conditions(name: str | None, extra: dict[str, Any], objects: dict[str, object], author: Author) -> list[Book]:
    query = q(Book)
    if name:
        query = query.filter(title=name)
    query = query.filter(Q(title="x") | Q(pages=1), author=author, editor=None)
    query = query.filter(**extra).filter(**objects).filter(title=F("subtitle"), author__in=[author, 3])
    query = query.filter(author__in=q(Author), pk__in=[1, 2], title=gettext_lazy("x")).exclude(tags=1)
    either = (q(Book).none() | Book.in_print.all() | query).filter(("title", name))
    print(await either.filter(author=SimpleLazyObject(lambda: author)).run())
    return await query.filter(Exists(q(Review).filter(book=OuterRef("pk")).queryset)).run()


def many_lookups(day: datetime.date, moment: datetime.datetime, key: uuid.UUID) -> list[AsyncQuery[Any]]:
    return [
        q(Book).filter(published=day, published__year=2000, released__gte=moment, released__date=day),
        q(Book).filter(published="2000-01-01", price__lte=3, price__gt="3.5", reading_time=datetime.timedelta(1)),
        q(Book).filter(rating__range=(1, 4.5), is_available=True, is_translated=None, cover=b"x"),
        q(Book).filter(reference=str(key), metadata__key=3, metadata__contains={"key": 3}, metadata__has_key="key"),
        q(Book).filter(author__publisher__country__name__startswith="N", author__born__year__gte=1900),
        q(Book).filter(cost=3, cost__gt=F("price"), reviews__stars=3, reviews__isnull=False, detail__printings=1),
        q(Book).filter(format__in=["hb", "pb"], category__name="x", category__parent=None, category__parent_id=3),
        q(Order).filter(pk=key, id__in=[key, str(key)], customer__country="NO", customer__country__name="Norway"),
        q(Publisher).filter(country="NO", country_id="NO", country__population__gt=3, books__title="x"),
        q(Reader).filter(item_ptr__name="x", name__icontains="x", maker=Publisher(), favourite__author__name="x"),
    ]


async def one_of_them(title: str) -> Book | None:
    if await q(Book).filter(title=title).aexists():
        return await q(Book).aget(title=title, pages__lt=3)
    return await q(Book).aget_or_none(Q(title=title), author__name="x")


# -- columns -----------------------------------------------------------------------------------------------------------


async def values(column: str) -> None:
    for row in await q(Book).values("title", "pages", "author__name").run():
        print(row["title"].upper(), row["pages"] + 1, row["author__name"].upper())
        print(dict(row), {**row}, row[column])
    grouped = await q(Book).values("author").annotate(n=Count("pk")).order_by("n").run()
    print(grouped[0]["n"])
    named = await q(Book).values(n=F("pages")).order_by("n").run()
    print(named[0]["n"], await q(Book).values(column).run(), await q(Book).values().run())


async def values_lists() -> None:
    print((await q(Book).values_list("title", flat=True).aget()).upper())
    for title, pages in await q(Book).values_list("title", "pages").run():
        print(title.upper(), pages + 1)
    for year, number, price in await q(Book).values_list("published", "pages", "price").run():
        print(year, number, price)
    print((await q(Book).values_list("title", named=True).run())[0].title)
    print(await q(Book).values_list(F("title")).run())
    keys: list[int] = await q(Book).values_list("pk", flat=True).run()
    print(keys)


@dataclass
class BookCard:
    title: str
    pages: int
    writer: str
    n: int = 0


class BookDict(TypedDict):
    title: str
    pages: int


async def objects_of_a_class() -> None:
    cards = q(Book).into(BookCard, writer="author__name")
    for card in await cards.filter(pages__gte=300).order_by("-pages").run():
        print(card.title.upper(), card.pages + 1, card.writer.upper())
    rows: list[BookCard] = await q(Book).annotate(n=Count("tags")).into(BookCard, writer="author__name").run()
    print(rows, [each.title.upper() async for each in cards])
    print((await q(Book).into(BookDict).aget())["title"].upper(), (await cards.page(3)).rows[0].title.upper())


async def annotated(names: Sequence[str]) -> None:
    book = await q(Book).annotate(n=Count("tags")).filter(n__gt=3).order_by("-n").aget()
    print(book.n, book.title.upper())
    await q(Book).alias(n=Count("tags")).filter(n=1).order_by(*names).run()
    await q(Book).order_by(*names).only("title").defer(*names).distinct().run()
    print((await q(Book).aaggregate(total=Count("pk")))["total"])


# -- writing -----------------------------------------------------------------------------------------------------------


async def writes(author: Author, data: dict[str, Any], moment: datetime.datetime) -> Book:
    book = await q(Book).acreate(title="x", author=author, pages=3, price="3.50", published=moment.date())
    await q(Book).acreate(**data)
    await q(Author).acreate(name="x", created=moment, publisher_id=None, mentor=author)
    print(await q(Book).filter(pk=1).aupdate(pages=F("pages") + 1, author=3, published=None) + 1)
    tag, created = await q(Tag).aget_or_create(name="x", defaults={"weight": 3})
    country, _ = await q(Country).aupdate_or_create(code="NO", defaults={"name": "Norway"})
    print(tag.name.upper(), created, country.name.upper(), await q(Book).filter(pages=0).adelete())
    await q(Book).abulk_create([book])
    await q(Book).abulk_update([book], ["title"])
    return book


async def relations(book: Book, tag: Tag) -> None:
    await related(book, "tags").aadd(tag)
    for each in await q(book.tags).run():
        print(each.name.upper())
    for review in await related(book, "reviews").filter(stars=3).run():
        print(review)
