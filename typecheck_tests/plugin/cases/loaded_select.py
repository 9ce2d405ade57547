"""`select_related()`: which relations to one row are joined."""

from __future__ import annotations

from typing import reveal_type

from adj import q
from tests.shop.models import Author, Book, Note
from typecheck_tests.plugin.library.models import Film, Shelf
from typecheck_tests.plugin.people.models import Badge, Member
from typecheck_tests.plugin.press.models import House


async def a_relation_that_is_joined() -> None:
    book = await q(Book).select_related("author").aget()
    reveal_type(book.author)  # R: Author[TypedDict({})]


async def a_relation_that_is_not() -> None:
    book = await q(Book).aget()
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def the_key_of_a_relation_is_always_there() -> None:
    book = await q(Book).aget()
    reveal_type(book.author_id)  # R: int


async def a_path() -> None:
    book = await q(Book).select_related("author__publisher").aget()
    reveal_type(book.author)  # R: Author[TypedDict({'publisher'=: Publisher[TypedDict({})]})]
    reveal_type(book.author.publisher)  # R: Publisher[TypedDict({})] | None
    book.author.mentor  # E: "Author.mentor" is not loaded: add .select_related("mentor") to the query ...


async def two_relations_and_two_calls() -> None:
    book = await q(Book).select_related("author", "editor").select_related("publisher").aget()
    reveal_type(book.author)  # R: Author[TypedDict({})]
    reveal_type(book.editor)  # R: Author[TypedDict({})] | None
    reveal_type(book.publisher)  # R: Publisher[TypedDict({})] | None
    book.category  # E: "Book.category" is not loaded: add .select_related("category") to the query ...


async def a_path_adds_to_what_was_joined() -> None:
    book = await q(Book).select_related("author__mentor").select_related("author__publisher").aget()
    reveal_type(book.author.mentor)  # R: Author[TypedDict({})] | None
    reveal_type(book.author.publisher)  # R: Publisher[TypedDict({})] | None


async def none_takes_all_back() -> None:
    book = await q(Book).select_related("author").select_related(None).aget()
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def without_names_every_foreign_key_that_cannot_be_null() -> None:
    book = await q(Book).select_related().aget()
    reveal_type(book.author)  # R: Author[TypedDict({})]
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def without_names_as_deep_as_they_go() -> None:
    badge = await q(Badge).select_related().aget()
    reveal_type(badge.member)  # R: Member[TypedDict({'badge'=: Badge[TypedDict({'member'=: Member[TypedDict({})]})]})]
    badge.member.house  # E: "Member.house" is not loaded: add .select_related("house") to the query ...
    house = await q(House).select_related().aget()
    house.owner
    house.founder


async def names_replace_a_call_without_names() -> None:
    book = await q(Book).select_related().select_related("editor").aget()
    book.editor
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def a_reverse_one_to_one() -> None:
    author = await q(Author).select_related("profile").aget()
    reveal_type(author.profile)
    # R: AuthorProfile[TypedDict({'author'=: Author[TypedDict({'profile'=: AuthorProfile[TypedDict({})]})]})]
    member = await q(Member).aget()
    member.badge  # E: "Member.badge" is not loaded: add .select_related("badge") to the query ...


async def a_reverse_one_to_one_knows_the_way_back() -> None:
    author = await q(Author).select_related("profile").aget()
    author.profile.author.profile
    author.profile.author.publisher  # E: "Author.publisher" is not loaded: ...


async def a_one_to_one_knows_the_way_back() -> None:
    badge = await q(Badge).select_related("member").aget()
    badge.member.badge.member


async def a_foreign_key_knows_no_way_back() -> None:
    book = await q(Book).select_related("author").aget()
    [b for b in book.author.books.all()]  # E: "Author.books" is not loaded: ...


async def a_name_that_is_not_there() -> None:
    q(Book).select_related("autor")
    # E: Book has no single-valued relation "autor"; did you mean "author" or "category"?  [adj-lookup]
    q(Book).select_related("author__publischer")
    # E: Author has no single-valued relation "publischer"; did you mean "publisher"?  [adj-lookup]
    q(Book).select_related("title")
    # E: Book has no single-valued relation "title" (choices are: editor, category, publisher, author, detail)...


async def a_relation_to_many() -> None:
    q(Book).select_related("tags")
    # E: "Book.tags" is a relation to many rows; use prefetch_related("tags")  [adj-lookup]
    q(Author).select_related("books__tags")
    # E: "Author.books" is a relation to many rows; use prefetch_related("books")  [adj-lookup]


async def a_generic_relation_cannot_be_joined() -> None:
    q(Note).select_related("target")
    # E: "Note.target" is a generic foreign key; use prefetch_related("target")  [adj-lookup]


async def names_that_only_the_run_knows(names: list[str], name: str) -> None:
    first = await q(Book).select_related(*names).aget()
    first.author.name
    second = await q(Book).select_related(name).aget()
    second.author.name


async def after_values() -> None:
    q(Book).values("title").select_related("author")
    # E: select_related() cannot follow values() or values_list()  [adj-shape]


async def a_relation_to_itself() -> None:
    shelf = await q(Shelf).select_related("parent__parent").aget()
    reveal_type(shelf.parent)  # R: Shelf[TypedDict({'parent'=: Shelf[TypedDict({})]})] | None
    if shelf.parent and shelf.parent.parent:
        shelf.parent.parent.parent  # E: "Shelf.parent" is not loaded: add .select_related("parent") to the query ...


async def a_relation_of_the_parent_table() -> None:
    film = await q(Film).select_related("shelf", "director").aget()
    reveal_type(film.shelf)  # R: Shelf[TypedDict({})]
    reveal_type(film.director)  # R: Person[TypedDict({})] | None
    other = await q(Film).aget()
    other.shelf  # E: "Film.shelf" is not loaded: add .select_related("shelf") to the query ...


async def a_row_with_annotations_too() -> None:
    from django.db.models import Count

    book = await q(Book).annotate(n=Count("tags")).select_related("author").aget()
    reveal_type(book.n)  # R: int
    reveal_type(book.author)  # R: Author[TypedDict({})]
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...
