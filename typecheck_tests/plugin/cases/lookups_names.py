"""Names in conditions: fields, relations from either side, transforms, lookups, keys of JSON and places of arrays."""

from __future__ import annotations

from typing import Any

from adj import q
from tests.shop.models import (
    Author,
    Bestseller,
    Book,
    BookDetail,
    Country,
    Depot,
    Gadget,
    Note,
    OrderLine,
    Publisher,
    Reader,
    Review,
    Shelf,
    Tag,
)
from typecheck_tests.plugin.library.models import LongFilm, Person
from typecheck_tests.plugin.library.models import Shelf as LibraryShelf


def a_field() -> None:
    q(Book).filter(title="Persuasion")
    q(Book).filter(titel="Persuasion")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def a_field_of_a_relation() -> None:
    q(Book).filter(author__publisher__country__name="Chile")
    q(Book).filter(author__publisher__contry__name="Chile")
    # E: Publisher has no field "contry" (in "author__publisher__contry__name"); did you mean "country"...


def a_relation_from_its_other_side() -> None:
    q(Author).filter(books__title="Persuasion", edited_books__pages__gt=3)
    q(Author).filter(book__title="Persuasion")
    # E: Author has no field "book" (in "book__title"); did you mean "books"?  [adj-lookup]


def a_relation_to_many() -> None:
    q(Book).filter(tags__name="sea", contributors__name="Emma", contributions__role="editor")
    q(Book).filter(tags__label="sea")
    # E: Tag has no field "label" (in "tags__label") (choices are: name, books, weight, id, pk)  [adj-lookup]


def a_reverse_one_to_one() -> None:
    q(Author).filter(profile__bio__contains="sea", profile__isnull=True)
    q(Author).filter(profile__bios="sea")
    # E: AuthorProfile has no field "bios" (in "profile__bios"); did you mean "bio"?  [adj-lookup]


def a_relation_to_itself() -> None:
    q(Author).filter(mentor__mentor__name="Emma", pupils__pupils__name="Jane")
    q(Author).filter(mentor__pupil__name="Emma")
    # E: Author has no field "pupil" (in "mentor__pupil__name"); did you mean "pupils"?  [adj-lookup]


def a_generic_relation() -> None:
    q(Book).filter(notes__text="lost", notes__object_id=3)
    q(Book).filter(notes__txt="lost")
    # E: Note has no field "txt" (in "notes__txt"); did you mean "text"?  [adj-lookup]


def a_generic_foreign_key_has_its_columns_alone() -> None:
    q(Note).filter(content_type__model="book", object_id=3)
    q(Note).filter(content_typ=3)
    # E: Note has no field "content_typ"; did you mean "content_type" or "content_type_id"?  [adj-lookup]
    q(Note).filter(target=3)
    # E: "Note.target" is a generic foreign key and cannot be used in queries; use "content_type" and...
    q(Book).filter(notes__target__isnull=True)
    # E: "Note.target" is a generic foreign key and cannot be used in queries; use "content_type" and...


def the_primary_key() -> None:
    q(Book).filter(pk=3, author__pk=4, pk__in=[1, 2])
    q(Book).filter(kp=3)  # E: Book has no field "kp" (choices are: pk, pages, price, depots, chapters, ...)...


def a_key_of_two_columns() -> None:
    q(OrderLine).filter(pk__isnull=False, number=3)
    q(OrderLine).filter(nomber=3)  # E: OrderLine has no field "nomber"; did you mean "number"?  [adj-lookup]


def a_foreign_key_by_its_column() -> None:
    q(Book).filter(author_id=3, author_id__in=[3], author__publisher_id=4)
    q(Book).filter(author_ids=3)
    # E: Book has no field "author_ids"; did you mean "author_id" or "author"?  [adj-lookup]


def a_key_that_is_a_relation() -> None:
    q(BookDetail).filter(pk=3, book=3, book_id=3, book__title="Persuasion")
    q(BookDetail).filter(id=3)
    # E: BookDetail has no field "id" (choices are: book_id, printings, book, pk, summary)  [adj-lookup]


def a_key_that_is_a_text() -> None:
    q(Country).filter(pk="CL", publishers__name="Planeta")
    q(Publisher).filter(country_id="CL", country="CL")


def a_reference_to_another_field_than_the_key() -> None:
    q(Depot).filter(publisher="planeta", publisher__slug="planeta", publisher_id="planeta")
    q(Depot).filter(publisher__slag="planeta")
    # E: Publisher has no field "slag" (in "publisher__slag"); did you mean "slug"?  [adj-lookup]


def a_column_with_another_name_in_the_database() -> None:
    q(Depot).filter(name="North")
    q(Depot).filter(pub="North")
    # E: Depot has no field "pub" (choices are: publisher, pk, publisher_id, books, id, ...)  [adj-lookup]


def a_field_of_an_abstract_base() -> None:
    q(Author).filter(created__isnull=False)
    q(Author).filter(creatd__isnull=False)
    # E: Author has no field "creatd" (in "creatd__isnull"); did you mean "created"?  [adj-lookup]


def a_field_of_a_parent_with_its_own_table() -> None:
    q(Reader).filter(name="Kindle", voltage=5, item_ptr__price=3, gadget_ptr_id=3)
    q(Reader).filter(voltag=5)  # E: Reader has no field "voltag"; did you mean "voltage"?  [adj-lookup]


def a_child_by_its_parent() -> None:
    q(Gadget).filter(reader__screen=6.0)
    q(Gadget).filter(readr__screen=6.0)
    # E: Gadget has no field "readr" (in "readr__screen"); did you mean "reader"?  [adj-lookup]


def a_proxy() -> None:
    q(Bestseller).filter(copies_sold__gte=1, author__name="Emma")
    q(Bestseller).filter(copies_sould__gte=1)
    # E: Bestseller has no field "copies_sould" (in "copies_sould__gte"); did you mean "copies_sold"? ...


def a_proxy_of_a_child() -> None:
    q(LongFilm).filter(minutes__gte=180, shelf__name="A", director__name="Agnes")
    q(LongFilm).filter(minuts__gte=180)
    # E: LongFilm has no field "minuts" (in "minuts__gte"); did you mean "minutes"?  [adj-lookup]


def a_symmetrical_relation() -> None:
    q(Person).filter(friends__friends__name="Emma", films__minutes=3)
    q(Person).filter(friends__nam="Emma")
    # E: Person has no field "nam" (in "friends__nam"); did you mean "name"?  [adj-lookup]


def a_model_with_the_name_of_another() -> None:
    q(LibraryShelf).filter(children__media__film__minutes=3)
    q(LibraryShelf).filter(label="A")
    # E: Shelf has no field "label" (choices are: name, parent, children, parent_id, media, ...)  [adj-lookup]


def lookups_of_a_text() -> None:
    q(Book).filter(title__icontains="a", title__startswith="a", title__iregex="a", title__iexact="a", title__in=["a"])
    q(Book).filter(title__icontain="a")
    # E: CharField "Book.title" has no lookup or transform "icontain" (in "title__icontain"); did you...


def a_lookup_that_its_field_does_not_have() -> None:
    q(Book).filter(pages__year=3)
    # E: PositiveIntegerField "Book.pages" has no lookup or transform "year" (in "pages__year") (choices...
    q(Book).filter(is_available__length=3)
    # E: BooleanField "Book.is_available" has no lookup or transform "length" (in...


def transforms_of_a_moment() -> None:
    q(Book).filter(released__date__year=2020, released__hour__gte=3, published__week_day=2, published__iso_year=2020)
    q(Book).filter(released__dat__year=2020)
    # E: DateTimeField "Book.released" has no lookup or transform "dat" (in "released__dat__year"); did...


def a_transform_and_a_lookup_that_does_not_follow_it() -> None:
    q(Book).filter(published__year__in=[2020, 2021])
    q(Book).filter(published__year__icontain="20")
    # E: IntegerField "Book.published" has no lookup or transform "icontain" (in...


def a_transform_of_the_projects() -> None:
    q(Book).filter(title__lower="emma", title__length__gt=3, weight__abs=3, title__folded="emma")
    q(Book).filter(rating__abs=3)
    # E: FloatField "Book.rating" has no lookup or transform "abs" (in "rating__abs") (choices...


def a_lookup_of_the_projects() -> None:
    q(Book).filter(title__ne="Emma", pages__ne=3, title__matches="Em*")
    q(Book).filter(pages__matches="3*")
    # E: PositiveIntegerField "Book.pages" has no lookup or transform "matches" (in "pages__matches")...


def keys_of_json() -> None:
    q(Book).filter(metadata__binding__colour="red", metadata__0=3, metadata__has_key="colour")
    q(Book).filter(metadata__binding__colour__icontains="r", metadata__pages__gt=3)


def places_and_parts_of_an_array() -> None:
    q(Shelf).filter(numbers__0=3, numbers__0_2=[1, 2], numbers__len=3, numbers__contains=[1])
    q(Shelf).filter(numbers__first=3)
    # E: ArrayField "Shelf.numbers" has no lookup or transform "first" (in "numbers__first") (choices...


def a_relation_has_few_lookups() -> None:
    q(Book).filter(author__in=[1], author__isnull=False, author__gt=3)
    q(Book).filter(author__icontains="a")
    # E: Author has no field "icontains" (in "author__icontains"); did you mean "contributions"?  [adj-lookup]


def a_name_that_follows_a_column() -> None:
    q(Book).filter(pages__title="x")
    # E: PositiveIntegerField "Book.pages" has no lookup or transform "title" (in "pages__title")...


def a_path_that_goes_through_a_default_manager() -> None:
    q(Book).filter(reviews__stars=3)
    q(Review).filter(book__titel="x")
    # E: Book has no field "titel" (in "book__titel"); did you mean "title" or "subtitle"?  [adj-lookup]


def exclusion() -> None:
    q(Book).exclude(title="Emma", author__name="Jane")
    q(Book).exclude(titel="Emma")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def one_row() -> None:
    await q(Book).aget(title="Emma")
    await q(Book).aget(titel="Emma")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).aget_or_none(titel="Emma")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def a_chain() -> None:
    query = q(Book).filter(pages__gt=3).order_by("title").distinct()
    query.exclude(tags__name="sea")
    query.exclude(tags__nam="sea")  # E: Tag has no field "nam" (in "tags__nam"); did you mean "name"?  [adj-lookup]


def names_that_are_known_when_the_program_runs(lookups: dict[str, Any], name: str) -> None:
    q(Book).filter(**lookups)
    q(Book).filter(**{name: 3})
    q(Book).filter(**{f"{name}__in": [3]}, pages=4)


def a_query_whose_model_is_not_known(query: Any, model: type[Any]) -> None:
    query.filter(anything=3)
    q(model).filter(anything=3)


def the_nearest_names_are_suggested() -> None:
    q(Tag).filter(wieght=3)  # E: Tag has no field "wieght"; did you mean "weight"?  [adj-lookup]
    q(Tag).filter(xyz=3)  # E: Tag has no field "xyz" (choices are: books, id, name, pk, weight)  [adj-lookup]


def a_manager_of_adj() -> None:
    Person.aobjects.filter(name="Emma")
    Person.aobjects.filter(nam="Emma")  # E: Person has no field "nam"; did you mean "name"?  [adj-lookup]


async def all_rows_of_a_manager() -> None:
    await Person.aobjects.afilter(name="Emma")
    await Person.aobjects.afilter(nam="Emma")  # E: Person has no field "nam"; did you mean "name"?  [adj-lookup]
