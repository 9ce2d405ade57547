"""The rows of `values()`."""

from __future__ import annotations

from typing import Any, Final, Literal, reveal_type

from django.db.models import Count, F
from django.db.models.functions import Lower

from adj import q
from tests.shop.models import Author, Book, BookDetail, Depot, Gadget, Note, OrderLine, Shelf
from typecheck_tests.plugin.library.models import Film, LongFilm

TITLE: Final = "title"


async def columns_of_the_model() -> None:
    reveal_type(await q(Book).values("title", "pages").run())  # R: list[TypedDict({'title': str, 'pages': int})]
    reveal_type(await q(Book).values_list("title", "pages").aget())  # R: tuple[str, int]
    reveal_type(await q(Book).values_list("pages", flat=True).afirst())  # R: int | None


async def columns_of_relations() -> None:
    row = await q(Book).values("author__name", "author").aget()
    reveal_type(row["author__name"])  # R: str


async def a_name_that_is_not_there() -> None:
    q(Author).values("nmae")  # E: Author has no field "nmae"; did you mean "name"?  [adj-lookup]


async def all_columns_of_a_model_without_names() -> None:
    reveal_type(await q(BookDetail).values().aget())  # R: TypedDict({'book_id': int, 'summary': str, 'printings': int})
    reveal_type(await q(Depot).values().aget())  # R: TypedDict({'id': int, 'name': str, 'publisher_id': str})


async def all_columns_have_a_foreign_key_by_its_column() -> None:
    row = await q(Book).values().aget()
    reveal_type(row["author_id"])  # R: int
    reveal_type(row["editor_id"])  # R: int | None
    row["author"]
    # E: "author" is not a valid TypedDict key; expected one of ("id", "title", "subtitle", "isbn", "author_id", ...)...


async def all_columns_of_a_child_have_those_of_its_parents() -> None:
    reveal_type(await q(Gadget).values().aget())
    # R: TypedDict({'id': int, 'name': str, 'price': Decimal, 'maker_id': int | None, 'item_ptr_id': int, 'voltage': ...
    reveal_type(await q(Film).values().aget())
    # R: TypedDict({'id': int, 'name': str, 'shelf_id': int, 'added': datetime.date, 'medium_ptr_id': int, 'minutes':...


async def all_columns_of_a_proxy_are_those_of_its_model() -> None:
    reveal_type(await q(LongFilm).values("minutes", "name", "shelf__name").aget())
    # R: TypedDict({'minutes': int, 'name': str, 'shelf__name': str})


async def a_generic_foreign_key_is_its_two_columns() -> None:
    reveal_type(await q(Note).values().aget())
    # R: TypedDict({'id': int, 'content_type_id': int, 'object_id': int, 'text': str})
    q(Note).values("target")
    # E: "Note.target" is a generic foreign key, not a column; use its content type and object ID  [adj-l...


async def a_generic_relation_is_a_path() -> None:
    reveal_type(await q(Book).values("notes__text").aget())  # R: TypedDict({'notes__text': str | None})


async def a_key_that_was_not_selected() -> None:
    row = await q(Book).values("title").aget()
    row["pages"]  # E: "pages" is not a valid TypedDict key; expected one of ("title")  [misc]


async def a_relation_is_its_key() -> None:
    reveal_type(await q(Book).values("author", "author_id", "author__id", "pk").aget())
    # R: TypedDict({'author': int, 'author_id': int, 'author__id': int, 'pk': int})
    reveal_type(await q(Depot).values("publisher", "publisher_id").aget())
    # R: TypedDict({'publisher': str, 'publisher_id': str})


async def a_nullable_relation_makes_its_columns_nullable() -> None:
    reveal_type(await q(Book).values("editor", "editor__name", "publisher__country__code").aget())
    # R: TypedDict({'editor': int | None, 'editor__name': str | None, 'publisher__country__code': str | None})


async def a_nullable_step_in_the_middle_is_enough() -> None:
    reveal_type(await q(Book).values("author__publisher__name").aget())
    # R: TypedDict({'author__publisher__name': str | None})


async def a_reverse_relation_may_have_no_row() -> None:
    reveal_type(await q(Author).values("books__title", "profile__bio", "profile").aget())
    # R: TypedDict({'books__title': str | None, 'profile__bio': str | None, 'profile': int | None})
    reveal_type(await q(Book).values("tags", "tags__weight", "chapters").aget())
    # R: TypedDict({'tags': int | None, 'tags__weight': int | None, 'chapters': int | None})


async def a_transform_has_its_own_type() -> None:
    reveal_type(await q(Book).values("published__year", "released__date", "author__created__month").aget())
    # R: TypedDict({'published__year': int | None, 'released__date': datetime.date | None, 'author__created__month': ...


async def a_lookup_is_no_column() -> None:
    q(Book).values("title__icontains")
    # E: Book: "title__icontains" ends in the lookup "icontains" and is not a column  [adj-lookup]


async def a_json_column_and_paths_into_it() -> None:
    reveal_type(await q(Book).values("metadata", "metadata__language", "metadata__editions__0").aget())
    # R: TypedDict({'metadata': Any | None, 'metadata__language': Any | None, 'metadata__editions__0': Any | None})


async def an_array_and_one_of_its_items() -> None:
    reveal_type(await q(Shelf).values("numbers", "labels", "numbers__0", "numbers__len").aget())
    # R: TypedDict({'numbers': list[int], 'labels': list[str] | None, 'numbers__0': int | None, 'numbers__len': int})


async def a_composite_key_is_a_tuple() -> None:
    reveal_type(await q(OrderLine).values("pk", "order", "number").aget())
    # R: TypedDict({'pk': tuple[UUID, int], 'order': UUID, 'number': int})


async def a_generated_column_has_the_type_of_its_output() -> None:
    reveal_type(await q(OrderLine).values("total").aget())  # R: TypedDict({'total': int})


async def a_field_of_the_project_has_what_it_makes_of_the_database() -> None:
    reveal_type(await q(Book).values("cost").aget())  # R: TypedDict({'cost': Money | None})


async def choices_and_binary_columns() -> None:
    reveal_type(await q(Book).values("format", "cover", "reference").aget())
    # R: TypedDict({'format': str, 'cover': bytes | memoryview[int] | None, 'reference': UUID})


async def an_expression_by_name() -> None:
    reveal_type(await q(Book).values("title", low=Lower("title"), more=F("pages") + 1).aget())
    # R: TypedDict({'title': str, 'low': str, 'more': int})


async def an_expression_without_a_name() -> None:
    q(Book).values("title", Lower("title"))
    # E: values() requires a name for this expression, as in name=...  [adj-shape]


async def an_expression_that_has_the_name_of_a_field() -> None:
    q(Book).values(pages=F("title"))  # E: the annotation "pages" conflicts with a field of Book  [adj-lookup]
    q(Book).values("title", title=F("pages"))  # E: the annotation "title" conflicts with a field of Book  [adj-lookup]


async def an_annotation_is_a_column() -> None:
    query = q(Book).annotate(tag_count=Count("tags"))
    reveal_type(await query.values("title", "tag_count").aget())  # R: TypedDict({'title': str, 'tag_count': int})
    reveal_type((await query.values().aget())["tag_count"])  # R: int


async def an_alias_is_no_column() -> None:
    query = q(Book).alias(tag_count=Count("tags"))
    query.values("tag_count")  # E: "tag_count" is an alias, not a column; use annotate() to select it  [adj-lookup]
    (await query.values().aget())["tag_count"]
    # E: "tag_count" is not a valid TypedDict key; expected one of ("id", "title", "subtitle", "isbn", "author_id", ....


async def an_alias_becomes_a_column_by_annotate() -> None:
    query = q(Book).alias(tag_count=Count("tags")).annotate(n=F("tag_count"))
    reveal_type(await query.values("n").aget())  # R: TypedDict({'n': int})


async def the_last_values_count() -> None:
    reveal_type(await q(Book).values("title").values("pages").aget())  # R: TypedDict({'pages': int})
    reveal_type(await q(Book).values("title", n=Count("tags")).values("n").aget())  # R: TypedDict({'n': int})
    reveal_type(await q(Book).values_list("title").values("pages").aget())  # R: TypedDict({'pages': int})


async def what_values_did_not_select_is_no_column_any_more() -> None:
    q(Book).annotate(n=Count("tags")).values("title").values("n")
    # E: "n" is an alias, not a column; use annotate() to select it  [adj-lookup]


async def all_columns_after_others_have_the_annotations() -> None:
    row = await q(Book).values("title").annotate(n=Count("id")).values().aget()
    reveal_type(row["n"])  # R: int
    reveal_type(row["pages"])  # R: int


async def other_clauses_keep_the_columns() -> None:
    query = q(Book).values("title").filter(pages__gt=3).exclude(title="").order_by("-title").distinct()
    reveal_type(await query.reverse()[:3].run())  # R: list[TypedDict({'title': str})]


async def a_name_in_a_constant_or_a_literal(name: Literal["pages"]) -> None:
    reveal_type(await q(Book).values(TITLE, name).aget())  # R: TypedDict({'title': str, 'pages': int})


async def a_name_that_is_computed(name: str) -> None:
    reveal_type(await q(Book).values(name).aget())  # R: dict[str, Any]
    reveal_type(await q(Book).values("title", f"{name}__id").aget())  # R: dict[str, Any]


async def names_that_are_unpacked(names: list[str], expressions: dict[str, Any]) -> None:
    reveal_type(await q(Book).values(*names).aget())  # R: dict[str, Any]
    reveal_type(await q(Book).values("title", **expressions).aget())  # R: dict[str, Any]


async def a_row_is_given_to_a_typed_dict_of_the_same_keys() -> None:
    def show(row: dict[str, object]) -> None: ...

    show(dict(await q(Book).values("title").aget()))
