"""What `benchmarks.load` asks for: the same three views by Django's own asynchronous methods and by `q()`."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path

from adj import q
from benchmarks.models import Book
from benchmarks.tasks import PAGE, key, pages


async def djangos_one(request: HttpRequest, number: int) -> JsonResponse:
    """One book by its key."""
    book = await Book.objects.aget(pk=key(number))
    return JsonResponse({"title": book.title})


async def one(request: HttpRequest, number: int) -> JsonResponse:
    """The same by adj."""
    book = await q(Book).aget(pk=key(number))
    return JsonResponse({"title": book.title})


async def djangos_page(request: HttpRequest, number: int) -> JsonResponse:
    """A page of books with their authors, and how many there are."""
    books = Book.objects.filter(pages__gt=pages(number)).select_related("author")
    rows = [[book.title, book.author.name] async for book in books.order_by("-published")[:PAGE]]
    return JsonResponse({"count": await books.acount(), "rows": rows})


async def page(request: HttpRequest, number: int) -> JsonResponse:
    """The same by adj."""
    books = q(Book).filter(pages__gt=pages(number)).select_related("author")
    rows = [[book.title, book.author.name] for book in await books.order_by("-published")[:PAGE].run()]
    return JsonResponse({"count": await books.acount(), "rows": rows})


async def djangos_change(request: HttpRequest, number: int) -> JsonResponse:
    """One book is changed, and read."""
    await Book.objects.filter(pk=key(number)).aupdate(pages=pages(number))
    book = await Book.objects.aget(pk=key(number))
    return JsonResponse({"pages": book.pages})


async def change(request: HttpRequest, number: int) -> JsonResponse:
    """The same by adj."""
    await q(Book).filter(pk=key(number)).aupdate(pages=pages(number))
    book = await q(Book).aget(pk=key(number))
    return JsonResponse({"pages": book.pages})


urlpatterns = [
    path("django/one/<int:number>/", djangos_one),
    path("django/page/<int:number>/", djangos_page),
    path("django/change/<int:number>/", djangos_change),
    path("adj/one/<int:number>/", one),
    path("adj/page/<int:number>/", page),
    path("adj/change/<int:number>/", change),
]
