"""Queries of related managers and of a project's QuerySets: names stay checked, and known relations are tracked."""

from __future__ import annotations

from typing import reveal_type

from django.db.models import QuerySet

from adj import q
from tests.shop.models import Author, Book
from typecheck_tests.plugin.library.models import Film, Release, ReleaseQuerySet


async def a_related_manager(author: Author, book: Book) -> None:
    q(author.books).filter(titel="x")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(author.books).filter(xyzzy="x")  # E: Book has no field "xyzzy" (choices are: ...
    q(author.books.all()).order_by("titel")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(book.tags).filter(nam="x")  # E: Tag has no field "nam"; did you mean "name"?  [adj-lookup]
    q(author.books).filter(title="x", pages__gt=3).order_by("-pages")
    q(book.tags.all()).filter(name="x", books__title="y")


async def the_rows_of_a_related_manager(author: Author, book: Book) -> None:
    reveal_type(q(author.books))  # R: AsyncQuery[Book, Book[TypedDict({'author'=: Author})]]
    reveal_type(q(book.tags))  # R: AsyncQuery[Tag, Tag[TypedDict({})]]
    found = await q(author.books).aget(title="x")
    found.author.name
    found.publisher  # E: "Book.publisher" is not loaded: add .select_related("publisher") to the query (reading...
    joined = await q(author.books).select_related("publisher").aget(title="x")
    joined.publisher
    rows: list[Book] = await q(author.books).run()
    print(rows)


async def a_related_manager_of_a_row() -> None:
    author = await q(Author).aget(pk=1)
    found = await q(author.books).aget(title="x")
    found.author.name
    found.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query (reading...


async def a_queryset_of_a_related_manager(author: Author, rows: QuerySet[Book]) -> None:
    q(author.books.filter(pages=1)).filter(titel="x")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(rows).filter(added_elsewhere=1)
    (await q(author.books.filter(pages=1)).aget()).publisher


def a_projects_queryset(film: Film, rows: ReleaseQuerySet) -> None:
    q(Release.objects.early()).filter(numbr=1)
    # E: Release has no field "numbr"; did you mean "number"?  [adj-lookup]
    q(Release.objects.early()).filter(number="x")  # E: Release: "number" expects "int", got "str"  [adj-value]
    q(rows).order_by("numbr")  # E: Release has no field "numbr"; did you mean "number"?  [adj-lookup]
    q(film.releases).filter(numbr=1)  # E: Release has no field "numbr"; did you mean "number"?  [adj-lookup]
    q(film.releases.early()).filter(numbr=1)  # E: Release has no field "numbr"; did you mean "number"?  [adj-lookup]
    q(rows).filter(number=1, film__minutes__gt=3).order_by("-number")


def annotations_of_a_projects_queryset(rows: ReleaseQuerySet) -> None:
    q(Release.objects.counted()).filter(copies__gt=1).order_by("copies", "number")
    q(rows).filter(copies=1).values("copies", "number")
    q(Release.objects.counted()).filter(copise__gt=1)
    # E: Release has no field "copise" (in "copise__gt"); did you mean "copies"?  [adj-lookup]
    q(rows).filter(added_elsewhere=1)


def a_manager_of_adj() -> None:
    Release.found.early().filter(numbr=1)  # E: Release has no field "numbr"; did you mean "number"?  [adj-lookup]
    Release.found.counted().filter(copies=1)
