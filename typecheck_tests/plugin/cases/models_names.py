"""A model is printed as the project writes it, wherever the project names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, singledispatch
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    Optional,
    Protocol,
    TypeVar,
    Union,
    assert_type,
    overload,
    reveal_type,
)

from django.db.models import Manager, Model, QuerySet
from django.shortcuts import get_object_or_404

from tests.shop.models import Author, Book, Publisher, Tag
from typecheck_tests.plugin.library.models import Film, Medium, Shelf
from typecheck_tests.plugin.people.models import Member
from typecheck_tests.plugin.press.models import House, Title

M = TypeVar("M", bound=Model)
T = TypeVar("T")
B = TypeVar("B", Book, Author)


def same(item: T) -> T:
    return item


def a_parameter(book: Book) -> None:
    reveal_type(book)  # R: Book


def an_optional(book: Optional[Book], other: Union[Book, Author], third: Book | None) -> None:  # noqa: UP007, UP045
    reveal_type(book)  # R: Book | None
    reveal_type(other)  # R: Book | Author
    reveal_type(third)  # R: Book | None


def a_call() -> None:
    reveal_type(Tag(name="x"))  # R: Tag
    reveal_type(Film(name="x"))  # R: Film


def a_class(kind: type[Book], model: type[Book | Author]) -> None:
    reveal_type(kind)  # R: type[Book]
    reveal_type(kind())  # R: Book
    reveal_type(model)  # R: type[Book] | type[Author]


def containers(books: list[Book], by_id: dict[int, Book], pair: tuple[Book, Author], some: Sequence[Book]) -> None:
    reveal_type(books)  # R: list[Book]
    reveal_type(by_id)  # R: dict[int, Book]
    reveal_type(pair)  # R: tuple[Book, Author]
    reveal_type(some)  # R: Sequence[Book]
    reveal_type([Book(), Book()])  # R: list[Book]
    reveal_type({1: Book()})  # R: dict[int, Book]


def generics() -> None:
    reveal_type(same(Book()))  # R: Book
    reveal_type([same(Book())])  # R: list[Book]
    reveal_type(max([Tag()], key=lambda tag: tag.name))  # R: Tag
    reveal_type(dict.fromkeys([1], Book()))  # R: dict[int, Book]


def a_bound(model: type[M]) -> M:
    return model()


def a_bound_is_solved() -> None:
    reveal_type(a_bound(Book))  # R: Book[Any]


def a_constraint(item: B) -> B:
    return item


def a_constraint_is_solved(book: Book) -> None:
    reveal_type(a_constraint(book))  # R: Book


def callables(make: Callable[[Book], Author], given: Callable[..., Book]) -> None:
    reveal_type(make)  # R: def (Book) -> Author
    reveal_type(make(Book()))  # R: Author
    reveal_type(given())  # R: Book
    reveal_type(partial(Book, title="x")())  # R: Book


def narrowed(thing: Book | Author | None) -> None:
    if isinstance(thing, Book) or thing is not None:
        reveal_type(thing)  # R: Book | Author


def narrowed_from_a_parent(medium: Medium) -> None:
    if isinstance(medium, Film):
        print(medium.minutes)


def matched(thing: Book | Author) -> None:
    match thing:
        case Book():
            reveal_type(thing)  # R: Book
        case Author():
            reveal_type(thing)  # R: Author


def joined(book: Book, other: Book, author: Author, more: bool) -> None:
    reveal_type(book if more else other)  # R: Book
    reveal_type([book, author])  # R: list[Model]
    reveal_type(book or author)
    # E: "book" has type "Book" which does not implement __bool__ or __len__ so it could always be true in bo ...
    # R: Book | Author


def managers() -> None:
    reveal_type(Tag.objects)  # R: Manager[Tag]
    reveal_type(Tag.objects.get())  # R: Tag
    reveal_type(Tag.objects.filter(name="x"))  # R: QuerySet[Tag, Tag]
    reveal_type(Tag.objects.first())  # R: Tag | None
    reveal_type(Shelf.objects.all())  # R: QuerySet[Shelf, Shelf]
    reveal_type(list(Tag.objects.all()))  # R: list[Tag]


def shortcuts() -> None:
    reveal_type(get_object_or_404(Tag, pk=1))  # R: Tag
    reveal_type(get_object_or_404(Tag.objects.all(), pk=1))  # R: Tag


def relations(book: Book, author: Author) -> None:
    reveal_type(book.author)  # R: Author
    reveal_type(book.editor)  # R: Author | None
    reveal_type(book.tags)  # R: ManyRelatedManager[Tag, Book_tags]
    reveal_type(author.books)  # R: RelatedManager[Book]
    reveal_type(book.tags.all())  # R: QuerySet[Tag, Tag]
    reveal_type([tag for tag in book.tags.all()])  # R: list[Tag]


def a_swapped_relation(house: House) -> None:
    reveal_type(house.owner)  # R: Member
    reveal_type(house.owner.is_staff)  # R: bool


def values(books: QuerySet[Book], manager: Manager[Book]) -> None:
    reveal_type(books)  # R: QuerySet[Book, Book]
    reveal_type(manager)  # R: Manager[Book]
    reveal_type(books.get())  # R: Book
    reveal_type(manager.all())  # R: QuerySet[Book, Book]


def messages(book: Book, author: Author) -> None:
    book.titel  # E: "Book" has no attribute "titel"; maybe "title"?  [attr-defined]
    print(book + 1)  # E: Unsupported operand types for + ("Book" and "int")  [operator]
    same_book: Book = author
    # E: Incompatible types in assignment (expression has type "Author", variable has type "Book")  [assignment]
    book.title = 3
    print(len(book), same_book)  # E: Argument 1 to "len" has incompatible type "Book"; expected "Sized"  [arg-type]


def a_message_about_arguments(book: Book) -> None:
    a_parameter(Author())  # E: Argument 1 to "a_parameter" has incompatible type "Author"; expected "Book"  [arg-type]
    a_parameter(3)  # E: Argument 1 to "a_parameter" has incompatible type "int"; expected "Book"  [arg-type]
    Book(titel="x")  # E: Unexpected attribute "titel" for model "Book"  [misc]
    print(book)


def a_message_about_none(book: Book | None) -> None:
    book.title  # E: Item "None" of "Book | None" has no attribute "title"  [union-attr]


def a_message_about_a_container(books: list[Book]) -> None:
    authors: list[Author] = books
    # E: Incompatible types in assignment (expression has type "list[Book]", variable has type "list[Author]" ...
    print(authors)


def assert_types(book: Book, books: list[Book]) -> None:
    assert_type(book, Book)
    assert_type(books, list[Book])
    assert_type(Tag.objects.get(), Tag)
    assert_type(book.author, Author)


class Holds(Generic[T]):
    kinds: ClassVar[Mapping[str, type[Book]]] = {}

    def __init__(self, item: T) -> None:
        self.item = item


def generic_classes() -> None:
    reveal_type(Holds(Book()))  # R: Holds[Book]
    reveal_type(Holds(Book()).item)  # R: Book
    reveal_type(Holds.kinds)  # R: Mapping[str, type[Book]]


@dataclass
class Card:
    book: Book
    author: Author | None = None


def dataclasses() -> None:
    reveal_type(Card(Book()).book)  # R: Book
    reveal_type(Card)  # R: def (book: Book, author: Author | None =) -> Card


class HasTitle(Protocol):
    title: str


def protocols(book: Book) -> None:
    shown: HasTitle = book
    print(shown)


@lru_cache
def cached(pk: int) -> Book:
    return Book(pk=pk)


def decorated() -> None:
    reveal_type(cached(1))  # R: Book


@singledispatch
def dispatched(thing: object) -> str:
    return ""


@dispatched.register
def _dispatched_book(thing: Book) -> str:
    return thing.title


@overload
def chosen(kind: Literal["book"]) -> Book: ...
@overload
def chosen(kind: Literal["author"]) -> Author: ...
def chosen(kind: str) -> Book | Author:
    return Book() if kind == "book" else Author()


def overloads() -> None:
    reveal_type(chosen("book"))  # R: Book


def iterators() -> Iterator[Book]:
    yield Book()


def iterators_are_read() -> None:
    reveal_type(next(iterators()))  # R: Book
    reveal_type(next(iter([Book()]), None))  # R: Book | None


def subclasses() -> None:
    class Local(Book):
        class Meta:
            proxy = True

        def shown(self) -> str:
            reveal_type(self.author)  # R: Author
            return self.title

    reveal_type(Local().shown())  # R: str


def exceptions() -> None:
    try:
        Book.objects.get()
    except Book.DoesNotExist as error:
        reveal_type(error)  # R: Book.DoesNotExist
    except (Author.DoesNotExist, Publisher.MultipleObjectsReturned):
        pass


def attributes_of_the_class() -> None:
    reveal_type(Book.__name__)  # R: str
    reveal_type(Member.EMAIL_FIELD)  # R: str
    reveal_type(Title.shown)  # R: def (self: Title) -> str


def anything(thing: Any) -> None:
    books: list[Book] = thing
    reveal_type(books)  # R: list[Book]


def an_argument_that_no_model_takes() -> None:
    def titled(book: Book[int]) -> str:  # E: Type argument "int" of "Book" must be a subtype of...
        return book.title

    titled(Book())
