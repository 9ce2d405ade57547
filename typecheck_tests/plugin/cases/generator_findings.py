"""What generated queries found: expressions that Django refuses, and values that only some databases give."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import reveal_type

from django.db.models import (
    Avg,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
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
    Abs,
    Cast,
    Coalesce,
    ExtractMonth,
    Ln,
    Lower,
    Mod,
    NullIf,
    RowNumber,
    Sqrt,
    TruncDate,
    TruncMonth,
)

from adj import q
from tests.shop.models import Author, Book, Contribution, Customer, Order, OrderLine, Reader, Tag


async def mixed_types_in_coalesce() -> None:
    q(Book).annotate(n=Coalesce(F("reading_time"), Value(5)))  # E: Django rejects this expression...


async def text_added_to_a_number() -> None:
    q(Book).annotate(n=F("pages") + Value("a"))  # E: Django rejects this expression...


async def a_part_of_what_is_no_date() -> None:
    q(Book).annotate(n=ExtractMonth("pages"))  # E: Django rejects this expression...


async def a_date_of_a_number() -> None:
    q(Book).annotate(n=TruncDate(Value(5)))  # E: Django rejects this expression...


async def a_refused_expression_in_an_aggregate() -> None:
    await q(Book).aaggregate(n=Sum(F("pages") + Value("a")))  # E: Django rejects this expression...


async def an_output_field_ends_the_doubt() -> None:
    reveal_type((await q(Book).annotate(n=Coalesce("title", "subtitle", output_field=CharField())).aget()).n)  # R: str


async def a_wrapped_condition_is_no_mix() -> None:
    row = await q(Book).annotate(n=ExpressionWrapper(F("pages") * F("rating"), FloatField())).aget()
    reveal_type(row.n)  # R: float | None


async def a_variable_in_an_expression(days: int, at: datetime.date) -> None:
    reveal_type((await q(Author).annotate(n=Coalesce("born", Value(at))).aget()).n)  # R: datetime.date
    reveal_type((await q(Book).annotate(n=F("pages") + days).aget()).n)  # R: int


async def a_variable_of_a_wrong_type(days: int) -> None:
    q(Author).annotate(n=Coalesce("born", Value(days)))  # E: Django rejects this expression...


async def an_annotation_of_which_only_the_type_is_known() -> None:
    row = await q(Book).annotate(n=Count("tags")).annotate(m=Coalesce(F("n"), Value(0))).aget()
    reveal_type(row.m)  # R: int


async def an_annotation_that_does_not_fit_whatever_its_field() -> None:
    q(Book).annotate(n=Count("tags")).annotate(m=Coalesce(F("n"), Value("none")))
    # E: Django rejects this expression: Expression contains mixed types: IntegerField, CharField...


async def a_case_whose_condition_has_an_instance() -> None:
    row = await q(Order).annotate(n=Case(When(customer=Customer(pk=1), then=Value(3)), default=Value(4))).aget()
    reveal_type(row.n)  # R: int


async def a_case_whose_condition_is_a_q() -> None:
    row = await q(Book).annotate(n=Case(When(Q(pages__gt=3), Value("long")))).aget()
    reveal_type(row.n)  # R: str | None


async def a_case_whose_condition_and_result_are_variables(number: int, size: int) -> None:
    row = await q(Book).annotate(n=Case(When(pages=number, then=Value(size)), default=Value(1))).aget()
    reveal_type(row.n)  # R: int


async def a_root_of_what_may_be_negative() -> None:
    row = await q(Book).annotate(n=Sqrt("pages"), m=Ln("pages")).aget()
    reveal_type(row.n)  # R: float | None
    reveal_type(row.m)  # R: float | None


async def division_by_what_may_be_zero() -> None:
    row = await q(OrderLine).annotate(n=F("cents") / F("quantity"), m=F("cents") / 2).aget()
    reveal_type(row.n)  # R: int | None
    reveal_type(row.m)  # R: int


async def the_rest_of_a_division() -> None:
    row = (
        await q(OrderLine).annotate(n=Mod("cents", 7), m=Mod("cents", "quantity"), k=F("cents") % F("quantity")).aget()
    )
    reveal_type(row.n)  # R: float
    reveal_type(row.m)  # R: float | None
    reveal_type(row.k)  # R: int | None


async def values_of_all_columns_leave_their_names_free() -> None:
    rows = await q(OrderLine).values().annotate(quantity=Window(RowNumber(), order_by="number")).run()
    reveal_type(rows[0]["quantity"])  # R: int


async def values_of_one_column_do_not() -> None:
    q(OrderLine).values("quantity").annotate(quantity=Count("book"))  # E: the annotation "quantity" conflicts with...


async def an_own_lookup_whose_value_the_field_prepares() -> None:
    q(Book).filter(pages__ne=3, title__ne="Emma", title__matches="Em*")
    q(Book).filter(pages__ne=datetime.date(2020, 1, 1))  # E: Book: "pages__ne" expects "int", got "date"  [adj-value]


async def an_own_lookup_with_what_is_known_when_it_runs(number: object) -> None:
    q(Book).filter(price__ne=Decimal(3), pages__ne=F("weight"))


async def a_cast_of_a_constant() -> None:
    reveal_type((await q(Author).annotate(n=Cast(Value(-2), FloatField())).aget()).n)  # R: float


async def the_key_is_deferred_by_its_name_alone() -> None:
    q(Book).defer("pk")  # E: Book has no field "pk"...
    q(Book).defer("id")
    q(Book).only("pk", "title")
    q(Book).only("title").defer("pk")


async def the_columns_of_a_key_of_several_are_always_there() -> None:
    line = await q(OrderLine).only("cents").aget()
    line.number
    line.order_id
    line.quantity  # E: "OrderLine.quantity" is deferred by the query...


async def what_is_joined_to_a_parents_part_is_not_kept() -> None:
    reader = await q(Reader).select_related("item_ptr__maker").aget()
    reader.maker  # E: "Reader.maker" is not loaded...
    q(Reader).select_related("item_ptr__makers")  # E: Item has no single-valued relation "makers"...


async def what_is_prefetched_with_a_parents_part_is_there() -> None:
    reader = await q(Reader).prefetch_related("item_ptr__maker").aget()
    reader.maker


async def a_wrong_part_beside_a_nested_query() -> None:
    nested = q(Book).filter(author=OuterRef("pk")).values("published")[:1]
    q(Author).annotate(n=NullIf(TruncMonth(Value(1.5)), Subquery(nested)))  # E: Django rejects this expression...
    row = await q(Author).annotate(n=NullIf(TruncMonth("born"), Subquery(nested))).aget()
    reveal_type(row.n)  # R: datetime.date | None


async def values_list_leaves_names_free() -> None:
    q(OrderLine).values_list("number", "book").annotate(quantity=Count("book"))


async def a_part_that_django_refuses_beside_an_annotation() -> None:
    numbered = q(Tag).annotate(one=F("weight"))
    numbered.annotate(two=Case(When(one=1, then=Value(Decimal("2.5")) + Value("e")), default=Abs(F("one"))))
    # E: Django rejects this expression: Cannot infer type of '+' expression involving these types: ...


async def what_follows_an_annotation_fits_its_type() -> None:
    query = (
        q(Author)
        .values_list("born")
        .annotate(
            updated=Exists(q(Contribution).filter(pk=OuterRef("pk"))),
            n=Count("books", filter=Q(updated__isnull=True, updated=True)),
            m=Count("books", filter=Q(updated__time__gt=datetime.time(0, 0))),
            # E: the annotation "updated" has no lookup or transform "time" (in "updated__time__gt")...
        )
    )
    query.filter(updated__exact=True, n__abs__gt=3)
    query.filter(n__year=3)  # E: the annotation "n" has no lookup or transform "year" (in "n__year")...
    named = q(Author).annotate(small=Lower("name"), last=Max("books__released"))
    named.filter(small__icontains="a", small__length__gt=3, last__date__year=2020, last__time__hour__gte=3)
    named.filter(small__year=3)  # E: the annotation "small" has no lookup or transform "year" (in "small__year")...
    named.filter(last__ne=datetime.date(2000, 1, 1))


async def a_condition_names_annotations_before_it() -> None:
    is_read = Exists(q(Book).filter(author=OuterRef("pk")))
    q(Author).annotate(read=is_read, n=Count("books", filter=Q(read=True)), m=F("n") + 1).filter(m__gt=F("n"))
    q(Author).annotate(n=Count("books", filter=Q(read=True)), read=is_read)  # E: Author has no field "read"...
    q(Author).alias(n=Count("books"), m=Count("books", filter=Q(n="3")))  # E: Author: "n" expects "int", got "str"...


async def types_that_no_field_lets_mix() -> None:
    first = q(Book).filter(author=OuterRef("pk")).values("price")[:1]
    q(Author).annotate(n=Subquery(first) + Value("ace"))
    # E: Django rejects this expression: Cannot infer type of '+' expression involving these types: Dec...
    q(Author).annotate(n=Subquery(first) + Value(1), m=Subquery(first) + Value(Decimal("1.5")))
    query = q(Book).annotate(day=TruncMonth("released"), low=Lower("title"), by=F("author"), size=F("pages"))
    query.annotate(n=TruncMonth(Case(When(pk=1, then=F("day")), default=Value(5))))  # E: Django rejects this...
    query.annotate(n=Case(When(pk=1, then=F("low")), default=F("subtitle")))
    query.annotate(n=Case(When(pk=1, then=F("by")), default=F("publisher")))
    query.annotate(n=Case(When(pk=1, then=F("size")), default=F("weight")))


async def an_aggregate_beside_aggregates_alone_is_over_all_rows() -> None:
    query = q(Book).annotate(mean=Avg("price"), n=Count("tags"), low=Lower("title"))
    reveal_type(await query.values("mean").aget())  # R: TypedDict({'mean': Decimal})
    chain = q(Book).annotate(mean=Avg("price"), n=Count("tags"), low=Lower("title")).values_list("mean", "n")
    reveal_type(await chain.aget())  # R: tuple[Decimal, int]
    row = await q(Book).annotate(mean=Avg("price")).values("mean").annotate(all=Count("*")).aget()
    reveal_type(row)  # R: TypedDict({'mean': Decimal | None, 'all': int})
    one = await q(Book).annotate(mean=Avg("price"), n=Count("tags")).values_list("n", "mean").alias(x=Count("*")).aget()
    reveal_type(one)  # R: tuple[int, Decimal | None]
    flat = await q(Book).annotate(mean=Avg("price")).values_list("mean", flat=True).alias(x=Count("*")).aget()
    reveal_type(flat)  # R: Decimal | None
    by = await q(Book).annotate(low=Lower("title")).values("low").annotate(mean=Avg("price")).aget()
    reveal_type(by)  # R: TypedDict({'low': str, 'mean': Decimal})
