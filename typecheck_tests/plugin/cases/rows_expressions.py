"""The types of expressions, by what Django makes of them."""

from __future__ import annotations

from typing import Any, reveal_type

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Avg,
    BooleanField,
    Case,
    CharField,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import (
    Cast,
    Coalesce,
    Concat,
    ExtractYear,
    FirstValue,
    Greatest,
    JSONObject,
    Lag,
    Least,
    Length,
    Lower,
    Now,
    NullIf,
    Rank,
    RowNumber,
    TruncDate,
    TruncMonth,
    Upper,
)

from adj import q
from tests.shop.fields import MoneyField
from tests.shop.models import Author, Book, OrderLine, Review
from typecheck_tests.plugin.library.functions import Shout


async def a_column() -> None:
    reveal_type(await q(Book).values(a=F("title"), b=F("rating"), c=F("editor__name"), d=F("author")).aget())
    # R: TypedDict({'a': str, 'b': float | None, 'c': str | None, 'd': int})


async def a_transform_in_a_column() -> None:
    reveal_type(await q(Book).values(year=F("published__year"), born=F("author__born__month")).aget())
    # R: TypedDict({'year': int | None, 'born': int | None})


async def a_value() -> None:
    reveal_type(await q(Book).values(a=Value(1), b=Value("x"), c=Value(1.5), d=Value(True)).aget())
    # R: TypedDict({'a': int, 'b': str, 'c': float, 'd': bool})
    reveal_type(await q(Book).values(nothing=Value(None, output_field=CharField())).aget())
    # R: TypedDict({'nothing': str | None})


async def arithmetic() -> None:
    reveal_type(await q(Book).values(a=F("pages") + 1, b=F("pages") * F("price"), c=-F("pages")).aget())
    # R: TypedDict({'a': int, 'b': Decimal, 'c': int})


async def arithmetic_with_a_column_that_may_be_null() -> None:
    reveal_type(await q(Book).values(a=F("rating") * 2, b=F("pages") + F("weight")).aget())
    # R: TypedDict({'a': float | None, 'b': int | None})


async def arithmetic_of_dates_is_a_duration() -> None:
    reveal_type(await q(Author).values(age=F("updated") - F("created")).aget())
    # R: TypedDict({'age': datetime.timedelta | None})


async def a_case_without_a_default_may_be_none() -> None:
    size = Case(When(pages__gt=300, then=Value("long")), When(pages__gt=100, then=Value("short")))
    reveal_type(await q(Book).values(size=size).aget())  # R: TypedDict({'size': str | None})
    reveal_type(await q(Book).values(size=Case(When(pages__gt=300, then=Value("long")))).aget())
    # R: TypedDict({'size': str | None})


async def a_case_with_a_default() -> None:
    reveal_type(await q(Book).values(a=Case(When(pages__gt=300, then=Value("long")), default=Value("short"))).aget())
    # R: TypedDict({'a': str})
    reveal_type(await q(Book).values(a=Case(When(pages__gt=300, then="title"), default="subtitle")).aget())
    # R: TypedDict({'a': str | None})


async def coalesce_is_null_where_all_are() -> None:
    reveal_type(await q(Book).values(a=Coalesce("rating", 0.0), b=Coalesce("subtitle", "title")).aget())
    # R: TypedDict({'a': float, 'b': str})
    reveal_type(await q(Book).values(a=Coalesce("subtitle", "editor__name")).aget())  # R: TypedDict({'a': str | None})


async def concat_takes_null_for_nothing() -> None:
    reveal_type(await q(Book).values(a=Concat("title", Value(": "), "subtitle")).aget())  # R: TypedDict({'a': str})


async def a_cast_has_the_type_that_is_asked_for() -> None:
    reveal_type(await q(Book).values(a=Cast("pages", CharField()), b=Cast("weight", FloatField())).aget())
    # R: TypedDict({'a': str, 'b': float | None})


async def functions_of_text() -> None:
    reveal_type(await q(Book).values(a=Lower("title"), b=Upper("subtitle"), c=Length("title")).aget())
    # R: TypedDict({'a': str, 'b': str | None, 'c': int})


async def functions_of_dates() -> None:
    reveal_type(await q(Book).values(a=ExtractYear("published"), b=TruncMonth("released"), c=Now()).aget())
    # R: TypedDict({'a': int | None, 'b': datetime.datetime | None, 'c': datetime.datetime})
    reveal_type(await q(Review).values(a=ExtractYear("created"), b=TruncDate("created")).aget())
    # R: TypedDict({'a': int, 'b': datetime.date})


async def the_greatest_and_the_least() -> None:
    reveal_type(await q(Book).values(a=Greatest("title", "isbn"), b=Least("title", "subtitle")).aget())
    # R: TypedDict({'a': str, 'b': str | None})


async def null_if_may_always_be_null() -> None:
    reveal_type(await q(Book).values(a=NullIf("title", Value(""))).aget())  # R: TypedDict({'a': str | None})


async def an_object_of_json() -> None:
    reveal_type(await q(Book).values(a=JSONObject(title="title", pages=F("pages") + 1)).aget())
    # R: TypedDict({'a': dict[str, Any]})


async def a_function_with_an_output() -> None:
    reveal_type(await q(Book).values(a=Func("title", function="REVERSE", output_field=CharField())).aget())
    # R: TypedDict({'a': str})


async def a_function_without_an_output_has_that_of_its_argument() -> None:
    reveal_type(await q(Book).values(a=Func("title", function="REVERSE")).aget())  # R: TypedDict({'a': str})


async def a_wrapper_says_its_output() -> None:
    half = ExpressionWrapper(F("pages") / 2.0, output_field=DecimalField())
    reveal_type(await q(Book).values(half=ExpressionWrapper(F("pages") / 2.0, output_field=DecimalField())).aget())
    # R: TypedDict({'half': Decimal})
    reveal_type(await q(Book).values(half=half).aget())  # R: TypedDict({'half': Decimal})


async def a_condition_is_a_column() -> None:
    reveal_type(await q(Book).values(a=Q(pages__gt=300)).aget())  # R: TypedDict({'a': bool | None})
    reveal_type(await q(Book).values(a=ExpressionWrapper(Q(pages__gt=300), output_field=BooleanField())).aget())
    # R: TypedDict({'a': bool | None})


async def a_function_of_the_project() -> None:
    reveal_type(await q(Book).values(loud=Shout("title"), maybe=Shout("subtitle")).aget())
    # R: TypedDict({'loud': str, 'maybe': str | None})


async def a_field_of_the_project() -> None:
    reveal_type(await q(Book).values(a=Max("cost"), b=Cast("pages", MoneyField()), c=F("cost")).aget())
    # R: TypedDict({'a': Money | None, 'b': Money, 'c': Money | None})


async def a_generated_field() -> None:
    reveal_type(await q(OrderLine).values(a=F("total") * 2, b=Sum("total")).aget())
    # R: TypedDict({'a': int, 'b': int})


async def whether_there_are_rows() -> None:
    reveal_type(await q(Book).values(a=Exists(q(Review).filter(book=OuterRef("pk")))).aget())
    # R: TypedDict({'a': bool})
    reveal_type(await q(Book).values(a=~Exists(q(Review).filter(book=OuterRef("pk")))).aget())
    # R: TypedDict({'a': bool})


async def a_column_of_another_query() -> None:
    best = q(Review).filter(book=OuterRef("pk")).order_by("-stars")
    reveal_type(await q(Book).values(a=Subquery(best.values("stars")[:1])).aget())  # R: TypedDict({'a': int | None})
    reveal_type(await q(Book).values(a=Subquery(best.values_list("critic", flat=True)[:1])).aget())
    # R: TypedDict({'a': str | None})


async def a_column_of_groups_in_another_query() -> None:
    counted = q(Review).filter(book=OuterRef("pk")).values("book").annotate(n=Count("id")).values("n")
    reveal_type(await q(Book).values(a=Coalesce(Subquery(counted), 0)).aget())  # R: TypedDict({'a': int})


async def a_column_of_another_queryset() -> None:
    best = Review.objects.filter(book=OuterRef("pk")).values("stars")
    reveal_type(await q(Book).values(a=Subquery(best[:1]), b=Exists(best)).aget())
    # R: TypedDict({'a': Any, 'b': bool})


async def all_values_of_another_query() -> None:
    stars = q(Review).filter(book=OuterRef("pk")).values("stars")
    reveal_type(await q(Book).values(a=ArraySubquery(stars)).aget())  # R: TypedDict({'a': list[int]})


async def an_array_of_a_group() -> None:
    reveal_type(await q(Book).values("author").annotate(a=ArrayAgg("title"), b=ArrayAgg("tags__name")).aget())
    # R: TypedDict({'author': int, 'a': list[str], 'b': list[str | None]})


async def the_number_of_a_row() -> None:
    numbers = await q(Book).values(a=Window(RowNumber(), order_by="title"), b=Window(Rank(), order_by="pages")).aget()
    reveal_type(numbers)  # R: TypedDict({'a': int, 'b': int})


async def another_row_of_the_window() -> None:
    reveal_type(await q(Book).values(a=Window(Lag("pages")), b=Window(FirstValue("title"))).aget())
    # R: TypedDict({'a': int | None, 'b': str})
    reveal_type(await q(Book).values(a=Window(Lag("pages", default=0))).aget())  # R: TypedDict({'a': int})


async def an_aggregate_over_a_window() -> None:
    reveal_type(await q(Book).values(a=Window(Avg("pages"), partition_by="author")).aget())
    # R: TypedDict({'a': float})


async def an_aggregate_of_a_relation_that_may_be_empty() -> None:
    reveal_type(await q(Author).values(a=Max("books__pages"), b=Sum("books__pages", default=0)).aget())
    # R: TypedDict({'a': int | None, 'b': int})


async def an_aggregate_whose_filter_may_leave_nothing() -> None:
    reveal_type(await q(Book).values(a=Sum("pages", filter=Q(pages__gt=1)), b=Sum("pages")).aget())
    # R: TypedDict({'a': int | None, 'b': int})


async def a_column_that_is_not_there() -> None:
    q(Book).values(a=Lower("titel"))  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).values(a=Coalesce("rating", F("ratnig")))
    # E: Book has no field "ratnig"; did you mean "rating"?  [adj-lookup]


async def what_is_known_only_at_run_time(name: str, expression: Any) -> None:
    reveal_type(await q(Book).values(a=Lower(name), b=expression, c=F(name)).aget())
    # R: TypedDict({'a': Any, 'b': Any, 'c': Any})


async def a_variable_among_the_operands(number: int, text: str) -> None:
    reveal_type(await q(Book).values(a=F("pages") + number, b=Coalesce("subtitle", Value(text))).aget())
    # R: TypedDict({'a': int, 'b': str})


async def an_output_that_django_cannot_tell() -> None:
    reveal_type(await q(Book).values(a=F("title") + F("pages")).aget())  # R: TypedDict({'a': Any})
    # E: Django rejects this expression: Cannot infer type of...


async def a_choice_between_expressions(is_long: bool) -> None:
    reveal_type(await q(Book).values(a=F("title") if is_long else F("pages")).aget())  # R: TypedDict({'a': Any})


async def a_function_that_makes_an_expression() -> None:
    def total() -> Sum:
        return Sum("pages")

    reveal_type(await q(Book).values("author").annotate(total=total()).aget())
    # R: TypedDict({'author': int, 'total': Any})


async def an_output_is_an_integer() -> None:
    reveal_type(await q(Book).values(a=Func(F("pages"), function="ABS", output_field=IntegerField())).aget())
    # R: TypedDict({'a': int})
