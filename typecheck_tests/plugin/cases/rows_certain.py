"""Types that are certain although a part is in a variable, has no name, or comes after a star."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Literal, reveal_type

from django.db.models import (
    CharField,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    Field,
    Func,
    OuterRef,
    Q,
    Subquery,
    Sum,
)
from django.db.models.fields.json import KT, KeyTextTransform
from django.db.models.functions import Cast

import adj
from adj import q
from tests.shop.models import Book, Review, Tag
from typecheck_tests.plugin.library.models import Screening


async def a_condition_in_a_variable(condition: Q, optional: Q | None) -> None:
    reveal_type((await q(Book).annotate(n=Count("tags", filter=condition)).aget()).n)  # R: int
    reveal_type((await q(Book).annotate(n=Sum("pages", filter=optional)).aget()).n)  # R: int | None
    reveal_type(await q(Book).aaggregate(n=Count("pk", filter=condition)))  # R: TypedDict({'n': int})


async def an_expression_in_a_variable() -> None:
    count = Count("tags")
    reveal_type((await q(Book).annotate(n=count).aget()).n)  # R: int
    reviewed = Exists(q(Review).filter(book=OuterRef("pk")))
    reveal_type((await q(Book).annotate(n=reviewed).aget()).n)  # R: bool
    pages = F("pages")
    double = pages * 2
    reveal_type((await q(Book).annotate(n=double).aget()).n)  # R: int
    wrong = F("pags")
    q(Book).annotate(n=wrong)  # E: Book has no field "pags"; did you mean "pages" or "tags"?  [adj-lookup]


async def a_variable_with_several_values(number: int, expression: F) -> None:
    value = F("pages")
    if number:
        value = F("rating")
    reveal_type((await q(Book).annotate(n=value).aget()).n)  # R: Any
    expression = F("pages")
    reveal_type((await q(Book).annotate(n=expression).aget()).n)  # R: Any


async def positional_expressions(expression: F, name: str) -> None:
    reveal_type(q(Book).values_list("title", Exists(q(Tag))))
    # R: AsyncQuery[Book[TypedDict({'exists1'=: bool})], tuple[str, bool]]
    reveal_type(await q(Book).values_list("title", Subquery(q(Tag).values("name")[:1])).run())
    # R: list[tuple[str, str | None]]
    reveal_type(await q(Book).values_list("pk", KT("metadata__color")).run())  # R: list[tuple[int, str | None]]
    reveal_type(await q(Book).values_list(KeyTextTransform("a", "metadata"), flat=True).run())  # R: list[str | None]
    reveal_type(await q(Book).values_list("title", expression).run())  # R: list[tuple[str, Any]]
    reveal_type(await q(Book).values_list("title", name).run())  # R: list[tuple[str, Any]]


async def names_after_a_star(several: list[str], every: tuple[str, ...]) -> None:
    reveal_type(await q(Book).values_list(*("title", "pages")).run())  # R: list[tuple[str, int]]
    final: Final = ("title", "rating")
    reveal_type(await q(Book).values_list("pages", *final).run())  # R: list[tuple[int, str, float | None]]
    reveal_type(await q(Book).values(*final).run())  # R: list[TypedDict({'title': str, 'rating': float | None})]
    names = ("title", "pages")
    reveal_type(await q(Book).values_list(*names).run())  # R: list[tuple[str, int]]
    literal: Literal["title"] = "title"
    reveal_type(await q(Book).values_list(literal, flat=True).run())  # R: list[str]
    q(Book).order_by(*("titel", "pages"))
    # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]
    q(Book).select_related(*("author", "editor")).only(*final, "author", "editor")
    reveal_type(await q(Book).values_list(*several).run())  # R: list[tuple[Any, ...]]
    reveal_type(await q(Book).values_list(*every).run())  # R: list[tuple[Any, ...]]


async def a_named_tuple_with_an_annotation() -> None:
    rows = await q(Book).values_list("title", named=True).annotate(n=Count("tags")).run()
    reveal_type(rows[0].title)  # R: str
    reveal_type(rows[0][1])  # R: int
    rows[0].n  # E: "Row" has no attribute "n"  [attr-defined]


PRICE: DecimalField[Decimal, Decimal] = DecimalField(max_digits=8, decimal_places=2)


async def output_fields_of_the_module() -> None:
    exact = Cast("pages", PRICE)
    reveal_type((await q(Book).annotate(n=exact).aget()).n)  # R: Decimal
    reveal_type((await q(Book).annotate(n=Cast("subtitle", PRICE)).aget()).n)  # R: Decimal | None
    total = Sum(ExpressionWrapper(F("pages") * F("price"), PRICE))
    reveal_type(await q(Book).aaggregate(total=total))  # R: TypedDict({'total': Decimal | None})


async def output_fields(field: Field[str, str], anything: Any) -> None:
    named = Subquery(q(Tag).values("name")[:1], output_field=CharField())
    reveal_type((await q(Book).annotate(n=named).aget()).n)  # R: str | None
    queryset = Subquery(Tag.objects.values("name")[:1], output_field=CharField())
    reveal_type((await q(Book).annotate(n=queryset).aget()).n)  # R: str | None
    reveal_type((await q(Book).annotate(n=Func(F("pages"), function="f", output_field=PRICE)).aget()).n)  # R: Decimal
    reveal_type((await q(Book).annotate(n=Func(F("pages"), function="f", output_field=field)).aget()).n)  # R: str
    reveal_type((await q(Book).annotate(n=Func(F("pages"), function="f", output_field=anything)).aget()).n)  # R: Any


async def shortcuts(cls: type[Book]) -> None:
    reveal_type(await adj.get_object_or_404(Book, pk=1))  # R: Book[TypedDict({})]
    reveal_type(await adj.get_list_or_404(cls, pages=1))  # R: list[Book[TypedDict({})]]
    books: list[Book] = await adj.get_list_or_404(Book, pages=1)
    print(books)


async def fields_of_postgresql() -> None:
    reveal_type(await q(Screening).values("labels").run())  # R: list[TypedDict({'labels': dict[str, str | None]})]
    reveal_type(await q(Screening).values_list("seats", "days").run())
    # R: list[tuple[Range[int], Range[datetime.date] | None]]
