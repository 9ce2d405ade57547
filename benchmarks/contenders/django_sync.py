"""Django's synchronous ORM in a plain thread: what Django costs without any way between threads."""

from __future__ import annotations

from django.db import connections

from benchmarks.contenders.contender import Rows, SyncContender
from benchmarks.models import Book
from benchmarks.tasks import COLUMNS, CONCURRENT, JOINED, MANY, PAGE, PREFETCHED, author, key, pages


class DjangoSync(SyncContender):
    """`Book.objects`."""

    name = "Django sync"

    def disconnect(self) -> None:
        """Close the thread's connection."""
        connections.close_all()

    def one(self, number: int) -> Book:
        """One book by its key."""
        return Book.objects.get(pk=key(number))

    def instances(self, number: int) -> Rows:
        """Many books with all their columns."""
        return list(Book.objects.filter(pk__gt=number).order_by("pk")[:MANY])

    def dicts(self, number: int) -> Rows:
        """Many dicts."""
        return list(Book.objects.filter(pk__gt=number).order_by("pk").values(*COLUMNS)[:MANY])

    def tuples(self, number: int) -> Rows:
        """Many tuples."""
        return list(Book.objects.filter(pk__gt=number).order_by("pk").values_list(*COLUMNS)[:MANY])

    def page(self, number: int) -> Rows:
        """The newest books that fulfil three conditions."""
        books = Book.objects.filter(pages__gt=pages(number), in_print=True, author__name__startswith="Author 1")
        return list(books.order_by("-published")[:PAGE])

    def related(self, number: int) -> Rows:
        """Books with their authors and their countries."""
        return list(Book.objects.select_related("author__country").filter(pk__gt=number).order_by("pk")[:JOINED])

    def prefetched(self, number: int) -> Rows:
        """Books, and the tags of each."""
        return list(Book.objects.filter(pk__gt=number).order_by("pk").prefetch_related("tags")[:PREFETCHED])

    def count(self, number: int) -> int:
        """How many books are long."""
        return Book.objects.filter(pages__gt=pages(number)).count()

    def concurrent(self, number: int) -> Rows:
        """The books of many authors, one after another."""
        authors = range(number, number + CONCURRENT)
        return [list(Book.objects.filter(author=author(one))) for one in authors]
