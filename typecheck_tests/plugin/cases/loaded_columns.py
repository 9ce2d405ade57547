"""`only()` and `defer()`: which columns rows carry."""

from __future__ import annotations

from typing import reveal_type

from adj import q
from tests.shop.models import Author, Book, OrderLine, Tag
from typecheck_tests.plugin.library.models import Film, Medium


async def only_carries_what_it_names_and_the_key() -> None:
    tag = await q(Tag).only("name").aget()
    tag.pk, tag.id, tag.name
    tag.weight  # E: "Tag.weight" is deferred by the query: remove it from defer() or add it to only() ...


async def defer_carries_the_rest() -> None:
    tag = await q(Tag).defer("weight").aget()
    tag.name
    tag.weight  # E: "Tag.weight" is deferred by the query: remove it from defer() or add it to only() ...


async def the_row_says_what_it_lacks() -> None:
    reveal_type(await q(Tag).defer("weight").aget())  # R: Tag[TypedDict({'-weight'=: None})]


async def only_again_replaces() -> None:
    tag = await q(Tag).only("name").only("weight").aget()
    tag.weight
    tag.name  # E: "Tag.name" is deferred by the query: remove it from defer() or add it to only() ...


async def defer_again_adds() -> None:
    tag = await q(Tag).defer("name").defer("weight").aget()
    tag.name  # E: "Tag.name" is deferred by the query: remove it from defer() or add it to only() ...
    tag.weight  # E: "Tag.weight" is deferred by the query: remove it from defer() or add it to only() ...


async def only_after_defer_leaves_out_both() -> None:
    medium = await q(Medium).defer("name").only("name", "added").aget()
    medium.added
    medium.name  # E: "Medium.name" is deferred by the query: remove it from defer() or add it to only() ...


async def defer_after_only_takes_away() -> None:
    medium = await q(Medium).only("name", "added").defer("name").aget()
    medium.added
    medium.name  # E: "Medium.name" is deferred by the query: remove it from defer() or add it to only() ...
    everything = await q(Medium).only("name").defer("name").aget()
    everything.name, everything.added


async def none_carries_everything_again() -> None:
    tag = await q(Tag).only("name").defer(None).aget()
    tag.weight


async def the_key_is_never_deferred() -> None:
    tag = await q(Tag).defer("id").aget()
    tag.id


async def the_key_by_its_common_name() -> None:
    tag = await q(Tag).only("pk").aget()
    tag.pk, tag.id
    tag.name  # E: "Tag.name" is deferred by the query: remove it from defer() or add it to only() ...


async def a_column_of_a_relation_by_either_name() -> None:
    book = await q(Book).only("author_id").aget()
    book.author_id
    other = await q(Book).defer("author").aget()
    other.author_id  # E: "Book.author_id" is deferred by the query: remove it from defer() or add it to only() ...


async def a_path_into_a_joined_row() -> None:
    book = await q(Book).select_related("author").only("title", "author__name").aget()
    book.author.name
    book.author.born  # E: "Author.born" is deferred by the query: remove it from defer() or add it to only() ...
    book.pages  # E: "Book.pages" is deferred by the query: remove it from defer() or add it to only() ...


async def a_path_before_the_join() -> None:
    book = await q(Book).defer("author__born").select_related("author").aget()
    book.author.name, book.title
    book.author.born  # E: "Author.born" is deferred by the query: remove it from defer() or add it to only() ...


async def a_path_into_a_row_beyond_a_reverse_relation() -> None:
    author = await q(Author).select_related("profile").only("name", "profile__bio").aget()
    author.profile.bio
    author.profile.website
    # E: "AuthorProfile.website" is deferred by the query: remove it from defer() or add it to only() ...


async def what_is_prefetched_keeps_its_columns() -> None:
    author = await q(Author).prefetch_related("publisher").only("name", "publisher__name").aget()
    if author.publisher:
        author.publisher.founded


async def a_join_of_what_is_deferred() -> None:
    q(Book).only("title").select_related("author")
    # E: "Book.author" cannot be both deferred and traversed by select_related(); add it to only()  [adj-shape]
    q(Book).select_related("author").only("title")
    # E: "Book.author" cannot be both deferred and traversed by select_related(); add it to only()  [adj-shape]
    q(Book).select_related("author").defer("author")
    # E: "Book.author" cannot be both deferred and traversed by select_related(); add it to only()  [adj-shape]


async def a_join_of_what_is_named() -> None:
    book = await q(Book).only("title", "author").select_related("author").aget()
    book.author.born
    book.pages  # E: "Book.pages" is deferred by the query: remove it from defer() or add it to only() ...


async def a_name_that_is_not_there() -> None:
    q(Tag).only("nmae")  # E: Tag has no field "nmae"; did you mean "name"?  [adj-lookup]
    q(Tag).defer("wieght")  # E: Tag has no field "wieght"; did you mean "weight"?  [adj-lookup]
    q(Book).only("author__nmae")
    # E: Author has no field "nmae" (in "author__nmae"); did you mean "name"?  [adj-lookup]


async def a_transform_is_no_column() -> None:
    q(Book).only("title__upper")
    # E: "title__upper" traverses a column of Book, which only() and defer() cannot do  [adj-lookup]


async def after_values() -> None:
    q(Tag).values("name").only("name")  # E: only() cannot follow values() or values_list()  [adj-shape]
    q(Tag).values_list("name").defer("name")  # E: defer() cannot follow values() or values_list()  [adj-shape]


async def names_that_only_the_run_knows(names: list[str]) -> None:
    tag = await q(Tag).only(*names).aget()
    tag.name, tag.weight
    other = await q(Tag).only("name").only(*names).aget()
    other.weight


async def a_column_that_was_assigned() -> None:
    tag = await q(Tag).only("name").aget()
    tag.weight = 3
    tag.weight


async def a_column_of_the_parent_table() -> None:
    film = await q(Film).only("minutes").aget()
    film.pk, film.id
    film.name  # E: "Film.name" is deferred by the query: remove it from defer() or add it to only() ...


async def a_key_of_several_columns() -> None:
    line = await q(OrderLine).only("number").aget()
    line.number


async def annotations_stay() -> None:
    from django.db.models import Count

    tag = await q(Tag).annotate(n=Count("books")).only("name").aget()
    reveal_type(tag.n)  # R: int
    tag.weight  # E: "Tag.weight" is deferred by the query: remove it from defer() or add it to only() ...


async def the_rest_of_a_query_keeps_it() -> None:
    tag = await q(Tag).only("name").filter(weight=1).order_by("name").exclude(weight=2)[:3].afirst()
    if tag:
        tag.weight  # E: "Tag.weight" is deferred by the query: remove it from defer() or add it to only() ...
