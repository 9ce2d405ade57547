"""Names and values that are written: new rows, updates, `defaults`, lists of columns, relations."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Lower, Now

import adj
from adj import AsyncQuery, get_list_or_404, get_object_or_404, q, related
from tests.shop.models import (
    Author,
    Bestseller,
    Book,
    Customer,
    Depot,
    Format,
    Note,
    Order,
    OrderLine,
    Publisher,
    Reader,
    Review,
    Tag,
)
from typecheck_tests.plugin.library.models import Film, Person


async def a_new_row(author: Author) -> None:
    await q(Book).acreate(title="Emma", isbn="1", author=author, pages=3, price=Decimal(3), format=Format.EBOOK)
    await q(Book).acreate(titel="Emma")
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).acreate(title=3)  # E: "Book.title" expects "str", got "int"  [adj-value]


async def a_new_row_by_keys() -> None:
    await q(Book).acreate(author_id=3, publisher_id=None)
    await q(Book).acreate(author_id=None)  # E: "Book.author_id" expects "int", got "None"  [adj-value]
    await q(Book).acreate(author_id="3")  # E: "Book.author_id" expects "int", got "str"  [adj-value]


async def a_new_row_with_its_relations(author: Author, publisher: Publisher) -> None:
    await q(Book).acreate(author=author, publisher=None)
    await q(Book).acreate(author=3)  # E: "Book.author" expects "Author", got "int"  [adj-value]
    await q(Book).acreate(author=publisher)  # E: "Book.author" expects "Author", got "Publisher"  [adj-value]
    await q(Book).acreate(author=None)  # E: "Book.author" expects "Author", got "None"  [adj-value]


async def a_new_row_with_its_key() -> None:
    await q(Book).acreate(pk=3)
    await q(Book).acreate(id=None)
    await q(Book).acreate(pk="x")  # E: "Book.pk" expects "int", got "str"  [adj-value]


async def a_new_row_with_what_it_cannot_have(tag: Tag) -> None:
    await q(Book).acreate(tags=[tag])  # E: "Book.tags" is not a column and cannot be assigned here  [adj-lookup]
    await q(Book).acreate(reviews=3)  # E: "Book.reviews" is not a column and cannot be assigned here  [adj-lookup]
    await q(Book).acreate(author__name="Jane")
    # E: Book has no column "author__name"; did you mean "author_id" or "author"?  [adj-lookup]


async def a_new_row_with_a_generic_relation(book: Book, kind: ContentType) -> None:
    await q(Note).acreate(target=book, text="lost")
    await q(Note).acreate(content_type=kind, object_id=3)
    await q(Note).acreate(targt=book)  # E: Note has no column "targt"; did you mean "target"?  [adj-lookup]


async def a_new_row_with_values_that_django_converts() -> None:
    await q(Book).acreate(published="2020-01-01", price="3.50", reference="0" * 32, rating=3)
    await q(Book).acreate(pages="3")  # E: "Book.pages" expects "int", got "str"  [adj-value]
    await q(Book).acreate(is_available="yes")  # E: "Book.is_available" expects "bool", got "str"  [adj-value]


async def a_new_row_with_expressions() -> None:
    await q(Book).acreate(title=Lower(Value("EMMA")), released=Now())


async def a_new_row_of_a_child(author: Author) -> None:
    await q(Reader).acreate(name="Kindle", price=3, voltage=5, screen=6.0)
    await q(Reader).acreate(voltag=5)  # E: Reader has no column "voltag"; did you mean "voltage"?  [adj-lookup]


async def a_new_row_of_an_abstract_base(customer: Customer) -> None:
    await q(Author).acreate(name="Jane", created=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    await q(Author).acreate(creatd=None)  # E: Author has no column "creatd"; did you mean "created"?  [adj-lookup]


async def a_new_row_of_a_model_with_its_own_init() -> None:
    await q(Customer).acreate(anything=3)
    await q(Customer).acreate(name=3)  # E: "Customer.name" expects "str", got "int"  [adj-value]


async def a_new_row_of_a_field_of_the_projects(value: Any) -> None:
    await q(Book).acreate(cost=3)
    await q(Book).acreate(cost=value)


async def a_new_row_of_what_is_not_known(values: dict[str, Any], query: AsyncQuery[Any]) -> None:
    await q(Book).acreate(**values)
    await query.acreate(anything=3)


async def a_new_row_of_a_written_dict() -> None:
    await q(Book).acreate(**{"title": "Emma"})  # noqa: PIE804  # it may be written so
    await q(Book).acreate(**{"titel": "Emma"})  # noqa: PIE804  # it may be written so
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def an_update(author: Author) -> None:
    await q(Book).aupdate(title="Emma", author=author, editor=None, publisher_id=3, pages=F("pages") + 1)
    await q(Book).aupdate(titel="Emma")
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).aupdate(pages="3")  # E: "Book.pages" expects "int", got "str"  [adj-value]


async def an_update_of_a_relation(author: Author, tag: Tag) -> None:
    await q(Book).aupdate(author=3)
    await q(Book).aupdate(author=tag)  # E: "Book.author" expects "Author | int", got "Tag"  [adj-value]
    await q(Book).aupdate(author=None)  # E: "Book.author" expects "Author | int", got "None"  [adj-value]


async def an_update_of_what_is_no_column(tag: Tag) -> None:
    await q(Book).aupdate(tags=[tag])  # E: "Book.tags" is not a column and cannot be assigned here  [adj-lookup]
    await q(Book).aupdate(pk=3)  # E: "Book.pk" cannot be assigned here  [adj-lookup]
    await q(Book).aupdate(author__name="Jane")
    # E: Book has no column "author__name"; did you mean "author_id" or "author"?  [adj-lookup]


async def an_update_of_a_computed_column() -> None:
    await q(OrderLine).aupdate(quantity=3)
    await q(OrderLine).aupdate(total=3)  # E: "OrderLine.total" cannot be assigned here  [adj-lookup]


async def an_update_with_expressions() -> None:
    await q(Book).aupdate(title=Lower("title"), pages=Case(When(pages__gt=3, then=3), default=F("weight")))
    await q(Book).aupdate(title=Lower("titel"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).aupdate(pages=F("pags") + 1)
    # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]


async def an_update_with_conditions_in_it() -> None:
    await q(Book).aupdate(pages=Case(When(Q(title="Emma"), then=3), default=4))
    await q(Book).aupdate(pages=Case(When(Q(titel="Emma"), then=3), default=4))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def an_update_with_a_nested_query() -> None:
    names = q(Author).filter(pk=OuterRef("author")).values("name")
    await q(Book).aupdate(title=Subquery(names[:1]))
    await q(Book).aupdate(title=Subquery(q(Author).filter(pk=OuterRef("athor")).values("name")[:1]))
    # E: Book has no field "athor"; did you mean "author" or "author_id"?  [adj-lookup]


async def none_is_for_columns_that_may_be_null() -> None:
    await q(Book).aupdate(subtitle=None, published=None)
    await q(Book).aupdate(title=None)  # E: "Book.title" expects "str", got "None"  [adj-value]
    await q(Book).acreate(pages=None)  # E: "Book.pages" expects "int", got "None"  [adj-value]


async def an_update_of_what_is_not_known(values: dict[str, Any], value: Any) -> None:
    await q(Book).aupdate(**values)
    await q(Book).aupdate(pages=value)


async def an_update_that_returns_rows() -> None:
    await q(Book).returning("title", "pk").aupdate(pages=3)
    await q(Book).returning("titel").aupdate(pages=3)
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).returning().aupdate(pages="3")  # E: "Book.pages" expects "int", got "str"  [adj-value]


async def an_update_that_returns_relations() -> None:
    q(Book).returning("author", "author_id")
    q(Book).returning("author__name")
    # E: Book has no column "author__name"; did you mean "author_id" or "author"?  [adj-lookup]
    q(Book).returning("tags")  # E: Book has no column "tags"; did you mean "pages"?  [adj-lookup]


async def a_row_or_a_new_one() -> None:
    await q(Book).aget_or_create(isbn="1", author__name="Jane", defaults={"title": "Emma"})
    await q(Book).aget_or_create(isbm="1")  # E: Book has no field "isbm"; did you mean "isbn"?  [adj-lookup]
    await q(Book).aget_or_create(isbn=1)  # E: Book: "isbn" expects "str", got "int"  [adj-value]


async def defaults_of_a_new_one() -> None:
    await q(Book).aget_or_create(isbn="1", defaults={"titel": "Emma"})
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).aget_or_create(isbn="1", defaults={"pages": "3"})
    # E: "Book.pages" expects "int", got "str"  [adj-value]
    await q(Book).aget_or_create(defaults=dict(titel="Emma"), isbn="1")  # noqa: C408  # it may be written so
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def _today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.UTC).date()


async def defaults_that_are_called() -> None:
    await q(Book).aget_or_create(isbn="1", defaults={"published": _today, "reference": uuid.uuid4, "pages": lambda: 3})
    await q(Book).aget_or_create(isbn="1", defaults={"pages": _today})
    # E: "Book.pages" expects "int", got "date"  [adj-value]


async def a_row_with_new_values() -> None:
    await q(Book).aupdate_or_create(isbn="1", defaults={"title": "Emma"}, create_defaults={"pages": 3})
    await q(Book).aupdate_or_create(isbn="1", defaults={"titel": "Emma"})
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).aupdate_or_create(isbn="1", create_defaults={"pages": "3"})
    # E: "Book.pages" expects "int", got "str"  [adj-value]


async def defaults_that_are_not_known(values: dict[str, Any], name: str) -> None:
    await q(Book).aget_or_create(isbn="1", defaults=values)
    await q(Book).aget_or_create(isbn="1", defaults={name: 3, **values})


async def many_rows_with_some_columns(books: list[Book]) -> None:
    await q(Book).abulk_update(books, ["title", "author", "author_id"])
    await q(Book).abulk_update(books, fields=["titel"])
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).abulk_update(books, ("id",))
    # E: Book has no column "id" (choices are: author_id, editor_id, published, isbn, category_id, ...)  [adj-lookup]


async def many_new_rows(books: list[Book]) -> None:
    await q(Book).abulk_create(books, update_conflicts=True, update_fields=["title"], unique_fields=["isbn"])
    await q(Book).abulk_create(books, update_conflicts=True, update_fields=["titel"], unique_fields=["isbm"])
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    # E: Book has no column "isbm"; did you mean "isbn"?  [adj-lookup]


async def many_rows_by_copy(books: list[Book]) -> None:
    await q(Book).acopy([("Emma", 3)], fields=["title", "pages"])
    await q(Book).acopy(books, fields=["titel"])
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def many_rows_with_what_is_not_known(books: list[Book], names: list[str]) -> None:
    await q(Book).abulk_update(books, names)
    await q(Book).abulk_create(books, update_fields=names)


async def an_instance_is_saved(book: Book, film: Film) -> None:
    await adj.save(book, update_fields=["title", "author_id"])
    await adj.save(book, update_fields=["titel"])
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await adj.save(film, update_fields={"minutes", "name", "pk"})
    # E: Film has no column "pk" (choices are: added, director, director_id, id, minutes, ...)  [adj-lookup]


async def an_instance_is_read_anew(book: Book) -> None:
    await adj.refresh(book, fields=["title", "author", "tags"])
    await adj.refresh(book, fields=["titel"])
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def an_instance_of_adjs_model(person: Person, names: list[str]) -> None:
    await person.asave(update_fields=["name"])
    await person.asave(update_fields=["nam"])  # E: Person has no column "nam"; did you mean "name"?  [adj-lookup]
    await person.asave(update_fields=names)
    await person.arefresh_from_db(fields=["nam"])  # E: Person has no column "nam"; did you mean "name"?  [adj-lookup]
    await adj.save(person, update_fields=names)


async def a_relation(author: Author, book: Book) -> None:
    await related(author, "books").filter(title="Emma").run()
    await related(author, "books").filter(titel="Emma").run()
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    related(author, "boks")  # E: Author has no relation "boks"; did you mean "books"?  [adj-lookup]
    related(book, "author")
    # E: "Book.author" is a relation to one row; related() requires a relation to many  [adj-shape]


async def a_relation_by_its_manager(author: Author) -> None:
    await related(author.books).filter(title="Emma").run()
    await related(author.books).filter(titel="Emma").run()
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def rows_for_a_relation(book: Book, tag: Tag, author: Author) -> None:
    await related(book, "tags").aadd(tag, 3)
    await related(book, "tags").aadd(author)  # E: aadd() expects "Tag | int", got "Author"  [adj-value]
    await related(book, "tags").aremove("sea")  # E: aremove() expects "Tag | int", got "str"  [adj-value]


async def the_rows_of_a_relation(book: Book, tag: Tag) -> None:
    await related(book, "tags").aset([tag, 3])
    await related(book, "tags").aset(q(Tag).filter(name="sea"))
    await related(book, "tags").aset(["sea"])  # E: aset() expects items of "Tag | int", got "str"  [adj-value]


async def values_of_the_through_model(book: Book, author: Author) -> None:
    await related(book, "contributors").aadd(author, through_defaults={"role": "editor"})
    await related(book, "contributors").aadd(author, through_defaults={"rool": "editor"})
    # E: Contribution has no column "rool"; did you mean "role"?  [adj-lookup]
    await related(book.contributors).aset([author], through_defaults={"role": 3})
    # E: "Contribution.role" expects "str", got "int"  [adj-value]


async def a_new_row_of_a_relation(author: Author) -> None:
    await related(author, "books").acreate(title="Emma", pages=3)
    await related(author, "books").acreate(titel="Emma")
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await related(author, "books").aget_or_create(isbn=3, defaults={"titel": "Emma"})
    # E: Book: "isbn" expects "str", got "int"  [adj-value]
    # E: Book has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


async def a_relation_that_is_not_known(book: Book, name: str, anything: Any) -> None:
    await related(book, name).aadd(anything)
    await related(book, "tags").aadd(anything, *[1, 2])


async def shortcuts() -> None:
    await get_object_or_404(Book, title="Emma", pages__gt=3)
    await get_object_or_404(Book, titel="Emma")
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await get_list_or_404(Book, pages="3")  # E: Book: "pages" expects "int", got "str"  [adj-value]


async def shortcuts_with_a_query() -> None:
    await get_object_or_404(q(Book).filter(pages=3), Q(title="Emma"))
    await get_object_or_404(q(Book).filter(pages=3), Q(titel="Emma"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    await get_list_or_404(Publisher.objects, nam="Planeta")
    # E: Publisher has no field "nam"; did you mean "name"?  [adj-lookup]


async def shortcuts_with_what_is_not_known(anything: Any, values: dict[str, Any]) -> None:
    await get_object_or_404(anything, title="Emma")
    await get_object_or_404(Book, **values)
    await get_list_or_404(Publisher.counted, book_count=3)


async def a_reference_to_another_field(publisher: Publisher) -> None:
    await q(Depot).acreate(publisher=publisher)
    await q(Depot).acreate(publisher_id="planeta")
    await q(Depot).acreate(publisher_id=3)  # E: "Depot.publisher_id" expects "str", got "int"  [adj-value]
    await q(Depot).aupdate(publisher="planeta")


async def a_key_that_is_no_number(order: Order) -> None:
    await q(OrderLine).acreate(order=order, number=3, quantity=3, cents=3)
    await q(OrderLine).acreate(order_id="0" * 32, number="3")
    # E: "OrderLine.number" expects "int", got "str"  [adj-value]


async def a_proxy(bestseller: Bestseller) -> None:
    await q(Review).acreate(book=bestseller)
    await q(Bestseller).aupdate(titel="Emma")
    # E: Bestseller has no column "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
