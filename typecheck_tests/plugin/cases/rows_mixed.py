"""Rows of one model from different queries in ordinary Python: nothing that plain rows allow is refused."""

from __future__ import annotations

import asyncio
import bisect
import functools
import itertools
from collections import ChainMap, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from typing import Generic, TypeVar, reveal_type

from django.db.models import Count

import adj
from adj import q
from tests.shop.models import Author, Book

T = TypeVar("T")


def same(one: T, other: T) -> T:
    return one


def pair(some: list[T], others: list[T]) -> list[T]:
    return some + others


def put(rows: MutableSequence[T], row: T) -> None:
    rows.append(row)


class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item

    def put(self, item: T) -> None:
        self.item = item


async def compared() -> None:
    joined = await q(Book).select_related("author").run()
    plain = await q(Book).run()
    deferred = await q(Book).defer("subtitle").run()
    print(joined[0] == plain[0], joined[0] is plain[0], joined[0] in plain, joined == plain, plain[0] != deferred[0])
    print(set(joined) == set(deferred), {1: joined[0]} == {1: plain[0]}, (joined[0],) == (plain[0],))
    for one, other in zip(joined, plain, strict=True):
        assert one == other


async def displays() -> None:
    joined = await q(Book).select_related("author").run()
    plain = await q(Book).run()
    reveal_type([joined[0], plain[0]])  # R: list[Book[TypedDict({})]]
    reveal_type([*joined, *plain])  # R: list[Book[TypedDict({})]]
    reveal_type({"a": joined, "b": plain})  # R: dict[str, list[Book[TypedDict({})]]]
    reveal_type(max(joined[0], plain[0], key=lambda row: row.pages))  # R: Book[TypedDict({})]
    for row in [*joined, *plain]:
        row.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    for row in itertools.chain(joined, plain):
        row.title
    sum([joined, plain], [])  # noqa: RUF017  # as projects write it
    functools.reduce(lambda most, row: most if most.pages > row.pages else row, [*joined, *plain])


async def lists() -> None:
    joined = await q(Book).select_related("author").run()
    plain = await q(Book).only("title").run()
    joined[0].author
    joined.append(plain[0])
    joined[0].author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    joined.extend(plain)
    joined += plain
    joined[0] = plain[0]
    joined[1:] = plain
    joined.insert(0, plain[0])
    joined.remove(plain[0])
    joined.index(plain[0])
    bisect.insort(joined, plain[0], key=lambda row: row.title)
    plain = joined
    reveal_type(pair(joined, plain)[0].title)  # R: str
    put(joined, plain[0])
    same(joined[0], plain[0])
    box = Box(joined[0])
    box.put(plain[0])


async def added_lists() -> None:
    joined = await q(Book).select_related("author", "editor").run()
    plain = await q(Book).select_related("editor").run()
    for row in joined + plain:
        row.editor
        row.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def annotated_beside_plain_rows() -> None:
    counted = await q(Book).annotate(n=Count("tags")).run()
    plain = await q(Book).run()
    row = counted[0]
    print(row == plain[0], row in plain, plain[0] in counted, [row, plain[0]], [*counted, *plain], counted + plain)
    for each in itertools.chain(counted, plain):
        print(each.title)
    plain.append(row)
    plain += counted
    counted.append(plain[0])
    counted.extend(plain)
    counted += plain
    counted[0] = plain[0]
    counted.remove(plain[0])
    by_pages = {each.pages: each for each in counted}
    by_pages[1] = plain[0]
    by_pages.update({2: plain[0]})
    by_pages.setdefault(3, plain[0])
    by_pages |= {4: plain[0]}
    books = set(counted)
    books.add(plain[0])
    books |= set(plain)
    queue = deque(counted)
    queue.append(plain[0])
    counted.append(3)  # E: Argument 1 to "append" of "list" has incompatible type "int"; expected "Book"  [arg-type]


async def rows_with_different_annotations() -> None:
    tagged = await q(Book).annotate(tags_=Count("tags")).run()
    reviewed = await q(Book).annotate(reviews_=Count("reviews")).run()
    print(tagged[0] == reviewed[0], [tagged[0], reviewed[0]], tagged + reviewed)
    tagged.append(reviewed[0])
    tagged[0].tags_  # E: "Book" has no attribute "tags_" ...
    tagged = reviewed
    row = tagged[0]
    row = reviewed[0]
    row.tags_  # E: "Book" has no attribute "tags_" ...


async def dicts_sets_and_queues() -> None:
    joined = await q(Book).select_related("author").run()
    plain = await q(Book).run()
    by_pages = {row.pages: row for row in joined}
    by_pages[1] = plain[0]
    by_pages.setdefault(2, plain[0])
    by_pages.update({3: plain[0]})
    by_pages |= {4: plain[0]}
    by_pages.pop(5, plain[0])
    groups: defaultdict[int, list[Book]] = defaultdict(list)
    groups[1].append(joined[0])
    groups[2] = plain
    books = set(joined)
    books.add(plain[0])
    books |= set(plain)
    books &= set(plain)
    queue = deque(joined, maxlen=3)
    queue.append(plain[0])
    queue.extend(plain)
    ordered, chained = OrderedDict({1: joined[0]}), ChainMap({1: joined[0]}, {2: plain[0]})
    ordered[2], chained[3] = plain[0], plain[0]


async def variables(flag: bool) -> None:
    joined = await q(Book).select_related("author").run()
    plain = await q(Book).run()
    best = joined[0]
    for row in plain:
        best = row
        best.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    best = joined[0]
    best.author
    chosen = joined[0] if flag else plain[0]
    chosen.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    one, other = joined[0], plain[0]
    one, other = other, one
    latest = None
    for row in joined:
        latest = row
    for row in plain:
        latest = row
    latest = latest or await q(Book).only("title").afirst()
    rows = joined
    rows = [row for row in plain if row.pages]
    rows = sorted(plain, key=lambda row: row.pages)
    rows = list(reversed(plain))
    rows = plain + joined
    both = await asyncio.gather(q(Book).aget(pk=1), q(Book).select_related("author").aget(pk=1))
    assert both[0] == both[1]


async def a_deferred_column() -> None:
    deferred = await q(Book).defer("subtitle").aget()
    full = await q(Book).aget()
    row = deferred
    row = full
    row.subtitle
    row = deferred
    row.subtitle  # E: "Book.subtitle" is deferred by the query: remove it from defer() or add it to only() ...
    rows = [deferred]
    rows[0].subtitle  # E: "Book.subtitle" is deferred by the query: remove it from defer() or add it to only() ...
    rows.append(full)
    rows[1].subtitle


async def containers_that_are_declared() -> None:
    joined = await q(Book).select_related("author").run()
    plain = await q(Book).run()
    rows: list[Book] = joined
    rows = plain
    groups: dict[str, list[Book]] = {"joined": joined, "plain": plain}
    read: Mapping[str, Sequence[Book]] = {"joined": joined, "plain": plain}
    each: Iterator[Book] = iter(joined)
    each = iter(plain)
    print(rows, groups, read, each)


async def attributes() -> None:
    class Shelf:
        def __init__(self, books: list[Book]) -> None:
            self.books = books
            self.first: Book | None = None

    shelf = Shelf(await q(Book).select_related("author").run())
    shelf.books = await q(Book).run()
    shelf.first = shelf.books[0]


async def related_rows() -> None:
    book = await q(Book).select_related("author").aget()
    book.author = await q(Author).select_related("profile").aget()
    book.editor = book.author if book.pages else await q(Author).only("name").aget()


async def loaded_rows() -> None:
    plain = await q(Book).run()
    rich = await adj.load(plain, "author")
    rich.append((await q(Book).run())[0])
    plain = rich


async def queries(flag: bool) -> None:
    query = q(Book).select_related("author")
    query = q(Book)
    query = query.only("title")
    queries = [q(Book), q(Book).select_related("author")]
    queries.append(q(Book).defer("title"))
    named = {"a": q(Book), "b": q(Book).select_related("author")}
    named["c"] = q(Book).prefetch_related("tags")
    either = q(Book) if flag else q(Book).select_related("author")
    (await either.aget()).author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
