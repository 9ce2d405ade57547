"""`annotate()`, `alias()` and `extra()`: attributes of rows, and names for later clauses."""

from __future__ import annotations

from typing import Any, reveal_type

from django.db.models import Avg, Count, F, Max, Q, Sum, Value
from django.db.models.functions import Lower

from adj import AsyncQuery, q
from tests.shop.models import Author, Book, Publisher


async def an_annotation_is_an_attribute() -> None:
    book = await q(Book).annotate(tag_count=Count("tags")).aget()
    reveal_type(book.tag_count)  # R: int
    reveal_type(book.title)  # R: str


async def the_row_says_what_it_has() -> None:
    reveal_type(await q(Book).annotate(tag_count=Count("tags")).run())
    # R: list[Book@adj[TypedDict({'tag_count'=: int})]]


async def a_row_has_no_other_attributes() -> None:
    book = await q(Book).annotate(tag_count=Count("tags")).aget()
    book.tag_cuont  # E: "Book" has no attribute "tag_cuont"; did you mean "tag_count"?  [attr-defined]


async def several_annotations() -> None:
    author = await q(Author).annotate(n=Count("books"), first=Max("books__published"), low=Lower("name")).aget()
    reveal_type(author.n)  # R: int
    reveal_type(author.first)  # R: datetime.date | None
    reveal_type(author.low)  # R: str


async def an_annotation_of_an_earlier_one() -> None:
    book = await q(Book).annotate(n=Count("tags")).annotate(more=F("n") + 1, half=F("n") * 0.5).aget()
    reveal_type(book.more)  # R: int
    reveal_type(book.half)  # R: float


async def an_annotation_of_one_in_the_same_call() -> None:
    book = await q(Book).annotate(n=Count("tags"), more=F("n") + 1).aget()
    reveal_type(book.more)  # R: int


async def an_annotation_is_known_to_later_clauses() -> None:
    query = q(Book).annotate(n=Count("tags")).filter(n__gt=1).exclude(Q(n=7)).order_by("-n").values("n")
    reveal_type(await query.run())  # R: list[TypedDict({'n': int})]


async def a_later_clause_knows_the_type_of_an_annotation() -> None:
    q(Book).annotate(n=Count("tags")).filter(n="many")  # E: Book: "n" expects "int", got "str"  [adj-value]


async def an_annotation_that_is_misspelled_later() -> None:
    q(Book).annotate(tag_count=Count("tags")).order_by("-tag_cuont")
    # E: Book has no field "tag_cuont"; did you mean "tag_count"?  [adj-lookup]


async def an_aggregate_without_a_name_has_that_of_django() -> None:
    book = await q(Book).annotate(Count("tags"), Max("chapters__title")).aget()
    reveal_type(book.tags__count)  # R: int
    reveal_type(book.chapters__title__max)  # R: str | None


async def an_expression_without_a_name() -> None:
    q(Book).annotate(Lower("title"))  # E: annotate() requires a name for this expression, as in name=...  [adj-shape]
    q(Book).annotate(Count(F("pages") + 1))
    # E: annotate() requires a name for this expression, as in name=...  [adj-shape]


async def a_name_of_a_field() -> None:
    q(Book).annotate(pages=F("title"))  # E: the annotation "pages" conflicts with a field of Book  [adj-lookup]
    q(Book).annotate(author_id=F("title"))
    # E: the annotation "author_id" conflicts with a field of Book  [adj-lookup]
    q(Book).alias(rating=F("title"))  # E: the annotation "rating" conflicts with a field of Book  [adj-lookup]


async def a_name_of_a_relation_from_the_other_side() -> None:
    q(Book).annotate(chapters=Count("chapters"))
    # E: the annotation "chapters" conflicts with a field of Book  [adj-lookup]


async def a_name_that_an_annotation_has_already() -> None:
    book = await q(Book).annotate(n=Count("tags")).annotate(n=Lower("title")).aget()
    reveal_type(book.n)  # R: str


async def a_column_that_is_not_there() -> None:
    q(Book).annotate(n=Count("tgas"))  # E: Book has no field "tgas"; did you mean "tags"?  [adj-lookup]
    q(Book).annotate(n=F("pages") + F("pgaes"))  # E: Book has no field "pgaes"; did you mean "pages"?  [adj-lookup]


async def an_alias_is_no_attribute() -> None:
    book = await q(Book).alias(n=Count("tags")).filter(n=1).aget()
    book.n  # E: "Book[Row[Has[Nothing]]]" has no attribute "n"  [attr-defined]


async def an_alias_is_known_to_later_clauses() -> None:
    book = await q(Book).alias(n=Count("tags")).order_by("n").annotate(twice=F("n") * 2).aget()
    reveal_type(book.twice)  # R: int


async def annotate_after_values_adds_a_key() -> None:
    reveal_type(await q(Book).values("author__name").annotate(n=Count("id"), mean=Avg("pages")).run())
    # R: list[TypedDict({'author__name': str, 'n': int, 'mean': float})]


async def annotate_before_values_is_selected_by_name() -> None:
    reveal_type(await q(Book).annotate(n=Count("tags")).values("title").aget())  # R: TypedDict({'title': str})
    reveal_type(await q(Book).annotate(n=Count("tags")).values("title", "n").aget())
    # R: TypedDict({'title': str, 'n': int})


async def after_values_the_names_of_other_fields_are_free() -> None:
    reveal_type(await q(Book).values("pages").annotate(title=Max("title")).aget())
    # R: TypedDict({'pages': int, 'title': str})


async def after_values_its_own_names_are_taken() -> None:
    q(Book).values("pages").annotate(pages=Max("title"))
    # E: the annotation "pages" conflicts with a column of the rows  [adj-lookup]


async def groups_are_filtered_by_what_they_have() -> None:
    query = q(Book).values("author").annotate(total=Sum("pages")).filter(total__gt=1_000).order_by("-total")
    reveal_type(await query.aget())  # R: TypedDict({'author': int, 'total': int})


async def a_row_with_annotations_is_a_row_of_the_model() -> None:
    def show(book: Book) -> str:
        return book.title

    show(await q(Book).annotate(n=Count("tags")).aget())


async def a_query_with_annotations_is_one_of_the_model() -> None:
    def shown(query: AsyncQuery[Book]) -> None: ...

    shown(q(Book).annotate(n=Count("tags")))
    shown(q(Book).alias(n=Count("tags")))


async def a_list_of_rows_that_is_returned() -> list[Book]:
    return await q(Book).annotate(n=Count("tags")).run()


async def a_list_of_rows_that_is_handed_over_at_once() -> None:
    def show(books: list[Book]) -> None: ...

    show(await q(Book).annotate(n=Count("tags")).run())
    books: list[Book] = await q(Book).annotate(n=Count("tags")).run()
    show(books)


async def a_list_of_rows_that_was_kept_is_invariant() -> None:
    def show(books: list[Book]) -> None: ...

    books = await q(Book).annotate(n=Count("tags")).run()
    show(books)
    # E: Argument 1 to "show" has incompatible type "list[Book@adj[Row[Has[Keys[Literal['n']]]]]]"; expected "list[B ...
    # N: "list" is invariant -- see https://mypy.readthedocs.io/en/stable/common_issues.html#variance
    # N: Consider using "Sequence" instead, which is covariant
    show([*books])


async def a_list_of_another_model_is_an_error() -> list[Author]:
    return await q(Book).annotate(n=Count("tags")).run()
    # E: Incompatible return value type (got "list[Book@adj[Row[Has[Keys[Literal['n']]]]]]", expected "list[Author]" ...


async def a_variable_that_is_annotated_step_by_step(with_tags: bool) -> None:
    query = q(Book).filter(pages__gt=3)
    query = query.annotate(n=Count("tags"))
    reveal_type((await query.aget()).n)  # R: int


async def annotations_in_a_comprehension() -> None:
    books = await q(Book).annotate(n=Count("tags")).run()
    reveal_type({book.title: book.n for book in books})  # R: dict[str, int]
    reveal_type(max(books, key=lambda book: book.n).n)  # R: int
    reveal_type(sorted(books, key=lambda book: book.n)[0].n)  # R: int


async def annotations_stay_beside_loaded_relations() -> None:
    book = await q(Book).select_related("author").annotate(n=Count("tags")).aget()
    reveal_type(book.author.name)  # R: str
    reveal_type(book.n)  # R: int


async def the_operand_is_a_variable(bonus: int, label: str) -> None:
    book = await q(Book).annotate(more=F("pages") + bonus, label=Value(label), plain=bonus).aget()
    reveal_type(book.more)  # R: int
    reveal_type(book.label)  # R: str
    reveal_type(book.plain)  # R: int


async def names_that_are_unpacked(expressions: dict[str, Any]) -> None:
    query = q(Book).annotate(**expressions)
    book = await query.filter(anything=1).order_by("whatever").aget()
    reveal_type(book.anything)  # R: Any
    reveal_type(book.title)  # R: str
    reveal_type(await query.values("title", "anything").aget())  # R: TypedDict({'title': str, 'anything': Any})


async def names_that_are_unpacked_beside_others(expressions: dict[str, Any]) -> None:
    book = await q(Book).annotate(n=Count("tags"), **expressions).aget()
    reveal_type(book.n)  # R: int
    reveal_type(book.anything)  # R: Any


async def names_that_are_unpacked_into_an_alias(expressions: dict[str, Any]) -> None:
    reveal_type(await q(Book).alias(**expressions).filter(anything=1).values("title").aget())
    # R: TypedDict({'title': str})


async def names_that_are_unpacked_after_values(expressions: dict[str, Any]) -> None:
    reveal_type(await q(Book).values("title").annotate(**expressions).aget())  # R: dict[str, Any]
    reveal_type(await q(Book).values_list("title").annotate(**expressions).aget())  # R: tuple[Any, ...]


async def all_columns_with_names_that_are_not_known(expressions: dict[str, Any]) -> None:
    reveal_type(await q(Book).annotate(**expressions).values().aget())  # R: dict[str, Any]
    reveal_type(await q(Book).annotate(**expressions).values_list().aget())  # R: tuple[Any, ...]


async def an_expression_that_is_kept_in_a_variable() -> None:
    count = Count("tags")
    book = await q(Book).annotate(n=count).aget()
    reveal_type(book.n)  # R: int


async def columns_of_hand_written_sql() -> None:
    book = await q(Book).extra(select={"is_new": "published > '2020-01-01'"}).aget()
    reveal_type(book.is_new)  # R: Any
    reveal_type(book.pages)  # R: int


async def hand_written_sql_is_selected_by_name() -> None:
    reveal_type(await q(Book).extra(select={"is_new": "1"}).values("title", "is_new").aget())
    # R: TypedDict({'title': str, 'is_new': Any})
    reveal_type(await q(Book).extra(select={"is_new": "1"}).order_by("is_new").values_list().aget())
    # R: tuple[Any, ...]


async def hand_written_conditions_add_nothing() -> None:
    reveal_type(await q(Publisher).extra(where=["founded > 1900"]).aget())  # R: Publisher[TypedDict({})]
