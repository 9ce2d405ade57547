"""132 mistakes on the bookshop, one on each line that has a mark. What follows a mark is a row of `differences.py`."""

from __future__ import annotations

from dataclasses import dataclass

from adj import AsyncQuery, q
from tests.shop.models import Author, Book, Country, Order, Publisher, Reader, Review, Tag


@dataclass
class BookCard:
    title: str
    pages: int


@dataclass
class WrongCard:
    titel: str


async def mistakes(author: Author, tag: Tag) -> None:
    # -- names of conditions -------------------------------------------------------------------------------------------

    q(Book).filter(titel="x")  # wrong
    q(Book).filter(Title="x")  # wrong
    q(Book).filter(title__icontain="x")  # wrong
    q(Book).filter(pages__gtee=3)  # wrong
    q(Book).filter(author__nam="x")  # wrong
    q(Book).filter(author__name__startwith="x")  # wrong
    q(Book).filter(auhtor=1)  # wrong
    q(Book).filter(author_idd=1)  # wrong
    q(Book).exclude(titel="x")  # wrong
    q(Book).exclude(published__yaer=2000)  # wrong
    await q(Book).aget(titel="x")  # wrong
    await q(Book).aget(author__nam="x")  # wrong
    await q(Book).aget_or_none(titel="x")  # wrong
    q(Book).filter(title="x").filter(titel="x")  # wrong
    q(Book).order_by("title").filter(titel="x")  # wrong
    q(Author).filter(title="x")  # wrong
    q(Author).filter(book=1)  # wrong
    q(Tag).filter(name__year=3)  # wrong
    q(Country).filter(id=3)  # wrong
    q(Review).filter(book__titel="x")  # wrong
    q(Reader).filter(screens=3)  # wrong
    q(Publisher).filter(country__nam="x")  # wrong
    q(Order).filter(customer__nme="x")  # wrong
    q(Book.in_print).filter(titel="x")  # wrong: a manager of an unknown model

    # -- values of conditions ------------------------------------------------------------------------------------------

    q(Book).filter(title=3)  # wrong
    q(Book).filter(title__icontains=3)  # wrong
    q(Book).filter(title__in="x", pages=b"x")  # wrong
    q(Book).filter(title__in=[3])  # wrong
    q(Book).filter(pages="3")  # wrong
    q(Book).filter(pages__gte="3")  # wrong
    q(Book).filter(pages__in=["3"])  # wrong
    q(Book).filter(pages__in=3)  # wrong
    q(Book).filter(pages__range=3)  # wrong
    q(Book).filter(published=3)  # wrong
    q(Book).filter(published__year="x")  # wrong
    q(Book).filter(released__gte=3.5)  # wrong
    q(Book).filter(reading_time=3)  # wrong
    q(Book).filter(reference=3)  # wrong
    q(Book).filter(is_available="yes")  # wrong
    q(Book).filter(rating="good")  # wrong
    q(Book).filter(price=b"3")  # wrong
    q(Book).filter(author=tag)  # wrong
    q(Book).filter(author="x")  # wrong
    q(Book).filter(author__in=[tag])  # wrong
    q(Book).filter(author_id="x")  # wrong
    q(Book).filter(author__isnull="x")  # wrong
    q(Book).filter(author__name=3)  # wrong
    q(Book).filter(tags=author)  # wrong
    q(Book).filter(cover="x")  # wrong
    q(Book).filter(metadata__has_key=3)  # wrong
    await q(Book).aget(pk="x")  # wrong
    await q(Book).aget(pages=author)  # wrong
    q(Book).exclude(title=author)  # wrong
    q(Author).filter(born__gte=3)  # wrong
    q(Country).filter(population="x")  # wrong
    q(Publisher).filter(country=3)  # wrong
    q(Book).filter("title")  # wrong

    # -- names in strings ----------------------------------------------------------------------------------------------

    await q(Book).order_by("titel").run()  # wrong
    await q(Book).order_by("-titel").run()  # wrong
    await q(Book).order_by("title", "author__nam").run()  # wrong
    await q(Book).select_related("autor").run()  # wrong
    await q(Book).select_related("tags").run()  # wrong
    await q(Book).select_related("author__nam").run()  # wrong
    await q(Book).prefetch_related("tag").run()  # wrong
    await q(Book).prefetch_related("titel").run()  # wrong
    await q(Book).only("titel").run()  # wrong
    await q(Book).defer("titel").run()  # wrong
    await q(Book).only("tags").run()  # wrong: only() of a relation to several rows
    await q(Book).distinct("titel").run()  # wrong
    print((await q(Book).alatest("titel")).title)  # wrong
    print((await q(Book).aearliest("titel")).title)  # wrong
    await q(Book).values("titel").run()  # wrong
    await q(Book).values("title", "pagse").run()  # wrong
    await q(Book).values_list("titel", flat=True).run()  # wrong
    await q(Book).values_list("title", "pagse").run()  # wrong
    await q(Author).order_by("title").run()  # wrong
    await q(Tag).values("title").run()  # wrong

    # -- attributes of rows --------------------------------------------------------------------------------------------

    book = await q(Book).aget()
    print(book.titel)  # wrong
    print(book.title + 1)  # wrong
    print(book.pages.upper())  # wrong
    print(book.author.nam)  # wrong
    print(book.author.name + 1)  # wrong
    print(book.editor.name)  # wrong
    print(book.published.year)  # wrong
    print(book.rating + 1)  # wrong
    print(book.price.upper())  # wrong
    print(book.detail.sumary)  # wrong
    print(book.get_titel_display())  # wrong
    book.author = tag  # wrong
    book.title = 3  # wrong: a number for a text
    book.author = None  # wrong
    for each in await q(Book).run():
        print(each.titel)  # wrong
        print(each.title + 1)  # wrong
    first = await q(Book).afirst()
    print(first.title)  # wrong
    async for one in q(Review).filter(stars=3):
        print(one.star)  # wrong
        print(one.book.titel)  # wrong
    created, _ = await q(Tag).aget_or_create(name="x")
    print(created.nam)  # wrong
    new = await q(Tag).acreate(name="x")
    print(new.name + 1)  # wrong

    # -- columns of rows -----------------------------------------------------------------------------------------------

    for row in await q(Book).values("title", "pages", "editor__name").run():
        print(row["title"] + 1)  # wrong: the type of a selected column
        print(row["pages"].upper())  # wrong: the type of a selected column
        print(row["editor__name"].upper())  # wrong: the type of a selected column
        print(row["price"])  # wrong: a column that is not selected
        print(row["titel"])  # wrong: a column that is not selected
    for title in await q(Book).values_list("title", flat=True).run():
        print(title + 1)  # wrong
    for name, number in await q(Book).values_list("title", "pages").run():
        print(name + 1)  # wrong
        print(number.upper())  # wrong
    numbers: list[str] = await q(Book).values_list("pages", flat=True).run()  # wrong
    a, b, c = await q(Book).values_list("title", "pages").aget()  # wrong

    for card in await q(Book).into(BookCard).run():
        print(card.titel)  # wrong
        print(card.title + 1)  # wrong
    cards: list[str] = await q(Book).into(BookCard).run()  # wrong
    print(cards)
    await q(Book).into(WrongCard).run()  # wrong: the fields of a class

    # -- writing -------------------------------------------------------------------------------------------------------

    await q(Book).acreate(titel="x")  # wrong
    await q(Book).acreate(title=3)  # wrong
    await q(Book).acreate(author=3)  # wrong
    await q(Book).acreate(author=tag)  # wrong
    await q(Book).acreate(pages="x")  # wrong
    await q(Book).acreate(tags=[tag])  # wrong
    await q(Book).acreate(author__name="x")  # wrong
    await q(Book).aupdate(titel="x")  # wrong
    await q(Book).aupdate(pages="x")  # wrong
    await q(Book).aupdate(title=None)  # wrong
    await q(Book).aupdate(author=tag)  # wrong
    await q(Book).aupdate(author__name="x")  # wrong
    await q(Book).aupdate(tags=tag)  # wrong
    await q(Tag).acreate(name=author)  # wrong
    await q(Tag).aupdate(weight="x")  # wrong

    # -- results -------------------------------------------------------------------------------------------------------

    await q(Book).filter(pages=3).rum()  # wrong
    q(Book).filter(pages=3).count()  # wrong
    books: list[Author] = await q(Book).run()  # wrong
    count: str = await q(Book).acount()  # wrong
    other: AsyncQuery[Author] = q(Book)  # wrong
    print(numbers, a, b, c, books, count, other)
