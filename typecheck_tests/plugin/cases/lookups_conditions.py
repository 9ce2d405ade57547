"""Conditions that are written as objects: `Q`, `When`, `FilteredRelation`, `filter=`, pairs and dicts."""

from __future__ import annotations

from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    Max,
    OuterRef,
    Q,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Lower
from django.db.models.lookups import GreaterThan

from adj import q
from tests.shop.models import Author, Book, Publisher, Tag


def a_condition() -> None:
    q(Book).filter(Q(title="Emma", pages__gt=3))
    q(Book).filter(Q(titel="Emma"))  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).filter(Q(pages__gt="3"))  # E: Book: "pages__gt" expects "int | float", got "str"  [adj-value]


def conditions_put_together() -> None:
    q(Book).filter(Q(title="Emma") | Q(pages=3) & ~Q(author__name="Jane") ^ Q(pk=3))
    q(Book).filter(Q(title="Emma") | Q(pages="3"))  # E: Book: "pages" expects "int", got "str"  [adj-value]
    q(Book).filter(Q(title="Emma") & ~Q(athor__name="Jane"))
    # E: Book has no field "athor" (in "athor__name"); did you mean "author" or "author_id"?  [adj-lookup]
    q(Book).filter(Q(pk=1) ^ Q(kp=1))
    # E: Book has no field "kp" (choices are: pk, pages, price, depots, chapters, ...)  [adj-lookup]


def conditions_within_conditions() -> None:
    q(Book).filter(Q(Q(title="Emma"), Q(pages=3) | Q(pages=4), author__name="Jane"))
    q(Book).filter(Q(Q(titel="Emma"), author__name="Jane"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).filter(Q(Q(title="Emma") | Q(pages="3"), _negated=True))
    # E: Book: "pages" expects "int", got "str"  [adj-value]


def the_words_of_a_condition() -> None:
    q(Book).filter(Q(title="Emma", pages=3, _connector=Q.OR, _negated=True))
    q(Book).filter(Q(titel="Emma", pages=3, _connector="OR"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def a_list_keeps_its_type() -> None:
    q(Book).filter(Q(pages__in=[1, 2]))
    q(Book).filter(Q(pages__in=["a"]))  # E: Book: "pages__in" expects items of "int", got "str"  [adj-value]


def pairs() -> None:
    q(Book).filter(Q(("title", "Emma"), ("pages__gt", 3)), ("pk", 3))
    q(Book).filter(Q(("titel", "Emma")))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).filter(("pages", "3"))  # E: Book: "pages" expects "int", got "str"  [adj-value]


def dicts() -> None:
    q(Book).filter(**{"title": "Emma", "author__name": "Jane"})  # noqa: PIE804  # it may be written so
    q(Book).filter(**{"titel": "Emma"})  # noqa: PIE804  # it may be written so
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).filter(Q(**{"pages": "3"}))  # noqa: PIE804  # it may be written so
    # E: Book: "pages" expects "int", got "str"  [adj-value]


def a_condition_as_a_keyword_beside_others() -> None:
    q(Book).exclude(Q(pages=3), title="Emma")
    q(Book).exclude(Q(pages="3"), titel="Emma")
    # E: Book: "pages" expects "int", got "str"  [adj-value]
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def what_is_no_condition() -> None:
    q(Book).filter("title")  # E: conditions must be Q objects, expressions or keyword lookups; got "str"  [adj-shape]
    q(Book).filter({"title": "Emma"})
    # E: conditions must be Q objects, expressions or keyword lookups; got "dict[str, str]"  [adj-shape]
    q(Book).filter(3, pages=3)
    # E: conditions must be Q objects, expressions or keyword lookups; got "int"  [adj-shape]


def a_condition_in_a_variable_is_not_looked_into(condition: Q, anything: Any, several: list[Q]) -> None:
    q(Book).filter(condition)
    q(Book).filter(condition | Q(pages=3), anything, *several)
    q(Book).filter(condition & Q(pages="3"))  # E: Book: "pages" expects "int", got "str"  [adj-value]


def expressions_as_conditions() -> None:
    q(Book).filter(GreaterThan(F("pages"), 3), Exists(q(Tag)), ~Exists(q(Tag)))
    q(Book).filter(GreaterThan(F("pags"), 3))
    # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]
    q(Book).filter(F("is_available"))
    q(Book).filter(F("is_avaliable"))  # E: Book has no field "is_avaliable"; did you mean "is_available"?  [adj-lookup]


def a_condition_that_is_an_expression() -> None:
    q(Book).annotate(long=ExpressionWrapper(Q(pages__gt=300), output_field=BooleanField())).filter(long=True)
    q(Book).annotate(long=ExpressionWrapper(Q(pags__gt=300), output_field=BooleanField()))
    # E: Book has no field "pags" (in "pags__gt"); did you mean "pages" or "tags"?  [adj-lookup]
    q(Book).annotate(long=Q(pages__gt="300"))  # E: Book: "pages__gt" expects "int | float", got "str"  [adj-value]


def columns_as_values() -> None:
    q(Book).filter(pages__gt=F("weight"), title=F("author__name"), copies_sold__gt=F("pages") * 2)
    q(Book).filter(pages__gt=F("wieght"))  # E: Book has no field "wieght"; did you mean "weight"?  [adj-lookup]
    q(Book).filter(title=Lower("titel"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def expressions_as_values() -> None:
    q(Book).filter(title=Lower(Value("EMMA")), pages__gt=Coalesce("weight", 3), price__range=(F("cost"), 3))
    q(Book).filter(pages__gt=Coalesce("wieght", 3))
    # E: Book has no field "wieght"; did you mean "weight"?  [adj-lookup]


def cases() -> None:
    q(Book).annotate(kind=Case(When(pages__gt=300, then=Value("long")), default=Value("short"))).filter(kind="long")
    q(Book).annotate(kind=Case(When(pags__gt=300, then=Value("long")), default=Value("short")))
    # E: Book has no field "pags" (in "pags__gt"); did you mean "pages" or "tags"?  [adj-lookup]
    q(Book).annotate(kind=Case(When(pages__gt="300", then=Value("long"))))
    # E: Book: "pages__gt" expects "int | float", got "str"  [adj-value]


def cases_with_conditions() -> None:
    q(Book).annotate(kind=Case(When(Q(pages__gt=300) | Q(weight=None), then=F("title"))))
    q(Book).annotate(kind=Case(When(Q(pages__gt=300) | Q(wieght=None), then=F("title"))))
    # E: Book has no field "wieght"; did you mean "weight"?  [adj-lookup]
    q(Book).annotate(kind=Case(When(condition=Q(pages="300"), then=F("titel"))))
    # E: Book: "pages" expects "int", got "str"  [adj-value]
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def a_case_in_an_order() -> None:
    q(Book).order_by(Case(When(pages__gt=300, then=1), default=2), "title")
    q(Book).order_by(Case(When(pags__gt=300, then=1), default=2))
    # E: Book has no field "pags" (in "pags__gt"); did you mean "pages" or "tags"?  [adj-lookup]


def a_case_in_a_condition() -> None:
    q(Book).filter(pages__gt=Case(When(title="Emma", then=3), default=F("weight")))
    q(Book).filter(pages__gt=Case(When(titel="Emma", then=3), default=F("weight")))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).filter(pages__gt=Case(When(title=3, then=3), default=F("wieght")))
    # E: Book: "title" expects "str", got "int"  [adj-value]
    # E: Book has no field "wieght"; did you mean "weight"?  [adj-lookup]


def the_filter_of_an_aggregate() -> None:
    q(Author).annotate(n=Count("books", filter=Q(books__pages__gt=300)))
    q(Author).annotate(n=Count("books", filter=Q(books__pags__gt=300)))
    # E: Book has no field "pags" (in "books__pags__gt"); did you mean "pages" or "tags"?  [adj-lookup]
    q(Author).annotate(n=Count("books", filter=Q(books__pages__gt="300")))
    # E: Author: "books__pages__gt" expects "int | float", got "str"  [adj-value]


async def the_filter_of_an_aggregate_over_all_rows() -> None:
    await q(Book).aaggregate(n=Sum("pages", filter=Q(title__startswith="E")))
    await q(Book).aaggregate(n=Sum("pages", filter=Q(titel__startswith="E")))
    # E: Book has no field "titel" (in "titel__startswith"); did you mean "title" or "subtitle"?  [adj-lookup]
    await q(Book).aaggregate(n=Count("pk"), m=Max("pages", filter=Q(n=3) | Q(pages="3")))
    # E: Book: "pages" expects "int", got "str"  [adj-value]


def a_filter_in_values() -> None:
    q(Book).values("author").annotate(n=Count("pk", filter=Q(pages__gt=3)))
    q(Book).values("author", n=Count("pk", filter=Q(pags__gt=3)))
    # E: Book has no field "pags" (in "pags__gt"); did you mean "pages" or "tags"?  [adj-lookup]


def a_filtered_relation() -> None:
    query = q(Author).annotate(long=FilteredRelation("books", condition=Q(books__pages__gt=300)))
    query.filter(long__title="Emma", long__isnull=False)
    query.filter(long__titel="Emma")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    query.filter(long__pages="300")  # E: Author: "long__pages" expects "int | None", got "str"  [adj-value]


def the_condition_of_a_filtered_relation() -> None:
    q(Author).alias(long=FilteredRelation("books", condition=Q(books__pags__gt=300)))
    # E: Book has no field "pags" (in "books__pags__gt"); did you mean "pages" or "tags"?  [adj-lookup]
    q(Author).alias(long=FilteredRelation("books", condition=Q(books__pages__gt="300")))
    # E: Author: "books__pages__gt" expects "int | float", got "str"  [adj-value]


def the_relation_of_a_filtered_relation() -> None:
    q(Author).alias(long=FilteredRelation("boks", condition=Q(books__pages__gt=300)))
    # E: Author has no field "boks"; did you mean "books"?  [adj-lookup]
    q(Author).alias(long=FilteredRelation("name", condition=Q(books__pages__gt=300)))
    # E: "Author.name" is not a relation  [adj-lookup]


def what_a_filtered_relation_leads_to() -> None:
    query = q(Author).alias(long=FilteredRelation("books", condition=Q(books__pages__gt=300)))
    query.annotate(n=Count("long__tags")).values("long__title", "n").order_by("long__pages")
    query.order_by("long__pags")  # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]
    query.filter(name=F("long__titel"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def complex_filter() -> None:
    q(Book).complex_filter({"title": "Emma", "author__name": "Jane"})
    q(Book).complex_filter({"titel": "Emma"})
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).complex_filter({"pages": "3"})  # E: Book: "pages" expects "int", got "str"  [adj-value]


def complex_filter_with_a_condition() -> None:
    q(Book).complex_filter(Q(title="Emma"))
    q(Book).complex_filter(Q(titel="Emma"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def complex_filter_with_what_is_not_known(lookups: dict[str, Any], condition: Q) -> None:
    q(Book).complex_filter(lookups)
    q(Book).complex_filter(condition)


def a_reference_to_the_outer_row() -> None:
    q(Author).filter(Exists(q(Book).filter(author=OuterRef("pk"), title=OuterRef("name"))))
    q(Author).filter(Exists(q(Book).filter(author=OuterRef("kp"))))
    # E: Author has no field "kp" (choices are: pk, books, pupils, profile, updated, ...)  [adj-lookup]
    q(Author).filter(Q(name="Jane") | ~Exists(q(Book).filter(title=OuterRef("nam"))))
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]


def a_reference_to_the_outer_row_in_an_expression() -> None:
    q(Publisher).annotate(
        old=Exists(q(Book).filter(Q(publisher=OuterRef("pk")) | Q(pages__gt=OuterRef("founded") + 1)))
    )
    q(Publisher).annotate(old=Exists(q(Book).filter(Q(publisher=OuterRef("pk")) | Q(pages__gt=OuterRef("fonded") + 1))))
    # E: Publisher has no field "fonded"; did you mean "founded"?  [adj-lookup]


def a_reference_to_an_annotation_of_the_outer_row() -> None:
    q(Author).annotate(n=Count("books")).filter(Exists(q(Book).filter(pages=OuterRef("n"))))
    q(Author).annotate(n=Count("books")).filter(Exists(q(Book).filter(pages=OuterRef("m"))))
    # E: Author has no field "m" (choices are: name, mentor, pen_name, mentor_id, books, ...)  [adj-lookup]


def a_reference_further_out() -> None:
    q(Publisher).filter(Exists(q(Author).filter(Exists(q(Book).filter(publisher=OuterRef(OuterRef("slug")))))))
    q(Publisher).filter(Exists(q(Author).filter(Exists(q(Book).filter(title=OuterRef("name"), pages=OuterRef("nam"))))))
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]


def a_reference_in_a_query_that_is_an_operand() -> None:
    q(Author).filter(books__in=q(Book).filter(title=OuterRef("name")))
    q(Author).filter(books__in=q(Book).filter(title=OuterRef("nam")))
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]


def a_nested_query_in_a_variable_has_no_known_place() -> None:
    nested = q(Book).filter(author=OuterRef("anything"))
    q(Author).filter(Exists(nested))
