"""Names and values of annotations and aliases in later clauses."""

from __future__ import annotations

from typing import Any

from django.db.models import Avg, Count, F, Max, QuerySet, Value
from django.db.models.functions import Length, Lower, TruncYear

from adj import AsyncQuery, q
from tests.shop.models import Author, Book, Country, Publisher, Review


def an_annotation() -> None:
    query = q(Author).annotate(total=Count("books"))
    query.filter(total=3, total__gt=3, total__in=[1, 2])
    query.filter(totl=3)  # E: Author has no field "totl"; did you mean "total"?  [adj-lookup]
    query.filter(total="3")  # E: Author: "total" expects "int", got "str"  [adj-value]


def an_alias() -> None:
    query = q(Author).alias(total=Count("books"))
    query.exclude(total__lt=3)
    query.exclude(totl__lt=3)  # E: Author has no field "totl" (in "totl__lt"); did you mean "total"?  [adj-lookup]
    query.exclude(total__lt="3")  # E: Author: "total__lt" expects "int | float", got "str"  [adj-value]


def a_text() -> None:
    query = q(Author).annotate(small=Lower("name"))
    query.filter(small="jane", small__startswith="j", small__length__gt=3, small__matches="j*")
    query.filter(small=3)  # E: Author: "small" expects "str", got "int"  [adj-value]
    query.filter(small__startwith="j")
    # E: the annotation "small" has no lookup or transform "startwith" (in "small__startwith"); did you...


def a_date() -> None:
    query = q(Author).annotate(last=Max("books__published"))
    query.filter(last__year=2020, last__gt="2020-01-01")
    query.filter(last__yaer=2020)
    # E: the annotation "last" has no lookup or transform "yaer" (in "last__yaer"); did you mean...
    query.filter(last__year="2020")  # E: Author: "last__year" expects "int | None", got "str"  [adj-value]


def a_moment() -> None:
    query = q(Book).annotate(when=TruncYear("released"))
    query.filter(when__isnull=True, when__date__gt="2020-01-01")
    query.filter(when=3)  # E: Book: "when" expects "date | str | None", got "int"  [adj-value]


def a_mean() -> None:
    query = q(Author).annotate(mean=Avg("books__pages"))
    query.filter(mean__gt=3, mean__lt=3.5)
    query.filter(mean="3")  # E: Author: "mean" expects "float | int | Decimal | None", got "str"  [adj-value]


def a_name_that_django_gives() -> None:
    query = q(Author).annotate(Count("books"), Max("books__pages"))
    query.filter(books__count__gt=3, books__pages__max=3)
    query.filter(books__count__gt="3")  # E: Author: "books__count__gt" expects "int | float", got "str"  [adj-value]
    query.filter(books__pages__mx=3)
    # E: PositiveIntegerField "Book.pages" has no lookup or transform "mx" (in "books__pages__mx")...


def an_annotation_of_another() -> None:
    query = q(Author).annotate(total=Count("books")).annotate(more=F("total") + 1)
    query.filter(more__gt=F("total"))
    query.filter(more="3")  # E: Author: "more" expects "int", got "str"  [adj-value]
    query.filter(more__gt=F("totl"))  # E: Author has no field "totl"; did you mean "total"?  [adj-lookup]


def an_annotation_in_a_later_order() -> None:
    query = q(Author).annotate(total=Count("books"))
    query.order_by("-total", F("total").desc())
    query.order_by("-totl")  # E: Author has no field "totl"; did you mean "total"?  [adj-lookup]
    query.order_by(F("totl").desc())  # E: Author has no field "totl"; did you mean "total"?  [adj-lookup]


def an_annotation_with_a_transform() -> None:
    query = q(Author).annotate(size=Length("name"))
    query.filter(size__abs=3)
    query.order_by("size__abs")
    query.order_by("size__abz")
    # E: the annotation "size" has no lookup or transform "abz" (in "size__abz"); did you mean "abs"? ...


def a_constant() -> None:
    query = q(Author).annotate(kind=Value("author"))
    query.filter(kind="author", kind__in=["author"])
    query.filter(kind=3)  # E: Author: "kind" expects "str", got "int"  [adj-value]


def an_annotation_whose_type_is_not_known(expression: Any) -> None:
    query = q(Author).annotate(thing=expression)
    query.filter(thing=3, thing__gt="3", thing__whatever=None)
    query.order_by("thing__whatever")


def an_annotation_of_a_field_of_the_projects() -> None:
    query = q(Book).annotate(most=Max("cost"))
    query.filter(most=3, most__gt=3)


def an_annotation_of_json() -> None:
    query = q(Book).annotate(colour=F("metadata__colour"))
    query.filter(colour="red", colour__icontains="r")


def a_row_of_values() -> None:
    query = q(Book).values("author").annotate(total=Count("pk"))
    query.filter(total__gt=3).order_by("total", "author")
    query.filter(totl__gt=3)
    # E: Book has no field "totl" (in "totl__gt"); did you mean "total" or "title"?  [adj-lookup]


def a_manager_that_annotates() -> None:
    q(Publisher.counted).filter(book_count__gt=3, name="Planeta")
    q(Publisher.counted).filter(name=3)  # E: Publisher: "name" expects "str", got "int"  [adj-value]


def a_queryset_may_have_annotations(rows: QuerySet[Author]) -> None:
    q(rows).filter(name="Jane")
    q(rows).filter(nam="Jane")  # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]


def extra_columns() -> None:
    query = q(Country).extra(select={"big": "population > 1000"})
    query.order_by("big")
    query.filter(name=3)  # E: Country: "name" expects "str", got "int"  [adj-value]


def a_query_that_is_a_parameter(query: AsyncQuery[Author]) -> None:
    query.filter(name="Jane")
    query.filter(nam="Jane")  # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]


def a_query_of_any_model(query: AsyncQuery[Any]) -> None:
    query.filter(anything=3).order_by("anything")


def a_default_manager_that_hides_rows() -> None:
    q(Review).filter(stars=3)
    q(Review).filter(starz=3)  # E: Review has no field "starz"; did you mean "stars"?  [adj-lookup]
