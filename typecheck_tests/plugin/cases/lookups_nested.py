"""Nested queries: as values, in `Exists`, `Subquery` and `Prefetch`."""

from __future__ import annotations

from typing import Any, reveal_type

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, F, OuterRef, Prefetch, QuerySet, Subquery

from adj import AsyncQuery, q
from tests.shop.models import Author, Bestseller, Book, Gadget, Item, OrderLine, Publisher, Reader, Tag


def rows_of_a_relation() -> None:
    q(Book).filter(author__in=q(Author), author=q(Author)[:1])
    q(Book).filter(author__in=q(Publisher))
    # E: Book: "author__in" expects a subquery of Author rows, got Publisher rows  [adj-value]


def rows_of_a_relation_from_its_other_side() -> None:
    q(Author).filter(books__in=q(Book).filter(pages__gt=3))
    q(Author).filter(books__in=q(Tag))
    # E: Author: "books__in" expects a subquery of Book rows, got Tag rows  [adj-value]


def rows_of_a_proxy() -> None:
    q(Author).filter(books__in=q(Bestseller))


def rows_of_a_child_or_a_parent() -> None:
    q(Publisher).filter(items__in=q(Reader))
    q(Reader).filter(gadget_ptr__in=q(Item))
    q(Reader).filter(favourite__in=q(Gadget))
    # E: Reader: "favourite__in" expects a subquery of Book rows, got Gadget rows  [adj-value]


def one_column() -> None:
    q(Book).filter(pages__in=q(Book).values("pages"), author_id__in=q(Author).values_list("pk", flat=True))
    q(Book).filter(pages__in=q(Book).values("title"))
    # E: Book: "pages__in" expects a subquery of "int", got "str"  [adj-value]
    q(Book).filter(author__in=q(Author).values_list("name", flat=True))
    # E: Book: "author__in" expects a subquery of "Author | int", got "str"  [adj-value]


def several_columns() -> None:
    q(Book).filter(author__in=q(Author).values("pk", "name"))
    # E: Book: "author__in" expects a subquery with one column, got 2 columns  [adj-value]
    q(Book).filter(author__in=q(Author).values_list("pk", "name"))
    # E: Book: "author__in" expects a subquery with one column, got 2 columns  [adj-value]


def one_value() -> None:
    q(Book).filter(pages=q(Book).values("pages")[:1], pages__gt=q(Book).values("weight")[:1])
    q(Book).filter(pages=q(Book).values("title")[:1])
    # E: Book: "pages" expects a subquery of "int", got "str"  [adj-value]


def a_key_of_a_relation() -> None:
    q(Book).filter(author__in=q(Author).values("mentor"), pk__in=q(OrderLine).values("book"))
    q(Book).filter(author__in=q(Book).values("isbn"))
    # E: Book: "author__in" expects a subquery of "Author | int", got "str"  [adj-value]


def keys_of_any_rows() -> None:
    q(Book).filter(pk__in=q(Book).filter(pages__gt=3))


def a_queryset_of_django(rows: QuerySet[Author], others: QuerySet[Tag]) -> None:
    q(Book).filter(author__in=rows)
    q(Book).filter(author__in=others)
    # E: Book: "author__in" expects a subquery of Author rows, got Tag rows  [adj-value]


def a_nested_query_is_checked_itself() -> None:
    q(Book).filter(author__in=q(Author).filter(nam="Jane"))
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]


def a_query_of_any_rows(query: AsyncQuery[Any], rows: Any) -> None:
    q(Book).filter(author__in=query, pages__in=rows)


def a_query_whose_columns_are_not_known(names: list[str]) -> None:
    q(Book).filter(pages__in=q(Book).values(*names), title__in=q(Book).values_list(*names))


def exists() -> None:
    reveal_type(Exists(q(Book).filter(author=OuterRef("pk"))))  # R: Exists
    q(Author).filter(Exists(q(Book)), ~Exists(q(Book)))
    q(Author).annotate(has_books=Exists(q(Book).filter(author=OuterRef("pk")))).filter(has_books=True)


def exists_with_a_queryset(rows: QuerySet[Book]) -> None:
    q(Author).filter(Exists(rows), Exists(Book.objects.all()))


def exists_with_something_else() -> None:
    Exists(3)  # E: Argument 1 to "Exists" has incompatible type "int"; expected "Query | QuerySet[Any, Any] |...
    Exists(Book)  # E: Argument 1 to "Exists" has incompatible type "type[Book[State]]"; expected "Query |...


def subquery() -> None:
    newest = q(Book).filter(author=OuterRef("pk")).order_by("-published")
    query = q(Author).annotate(newest=Subquery(newest.values("title")[:1]))
    query.filter(newest="Emma")
    query.filter(newest=3)  # E: Author: "newest" expects "str | None", got "int"  [adj-value]


def subquery_with_something_else() -> None:
    Subquery("title")
    # E: Argument 1 to "Subquery" has incompatible type "str"; expected "Query | QuerySet[Any, Any] |...


def subquery_of_an_array() -> None:
    q(Author).annotate(titles=ArraySubquery(q(Book).filter(author=OuterRef("pk")).values("title")))
    ArraySubquery(3)  # E: Argument 1 to "ArraySubquery" has incompatible type "int"; expected "Query | QuerySet[Any,...


def prefetch() -> None:
    made = Prefetch("books", q(Book))
    reveal_type(made)  # R: Prefetch[Literal['books'], AsyncQuery[Book, Book[TypedDict({})]], str]
    q(Author).prefetch_related(Prefetch("books", q(Book).filter(pages__gt=3)))
    q(Author).prefetch_related(Prefetch("books", queryset=q(Book), to_attr="long_books"))


def prefetch_with_a_queryset(rows: QuerySet[Book]) -> None:
    q(Author).prefetch_related(Prefetch("books", rows), Prefetch("books"))
    q(Author).prefetch_related(Prefetch("books", Book.objects.all()), Prefetch("books"))


def prefetch_with_something_else() -> None:
    Prefetch("books", 3)
    # E: Argument 2 to "Prefetch" has incompatible type "int"; expected "QuerySet[Model, Model] | None"...


def the_query_of_a_prefetch_is_checked_itself() -> None:
    q(Author).prefetch_related(Prefetch("books", q(Book).filter(titel="Emma")))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def a_nested_query_in_an_expression() -> None:
    q(Author).annotate(n=Count("books", filter=Exists(q(Book).filter(author=OuterRef("pk")))))
    q(Author).filter(name=Subquery(q(Book).filter(author=OuterRef("kp")).values("title")[:1]))
    # E: Author has no field "kp" (choices are: pk, books, pupils, profile, updated, ...)  [adj-lookup]


def columns_of_the_outer_row_beside_others() -> None:
    q(Book).filter(pages__gt=F("weight"), title__in=q(Author).filter(name=OuterRef("title")).values("name"))
    q(Book).filter(title__in=q(Author).filter(name=OuterRef("titel")).values("name"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def a_chain_that_begins_with_a_variable(books: QuerySet[Book]) -> None:
    query = q(Book).filter(pages__gt=3)
    q(Author).filter(Exists(query.filter(author=OuterRef("pk"))), Exists(books.filter(author=OuterRef("pk"))))
    q(Author).filter(Exists(query.filter(author=OuterRef("kp"))))
    # E: Author has no field "kp" (choices are: pk, books, pupils, profile, updated, ...)  [adj-lookup]
    q(Author).filter(Exists(books.filter(title=OuterRef("nam"))))
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]
