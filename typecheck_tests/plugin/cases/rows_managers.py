"""Rows of managers: adj's, Django's, and those whose `get_queryset()` adds something."""

from __future__ import annotations

from typing import reveal_type

from django.db.models import Count, Manager

from adj import q
from tests.diary.models import Entry, Writer
from tests.shop.models import Author, Publisher
from typecheck_tests.plugin.library.models import Counted, Person, Shelf


async def rows_of_a_manager_of_adj() -> None:
    reveal_type(await Person.aobjects.run())  # R: list[Person[TypedDict({})]]
    reveal_type(await Person.aobjects.aall())  # R: list[Person[TypedDict({})]]
    reveal_type(await Person.aobjects.afilter(name="Anna"))  # R: list[Person[TypedDict({})]]


async def annotations_of_a_manager_of_adj() -> None:
    reveal_type((await Person.aobjects.annotate(n=Count("friends")).aget()).n)  # R: int
    reveal_type(await Person.aobjects.values("name", "born").aget())
    # R: TypedDict({'name': str, 'born': datetime.date | None})
    reveal_type(await Person.aobjects.values_list("name", flat=True).run())  # R: list[str]


async def a_manager_that_is_inherited() -> None:
    reveal_type(await Writer.aobjects.annotate(n=Count("entries")).aget())  # R: Writer@adj[TypedDict({'n'=: int})]


async def a_name_that_is_not_there() -> None:
    Person.aobjects.filter(nmae="Anna")  # E: Person has no field "nmae"; did you mean "name"?  [adj-lookup]
    Person.aobjects.values("nmae")  # E: Person has no field "nmae"; did you mean "name"?  [adj-lookup]


async def computed_values() -> None:
    reveal_type(await Person.aobjects.aaggregate(n=Count("id")))  # R: TypedDict({'n': int})


async def a_manager_of_adj_is_a_source() -> None:
    reveal_type(await q(Person.aobjects).annotate(n=Count("friends")).aget())  # R: Person@adj[TypedDict({'n'=: int})]


async def a_manager_of_the_project_that_derives_from_it() -> None:
    reveal_type((await Entry.long_ones.annotate(n=Count("writer")).aget()).n)  # R: int
    reveal_type(await Entry.long_ones.longest())  # R: Entry | None


async def a_class_of_queries_as_manager() -> None:
    reveal_type(await Entry.queries.long().total_words())  # R: int
    reveal_type((await Entry.queries.annotate(n=Count("writer")).long().aget()).n)  # R: int
    reveal_type(Entry.queries.filter(words=1).total_words)  # R: def (*, default: int =) -> Coroutine[Any, Any, int]


async def methods_of_a_queryset_class() -> None:
    reveal_type(await Entry.own.long(5).filter(words=1).run())  # R: list[Entry]
    reveal_type(await Entry.own.atotal_words(default=1))  # R: int
    reveal_type(await Entry.own.filter(words=1).long(or_empty=True).aget())  # R: Entry


async def methods_of_a_queryset_class_have_their_signatures() -> None:
    reveal_type(Entry.own.long)
    # R: def (words: int =, *, or_empty: bool =) -> QueryFromQuerySet[Entry, Entry, EntryQuerySet]
    reveal_type(Entry.own.filter(words=1).atotal_words)  # R: def (*, default: int =) -> Coroutine[Any, Any, int]
    Entry.own.long(words="5")
    # E: Argument "words" to "long" of "EntryQuerySet" has incompatible type "str"; expected "int"  [arg-type]


async def asynchronous_methods_of_a_queryset_class() -> None:
    reveal_type(await Entry.own.atitles())  # R: list[str]


async def methods_of_a_queryset_class_of_any_model() -> None:
    reveal_type(await Person.found.named("Anna").run())  # R: list[Person]
    reveal_type(await Person.found.filter(name="Anna").aget())  # R: Person
    reveal_type(Person.found.unknown())  # R: Any


async def a_method_that_a_queryset_class_does_not_have() -> None:
    reveal_type(Entry.own.shortest())  # R: Any


async def annotations_beside_methods_of_a_queryset_class() -> None:
    reveal_type((await Entry.own.annotate(n=Count("writer")).aget()).n)  # R: int
    reveal_type((await Entry.own.annotate(n=Count("writer")).long().aget()).n)  # R: int


async def a_manager_that_annotates() -> None:
    reveal_type(await q(Publisher.counted).run())  # R: list[Publisher@adj[TypedDict({'book_count'=: int})]]
    reveal_type(await q(Publisher.counted).filter(book_count__gt=1).values("name", "book_count").aget())
    # R: TypedDict({'name': str, 'book_count': int})


async def a_manager_that_annotates_and_a_name_it_does_not_have() -> None:
    (await q(Publisher.counted).aget()).book_cuont
    # E: "Publisher" has no attribute "book_cuont"; did you mean "book_count"?  [attr-defined]
    q(Publisher.counted).filter(book_cuont=1)
    # E: Publisher has no field "book_cuont"; did you mean "book_count"?  [adj-lookup]


async def the_default_manager_annotates() -> None:
    reveal_type((await q(Counted).aget()).film_count)  # R: int
    reveal_type((await q(Counted).filter(film_count=1).aget()).name)  # R: str


async def a_manager_that_annotates_nothing() -> None:
    reveal_type(await q(Publisher).aget())  # R: Publisher[TypedDict({})]
    reveal_type(await q(Publisher.objects).aget())  # R: Publisher[TypedDict({})]


async def a_manager_that_is_a_parameter(manager: Manager[Publisher]) -> None:
    reveal_type(await q(manager).run())  # R: list[Publisher]
    reveal_type((await q(manager).annotate(n=Count("books")).aget()).n)  # R: int


async def a_manager_of_a_relation(author: Author) -> None:
    reveal_type(await q(author.books).run())  # R: list[Book[TypedDict({'author'=: Author})]]
    reveal_type((await q(author.books).annotate(n=Count("tags")).aget()).n)  # R: int


async def a_manager_typed_by_self() -> None:
    reveal_type((await q(Shelf.objects).annotate(n=Count("media")).aget()).n)  # R: int
