"""`prefetch_related()`: paths from either side, and `Prefetch` objects."""

from __future__ import annotations

from typing import Any, reveal_type

from django.db.models import Prefetch

import adj
from adj import q
from tests.shop.models import Author, Book, Note, Tag
from typecheck_tests.plugin.people.models import Member
from typecheck_tests.plugin.press.models import Title


async def a_many_to_many_relation() -> None:
    book = await q(Book).prefetch_related("tags").aget()
    for tag in book.tags.all():
        reveal_type(tag)  # R: Tag[TypedDict({})]


async def a_reverse_foreign_key() -> None:
    author = await q(Author).prefetch_related("books").aget()
    reveal_type([book.title for book in author.books.all()])  # R: list[str]


async def rows_of_a_reverse_foreign_key_know_the_way_back() -> None:
    author = await q(Author).prefetch_related("books").aget()
    for book in author.books.all():
        book.author
        book.publisher  # E: "Book.publisher" is not loaded: add .select_related("publisher") to the query ...


async def a_foreign_key_may_be_prefetched() -> None:
    book = await q(Book).prefetch_related("author").aget()
    reveal_type(book.author)  # R: Author[TypedDict({})]


async def a_path_from_many_to_one() -> None:
    author = await q(Author).prefetch_related("books__publisher", "books__tags").aget()
    for book in author.books.all():
        reveal_type(book.publisher)  # R: Publisher[TypedDict({})] | None
        [tag.name for tag in book.tags.all()]
        book.category  # E: "Book.category" is not loaded: add .select_related("category") to the query ...


async def a_path_from_one_to_many() -> None:
    book = await q(Book).prefetch_related("author__books").aget()
    [other.title for other in book.author.books.all()]


async def a_path_after_a_join() -> None:
    book = await q(Book).select_related("author__publisher").prefetch_related("author__books").aget()
    reveal_type(book.author.publisher)  # R: Publisher[TypedDict({})] | None
    [other.title for other in book.author.books.all()]


async def a_generic_foreign_key() -> None:
    note = await q(Note).prefetch_related("target").aget()
    note.target
    other = await q(Note).aget()
    other.target  # E: "Note.target" is not loaded: add .prefetch_related("target") to the query ...


async def a_generic_relation() -> None:
    title = await q(Title.plain).prefetch_related("marks__by").aget()
    for mark in title.marks.all():
        reveal_type(mark)  # R: Mark[TypedDict({'by'=: Member[TypedDict({})]})]


async def none_takes_all_back() -> None:
    book = await q(Book).select_related("author").prefetch_related("tags", "editor").prefetch_related(None).aget()
    book.author
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...
    [tag for tag in book.tags.all()]  # E: "Book.tags" is not loaded: ...


async def none_of_select_related_leaves_what_is_prefetched() -> None:
    book = await q(Book).select_related("author").prefetch_related("tags", "editor").select_related(None).aget()
    book.editor
    [tag for tag in book.tags.all()]
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def a_name_that_is_not_there() -> None:
    q(Book).prefetch_related("tag")  # E: Book has no relation "tag"; did you mean "tags"?  [adj-lookup]
    q(Book).prefetch_related("title")
    # E: Book has no relation "title" (choices are: notes, editor, contributors, category, chapters, ...)  [adj-lookup]
    q(Book).prefetch_related("author__book")  # E: Author has no relation "book"; did you mean "books"?  [adj-lookup]
    q(Book).prefetch_related(Prefetch("chapter"))
    # E: Book has no relation "chapter"; did you mean "chapters" or "category"?  [adj-lookup]


async def names_that_only_the_run_knows(names: list[str], lookup: Prefetch[Any]) -> None:
    book = await q(Book).prefetch_related(*names).aget()
    [tag.name for tag in book.tags.all()]
    other = await q(Book).prefetch_related(lookup).aget()
    [tag.name for tag in other.tags.all()]


async def a_prefetch_with_a_query() -> None:
    tags = Prefetch("books", q(Book).select_related("publisher"))
    author = await q(Author).prefetch_related(tags).aget()
    for book in author.books.all():
        reveal_type(book.publisher)  # R: Publisher[TypedDict({})] | None
        book.category  # E: "Book.category" is not loaded: add .select_related("category") to the query ...


async def a_prefetch_with_a_query_of_few_columns() -> None:
    book = await q(Book).prefetch_related(Prefetch("tags", q(Tag).only("name"))).aget()
    for tag in book.tags.all():
        tag.name
        tag.weight  # E: "Tag.weight" is deferred by the query: remove it from defer() or add it to only() ...


async def a_prefetch_with_annotated_rows() -> None:
    from django.db.models import Count

    counted = q(Book).annotate(n=Count("tags"))
    author = await q(Author).prefetch_related(Prefetch("books", counted, to_attr="counted")).aget()
    reveal_type([book.n for book in author.counted])  # R: list[int]


async def an_attribute_of_its_own() -> None:
    book = await q(Book).prefetch_related(Prefetch("tags", to_attr="words")).aget()
    reveal_type(book.words)  # R: list[Tag[TypedDict({})]]
    [tag for tag in book.tags.all()]  # E: "Book.tags" is not loaded: ...


async def an_attribute_with_a_query() -> None:
    rich = Prefetch("books", queryset=q(Book).select_related("publisher"), to_attr="works")
    author = await q(Author).prefetch_related(rich).aget()
    reveal_type(author.works)  # R: list[Book[TypedDict({'publisher'=: Publisher[TypedDict({})], 'author'=: Author})]]
    author.works[0].publisher
    author.works[0].author
    author.works[0].category  # E: "Book.category" is not loaded: add .select_related("category") to the query ...


async def an_attribute_of_a_relation_to_one_row() -> None:
    book = await q(Book).prefetch_related(Prefetch("editor", to_attr="who")).aget()
    reveal_type(book.who)  # R: Author[TypedDict({})] | None


async def an_attribute_further_on() -> None:
    book = await q(Book).prefetch_related(Prefetch("author__books", to_attr="works")).aget()
    reveal_type(book.author.works)  # R: list[Book[TypedDict({'author'=: Author})]]


async def a_path_through_an_attribute() -> None:
    works = Prefetch("books", to_attr="works")
    author = await q(Author).prefetch_related(works, "works__tags").aget()
    [tag for tag in author.works[0].tags.all()]
    [chapter for chapter in author.works[0].chapters.all()]  # E: "Book.chapters" is not loaded: ...


async def an_attribute_is_no_name_of_a_query() -> None:
    q(Book).prefetch_related(Prefetch("tags", to_attr="words")).filter(words=1)
    # E: Book has no field "words" (choices are: order_lines, readers, cost, author_id, editor_id, ...)  [adj-lookup]


async def an_attribute_of_another_name() -> None:
    book = await q(Book).prefetch_related(Prefetch("tags", to_attr="words")).aget()
    book.word  # E: "Book" has no attribute "word"; did you mean "words"?  [attr-defined]


async def an_attribute_that_is_a_field() -> None:
    q(Book).prefetch_related(Prefetch("tags", to_attr="title"))
    # E: to_attr="title" conflicts with a field of Book  [adj-shape]


async def a_queryset_in_a_prefetch() -> None:
    book = await q(Book).prefetch_related(Prefetch("tags", Tag.objects.filter(weight=1))).aget()
    [tag.weight for tag in book.tags.all()]
    other = await q(Book).prefetch_related(Prefetch("tags", Tag.objects.all(), to_attr="words")).aget()
    reveal_type(other.words)  # R: list[Tag]


async def something_else_in_a_prefetch() -> None:
    Prefetch("tags", 3)
    # E: Argument 2 to "Prefetch" has incompatible type "int"; expected "QuerySet[Model, Model] | None"  [arg-type]


async def the_query_of_related_rows_comes_from_their_default_manager() -> None:
    member = await q(Member).prefetch_related("edited").aget()
    for title in member.edited.all():
        title.house
        title.text  # E: "Title.text" is deferred by the query: remove it from defer() or add it to only() ...
        title.editor


async def an_attribute_of_a_row_of_which_nothing_is_known(names: list[str], author: Author) -> None:
    found = await q(Author).select_related(*names).prefetch_related(Prefetch("books", to_attr="works")).aget()
    reveal_type(found.works)  # R: list[Book[TypedDict({'author'=: Author})]]
    found.publisher
    loaded = await adj.load(author, Prefetch("books", to_attr="works"))
    reveal_type(loaded.works)  # R: list[Book[TypedDict({'author'=: Author})]]
