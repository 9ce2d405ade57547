"""Messages say what a user needs: facts, what was expected, what to write; their tracebacks end at the user's line."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Lower

import adj
from adj import InvalidOperand, ShapeError, UnknownField, UnknownLookup, q
from adj.errors import InvalidFormat, InvalidOrder
from tests.running import run
from tests.shop.models import Author, Book, Note

# Any: type checkers report these mistakes.
books: Any = q(Book)
authors: Any = q(Author)


def error_of(mistake: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011  # the tests look at its class
        mistake()
    return raised.value


MISTAKES: list[Callable[[], object]] = [
    lambda: books.filter(autor__name="x"),
    lambda: books.exclude(title__contians="x"),
    lambda: books.filter(pages="many"),
    lambda: books.filter(published="31.12.2020"),
    lambda: books.order_by("author__nme"),
    lambda: books.order_by(5),
    lambda: books.values("nope"),
    lambda: books.values_list("nope", flat=True),
    lambda: books.annotate(n=Count("nope")),
    lambda: books.only("nope"),
    lambda: books.select_related("autor"),
    lambda: books.prefetch_related("tagz"),
    lambda: books.dates("nope", "year"),
    lambda: books[:10].filter(pages=1),
    lambda: books.union(books).annotate(n=Count("tags")),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_traceback_ends_at_the_query_method_of_the_users_line(mistake: Callable[[], object]) -> None:
    error = error_of(mistake)
    frames = traceback.extract_tb(error.__traceback__)
    assert frames[-2].filename == __file__
    assert len(traceback.format_exception(error)) - 2 == len(frames), "Django's error is shown as well"


AWAITED_MISTAKES: list[tuple[Callable[[], Coroutine[Any, Any, object]], type[Exception]]] = [
    (lambda: books.aaggregate(n="tags"), ShapeError),
    (lambda: books.aaggregate("tags"), ShapeError),
    (lambda: books.aaggregate(n=Sum("nope")), UnknownField),
    (lambda: books.aaggregate(n=F("pages")), ShapeError),
    (lambda: books.aaggregate(Sum(F("pages") + 1)), ShapeError),
    (lambda: books.aearliest("nope"), UnknownField),
    (lambda: books.aearliest(5), InvalidOrder),
    (lambda: books.alatest("author__nme"), UnknownField),
    (lambda: books[:3].alatest("nope"), ShapeError),
]


@pytest.mark.parametrize(("mistake", "expected"), AWAITED_MISTAKES)
def test_a_traceback_ends_at_the_terminal_method_of_the_users_line(
    mistake: Callable[[], Coroutine[Any, Any, object]], expected: type[Exception]
) -> None:
    async def view() -> None:
        await mistake()

    error = error_of(lambda: run(view()))
    assert type(error) is expected
    frames = traceback.extract_tb(error.__traceback__)
    assert frames[-2].name == "view"
    assert len(traceback.format_exception(error)) - 2 == len(frames), "Django's error is shown as well"


def test_messages_of_aggregates_and_orders() -> None:
    assert str(error_of(lambda: run(books.aaggregate(n="tags")))) == (
        "aaggregate() expects aggregates; got str for 'n'. Write Count(\"tags\"), or another aggregate. "
        "The query so far: q(Book).aaggregate(n=...)"
    )
    assert str(error_of(lambda: books.order_by(5))) == (
        "order_by() expects names or expressions; got int. Pass each name as a separate argument, and a list as "
        "`*names`. The query so far: q(Book).order_by(int(...))"
    )


def test_a_type_error_of_the_projects_aggregate_stays_as_it_is() -> None:
    class Broken(Sum):
        def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
            raise TypeError("broken by the project")

    error = error_of(lambda: run(books.aaggregate(n=Broken("pages"))))
    assert type(error) is TypeError
    assert str(error) == "broken by the project"


def test_an_aggregate_of_a_projects_queryset_raises_what_it_raises() -> None:
    class Strict(QuerySet[Book, Book]):
        def aggregate(self, *args: Any, **kwargs: Any) -> Any:
            raise FieldError("not here")

    with pytest.raises(FieldError, match="not here"):
        run(q(Strict(Book)).aaggregate(n="tags"))


def test_the_traceback_of_a_field_typo_has_at_most_15_lines() -> None:
    def view() -> None:
        books.filter(autor__name="Le Guin").order_by("title")

    lines = "".join(traceback.format_exception(error_of(view))).splitlines()
    assert len(lines) <= 15, "\n".join(lines)


def test_an_error_of_the_projects_code_stays_the_cause() -> None:
    class Broken(F):
        def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
            raise TypeError("broken by the project")

    error = error_of(lambda: books.annotate(n=Broken("pages")))
    assert isinstance(error, ShapeError)
    assert str(error.__cause__) == "broken by the project"


def test_pytest_hides_the_query_method(tmp_path: Path) -> None:
    (tmp_path / "test_view.py").write_text(
        textwrap.dedent(
            """
            import os

            os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

            import django

            django.setup()

            from adj import q
            from tests.shop.models import Book


            def test_view():
                q(Book).filter(autor__name="x")
            """
        )
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", str(tmp_path)]
    root = Path(__file__).parents[2]
    output = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root).stdout
    assert 'q(Book).filter(autor__name="x")' in output
    assert "UnknownField: Book has no field" in output
    assert "async_query.py" not in output


def test_a_long_list_of_choices_is_cut_to_the_nearest_five() -> None:
    error = error_of(lambda: books.filter(autor="x"))
    assert isinstance(error, UnknownField)
    more = len(error.choices) - 5
    assert str(error) == (
        'Book has no field "autor"; did you mean "author"? '
        f"Choices are: author, author_id, category, editor, category_id, and {more} more."
    )


def test_a_short_list_of_choices_is_whole() -> None:
    error = UnknownField(model="Book", path="x", part="x", choices=["a", "b"])
    assert str(error) == 'Book has no field "x". Choices are: a, b.'


def test_no_list_of_choices_is_shown_where_there_are_none() -> None:
    error = UnknownLookup(model="Book", path="title__x", field='CharField "Book.title"', lookup="x", choices=())
    assert str(error) == 'CharField "Book.title" has no lookup or transform "x" (in "title__x").'


_CONDITIONS = "expects lookups as keyword arguments, Q objects or conditional expressions; got"
_WRITE_TAGS = 'Write F("tags") for the value of a field, or Value(...) for a constant.'
_WRITE_FIELD = 'Write F("field") for the value of a field, or Value(...) for a constant.'

ARGUMENTS: list[tuple[Callable[[], object], str, str]] = [
    (lambda: books.filter(5), f"filter() {_CONDITIONS} int.", "Write a lookup as filter(field=value)."),
    (lambda: books.exclude("title"), f"exclude() {_CONDITIONS} str.", "Write a lookup as exclude(title=value)."),
    (lambda: books.filter("pk"), f"filter() {_CONDITIONS} str.", "Write a lookup as filter(pk=value)."),
    (lambda: books.annotate(n="tags"), "annotate() expects expressions; got str for 'n'.", _WRITE_TAGS),
    (lambda: books.alias(3), "alias() expects expressions; got int.", _WRITE_FIELD),
    (lambda: books.values(n="tags"), "values() expects expressions; got str for 'n'.", _WRITE_TAGS),
    (
        lambda: authors.dates("name", "year"),
        'dates() expects the name of a DateField; "name" is a CharField.',
        "DateFields of Author are: created, updated, born.",
    ),
    (
        lambda: books.datetimes("published", "year"),
        'datetimes() expects the name of a DateTimeField; "published" is a DateField.',
        "DateTimeFields of Book are: released.",
    ),
]


@pytest.mark.parametrize(("mistake", "reason", "advice"), ARGUMENTS)
def test_an_argument_of_a_wrong_type_is_named_with_what_to_write(
    mistake: Callable[[], object], reason: str, advice: str
) -> None:
    error = error_of(mistake)
    assert isinstance(error, ShapeError)
    assert str(error).startswith(f"{reason} {advice} The query so far: q(")


def test_text_that_cannot_be_parsed_is_answered_with_the_format() -> None:
    error = error_of(lambda: books.filter(published="31.12.2020"))
    assert isinstance(error, InvalidFormat)
    assert str(error) == (
        'Book: "published" expects date (DateField), or text in the format YYYY-MM-DD; got str that cannot be parsed.'
    )
    assert "HH:MM" in str(error_of(lambda: books.filter(released="noon")))


def test_a_value_of_a_wrong_type_is_named_by_its_type() -> None:
    error = error_of(lambda: books.filter(pages__in=[1, "two"]))
    assert isinstance(error, InvalidOperand)
    assert str(error) == ('Book: "pages__in" expects an iterable of int (PositiveIntegerField); got list of int, str.')


def test_an_unknown_method_is_suggested_once() -> None:
    error = error_of(lambda: books.fliter)
    assert isinstance(error, AttributeError)
    assert str(error) == "AsyncQuery has no attribute 'fliter'"
    # The interpreter adds the suggestion, from these two; the traceback module does so from Python 3.12 on.
    assert error.name == "fliter"
    is_same = error.obj is books  # Not in the assertion, from which mypy narrows `books`.
    assert is_same
    if sys.version_info >= (3, 12):
        assert traceback.format_exception_only(error) == [
            "AttributeError: AsyncQuery has no attribute 'fliter'. Did you mean: 'filter'?\n"
        ]
    assert str(error_of(lambda: books.count)) == (
        "AsyncQuery has no attribute 'count'; use `await query.acount()`, or `query.queryset` in synchronous code"
    )
    assert ".." not in str(error_of(lambda: books.as_manager))


def test_select_related_says_which_method_takes_relations_to_several_rows() -> None:
    assert str(error_of(lambda: books.select_related("tags"))).startswith(
        '"tags" of Book leads to several rows and cannot be used in select_related(); use prefetch_related("tags").'
    )
    assert str(error_of(lambda: books.select_related("title"))).startswith(
        '"title" of Book is not a relation and cannot be used in select_related().'
    )


QUERIES = [
    "q(Book).filter(Q(title='a') | ~Q(pages=1))",
    "q(Book).filter(~(Q(title='a') | Q(pages=1)), Q(pages=3) ^ Q(pages=2))",
    "q(Book).filter(Q(pages=1, title='a') | Q(pages=2))",
    "q(Book).filter(Q(pages=1) & Q(pages=2))",
    "q(Book).filter(Q(pages=1) & (Q(title='x') | Q(title='y')))",
    "q(Book).filter(Q(~Q(pages=1), title='x'))",
    "q(Book).annotate(n=Count(F('tags')))",
    "q(Book).annotate(n=Count('tags', filter=Q(pages=1), distinct=True))",
    "q(Book).annotate(n=(F('pages') + Value(1)) * F('weight'))",
    "q(Book).annotate(n=Case(When(pages__gt=1, then=Value('x')), default=Lower('title')))",
    "q(Book).annotate(n=ExpressionWrapper(F('pages') * Value(2), output_field=IntegerField()))",
]
NAMES = {
    each.__name__: each for each in (q, Book, Q, F, Value, Count, Case, When, Lower, ExpressionWrapper, IntegerField)
}


@pytest.mark.parametrize("code", QUERIES)
def test_the_repr_of_a_query_is_the_code_that_writes_it(code: str) -> None:
    query = eval(code, NAMES)  # noqa: S307  # the code above
    assert repr(query) == f"<AsyncQuery: {code}>"


def test_an_expression_without_a_constructor_to_show_is_named() -> None:
    query = q(Book).filter(~Exists(authors)).alias(one=FilteredRelation("author"))
    assert repr(query) == "<AsyncQuery: q(Book).filter(~Exists(...)).alias(one=FilteredRelation(...))>"


def test_the_repr_of_a_related_query_names_the_relation() -> None:
    author: Any = Author(pk=3)
    assert repr(adj.related(author, "books")) == "<RelatedQuery: adj.related(<Author 3>, 'books')>"
    assert repr(adj.related(author.books)) == "<RelatedQuery: adj.related(<manager of <Author 3>>)>"


def test_a_relation_to_a_single_row_has_no_related_query() -> None:
    for instance, name in ((Book(pk=1), "author"), (Author(pk=1), "profile"), (Note(pk=1), "target")):
        with pytest.raises(TypeError, match=rf"{name} leads to a single row\. Load it with `await adj\.load"):
            adj.related(instance, name)
