"""Queries start as their owner made them: what a project's QuerySet, manager or Query does itself is called, as Django
calls it, at the user's line and with the user's values.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db.models import Count, Exists, F, Manager, OuterRef, Prefetch, Q, QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql import Query

import adj
from adj import q
from adj.errors import UnknownField, UnsupportedFeature
from adj.events import QueryEvent
from tests.running import run as run_typed
from tests.shop.models import Author, Book, Contribution, Publisher, Tag

Build = Callable[[Any], Any]

# Methods of the project's return what they like.
run: Callable[[Any], Any] = run_typed

pytestmark = pytest.mark.usefixtures("empty_plan_cache", "first_tenant")


def manager_of(queryset_class: Any, manager_class: Any = Manager, model: Any = Book) -> Any:
    """A manager of a model, as if the model had it."""
    manager = manager_class.from_queryset(queryset_class)() if queryset_class is not None else manager_class()
    manager.model = model
    return manager


@pytest.fixture
def default_manager(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Lets a manager be the default one of its model."""

    def be_default(manager: Any) -> Any:
        monkeypatch.setitem(manager.model._meta.__dict__, "default_manager", manager)
        return manager

    return be_default


@pytest.fixture
def first_tenant() -> Iterator[None]:
    token = tenant.set(TENANTS[0])
    yield
    tenant.reset(token)


def titles(rows: Any) -> list[Any]:
    return sorted(getattr(row, "title", row) for row in rows)


# -- related managers with a join of their own -------------------------------------------------------------------------

STICKY: dict[str, Build] = {
    "filter": lambda books: books.filter(contributions__role="author"),
    "filter with several conditions": lambda books: books.filter(contributions__role="author", pages__gt=1),
    "exclude": lambda books: books.exclude(contributions__role="author"),
    "Q | Q": lambda books: books.filter(Q(contributions__role="author") | Q(contributions__position=1)),
    "two filters": lambda books: books.filter(contributions__role="author").filter(contributions__position=0),
    "order_by first": lambda books: books.order_by("pk").filter(contributions__role="author"),
    "all first": lambda books: books.all().filter(contributions__role="author"),
    "all twice": lambda books: books.all().all().filter(contributions__role="author"),
    "annotate first": lambda books: books.annotate(n=Count("tags")).filter(contributions__role="author"),
    "using first": lambda books: books.using("default").filter(contributions__role="author"),
    "using last": lambda books: books.filter(contributions__role="author").using("default"),
    "complex_filter": lambda books: books.complex_filter({"contributions__role": "author"}),
    "no filter": lambda books: books.order_by("pk"),
}


@pytest.fixture
def contributor() -> Iterator[Any]:
    """An author who edited books of which others are the authors."""
    with_role = Contribution.objects.exclude(role="author").values_list("author", flat=True)
    author = Author.objects.filter(pk__in=with_role).first()
    made: list[Any] = []
    if author is None:
        author = Author.objects.earliest("pk")
    others = Author.objects.exclude(pk=author.pk)[:2]
    for position, book in enumerate(Book.objects.order_by("pk")[:6]):
        for contributing, role in ((author, f"edit{position % 2}"), (others[position % 2], "author")):
            made.append(Contribution.objects.create(book=book, author=contributing, role=role, position=position % 3))
    made.append(Contribution.objects.create(book=Book.objects.latest("pk"), author=author, role="author"))
    yield author
    for contribution in made:
        contribution.delete()


@pytest.mark.parametrize("start", ["manager", "related", "named"])
@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in STICKY.items()])
def test_the_first_filter_uses_the_join_of_a_related_manager(build: Build, start: str, contributor: Any) -> None:
    starts: dict[str, Callable[[], Any]] = {
        "manager": lambda: q(contributor.contributed_books),
        "related": lambda: adj.related(contributor.contributed_books),
        "named": lambda: adj.related(contributor, "contributed_books"),
    }
    expected = build(contributor.contributed_books)
    query = build(starts[start]())
    for _ in range(2):
        assert titles(run(query.run())) == titles(expected)
    assert run(query.acount()) == expected.count()
    assert query.sql().sql == str(expected.query.get_compiler("default").as_sql()[0])
    assert titles(query.queryset) == titles(expected)


def test_the_join_is_used_again_by_each_run_and_each_query_of_one_start(contributor: Any) -> None:
    start = q(contributor.contributed_books)
    expected = titles(contributor.contributed_books.filter(contributions__role="author"))
    other = titles(contributor.contributed_books.filter(contributions__role="edit0"))
    again = contributor.contributed_books.all().all().filter(contributions__role="author")
    assert expected != titles(again)

    async def main() -> Any:
        return await asyncio.gather(
            start.filter(contributions__role="author").run(),
            start.filter(contributions__role="edit0").run(),
            start.filter(contributions__role="author").run(),
        )

    assert [titles(rows) for rows in run(main())] == [expected, other, expected]
    # A plan of the one start does not answer for the other.
    for consumed in (q(contributor.contributed_books.all().all()), start.all().all()):
        assert titles(run(consumed.filter(contributions__role="author").run())) == titles(again)


def test_a_terminal_method_with_conditions_uses_the_join_as_well(contributor: Any) -> None:
    books = contributor.contributed_books
    book = books.filter(contributions__role="author").first()
    start = adj.related(contributor, "contributed_books")
    assert run(start.aget(contributions__role="author")) == books.get(contributions__role="author") == book
    assert run(start.filter(contributions__role="author").aexists())
    assert run(start.acontains(book))
    assert run(start.ain_bulk([book.pk])) == {book.pk: book}
    assert run(start.filter(contributions__role="author").afirst()) == book


def test_writes_reach_the_same_rows(contributor: Any) -> None:
    books = contributor.contributed_books
    expected = set(books.filter(contributions__role="author").values_list("pk", flat=True))
    before = dict(Book.objects.values_list("pk", "weight"))
    assert run(q(books).filter(contributions__role="author").aupdate(weight=77)) == len(expected)
    assert set(Book.objects.filter(weight=77).values_list("pk", flat=True)) == expected
    for pk, weight in before.items():
        Book.objects.filter(pk=pk).update(weight=weight)
    made = [Book.objects.create(title="x", isbn=f"x{n}", author=contributor, pages=1, price=1) for n in range(2)]
    for book, mine in zip(made, ("author", "edit9"), strict=True):
        Contribution.objects.create(book=book, author=contributor, role=mine)
        Contribution.objects.create(book=book, author=Author.objects.exclude(pk=contributor.pk)[0], role="author")
    run(adj.related(contributor, "contributed_books").filter(contributions__role="author", title="x").adelete())
    assert [book.isbn for book in Book.objects.filter(title="x")] == ["x1"]
    Book.objects.filter(title="x").delete()


def test_a_related_query_stays_one_after_all(contributor: Any) -> None:
    assert type(adj.related(contributor, "contributed_books").all()) is type(adj.related(contributor, "books"))


# -- QuerySet classes --------------------------------------------------------------------------------------------------

TENANTS = ("za", "zb")

tenant: ContextVar[str] = ContextVar("tenant", default="za")


class ChainedByTenant(QuerySet[Any]):
    """Narrows each copy to the current tenant's rows."""

    def _chain(self) -> Any:
        chained = super()._chain()  # type: ignore[misc]
        chained.query.add_q(Q(title__startswith=tenant.get()))
        return chained


class ClonedByTenant(QuerySet[Any]):
    def _clone(self) -> Any:
        cloned = super()._clone()  # type: ignore[misc]
        cloned.query.add_q(Q(title__startswith=tenant.get()))
        return cloned


class FetchedByTenant(QuerySet[Any]):
    def _fetch_all(self) -> None:
        attributes: Any = self.__dict__
        is_first = self._result_cache is None
        super()._fetch_all()
        if is_first:
            rows = [row for row in attributes["_result_cache"] if row.title.startswith(tenant.get())]
            attributes["_result_cache"] = rows

    def count(self) -> int:
        return len(self)


class AllByTenant(QuerySet[Any]):
    def all(self) -> Any:
        return super().all().filter(title__startswith=tenant.get())


class ByEmail(QuerySet[Any]):
    """Looks at its values, and accepts names that are not fields."""

    def filter(self, *args: Any, **kwargs: Any) -> Any:
        if "email" in kwargs:
            kwargs["title__iexact"] = kwargs.pop("email").lower()
        return super().filter(*args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        if "slug" in kwargs:
            kwargs["title"] = kwargs.pop("slug").upper()
        return super().get(*args, **kwargs)

    def order_by(self, *names: Any) -> Any:
        return super().order_by(*["title" if name == "nick" else name for name in names])

    def values(self, *names: Any, **expressions: Any) -> Any:
        return super().values(*[name for name in names if name != "nick"], **{"nick": F("title"), **expressions})

    def values_list(self, *names: Any, flat: bool = False, named: bool = False) -> Any:
        return super().values_list(*["title" if name == "nick" else name for name in names], flat=flat, named=named)

    def annotate(self, *args: Any, **kwargs: Any) -> Any:
        return super().annotate(*args, **{name: F("title") if one == "nick" else one for name, one in kwargs.items()})

    def update(self, **kwargs: Any) -> int:
        if "nick" in kwargs:
            kwargs["subtitle"] = kwargs.pop("nick")
        return super().update(**kwargs)

    def select_related(self, *names: Any) -> Any:
        return super().select_related(*["author" if name == "writer" else name for name in names])


CHAINS: dict[str, Build] = {
    "nothing": lambda books: books.all(),
    "filter": lambda books: books.filter(pages__gt=1),
    "exclude": lambda books: books.exclude(pages=1),
    "order and slice": lambda books: books.order_by("-pages", "pk")[1:4],
    "Q": lambda books: books.filter(Q(pages__gt=2) | Q(weight=None)),
    "annotate": lambda books: books.annotate(n=Count("tags")).filter(n__gte=0),
    "or": lambda books: books.filter(pages=1) | books.filter(pages__gt=1),
    "prefetch": lambda books: books.prefetch_related("tags"),
    "distinct": lambda books: books.filter(pages__gt=0).distinct(),
    "using": lambda books: books.using("default").filter(pages__gt=0),
}


@pytest.fixture
def letters() -> Iterator[None]:
    """Books of two tenants."""
    author = Author.objects.earliest("pk")
    made = [
        Book.objects.create(title=f"{letter}{n}", isbn=f"{letter}{n}", author=author, pages=n, price=n)
        for letter in TENANTS
        for n in (1, 2, 3)
    ]
    yield
    for book in made:
        book.delete()


@pytest.mark.parametrize("kind", [ChainedByTenant, ClonedByTenant, FetchedByTenant, AllByTenant])
@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CHAINS.items()])
def test_an_overridden_clone_is_called(
    kind: Any, build: Build, letters: None, default_manager: Callable[[Any], Any]
) -> None:
    manager = default_manager(manager_of(kind))
    for letter in TENANTS * 2:
        tenant.set(letter)
        for start, source in (
            (q(Book), manager),
            (q(manager), manager),
            (q(manager.get_queryset()), manager.get_queryset()),
        ):
            assert titles(run(build(start).run())) == titles(build(source))
            assert run(build(start).acount()) == build(source).count()


OWN_NAMES: dict[str, Build] = {
    "a value that is looked at": lambda books: books.filter(email="ZB1"),
    "after another step": lambda books: books.exclude(pages=7).filter(email="zb2"),
    "order_by": lambda books: books.filter(isbn__regex="^z[ab]").order_by("nick"),
    "values": lambda books: books.filter(email="zb1").values("nick"),
    "values_list": lambda books: books.filter(isbn__regex="^z[ab]").values_list("nick", flat=True),
    "annotate": lambda books: books.filter(email="zb1").annotate(other="nick"),
    "select_related": lambda books: books.filter(email="zb1").select_related("writer"),
}


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in OWN_NAMES.items()])
def test_names_and_values_of_the_owners_own_are_not_judged(build: Build, letters: None) -> None:
    manager = manager_of(ByEmail)
    rows = run(build(q(manager)).run())
    assert [str(row) for row in rows] == [str(row) for row in build(manager)]
    assert rows


def test_terminal_methods_take_names_of_the_owners_own(letters: None) -> None:
    manager = manager_of(ByEmail)
    Book.objects.filter(isbn="za1").update(title="ZA1")
    assert run(q(manager).aget(slug="za1")).isbn == "za1"
    assert run(q(manager).filter(pages=1).aget(slug="za1")).isbn == "za1"
    assert run(q(manager).aget_or_none(slug="zz")) is None
    assert run(q(manager).filter(email="zb1").aupdate(nick="x")) == 1
    assert Book.objects.get(isbn="zb1").subtitle == "x"


def test_an_error_of_the_owner_is_raised_at_its_line() -> None:
    manager = manager_of(ByEmail)
    with pytest.raises(AttributeError, match="lower"):
        q(manager).filter(email=3)
    with pytest.raises(FieldError, match="nonsense") as caught:
        q(manager).filter(nonsense=3)
    assert not isinstance(caught.value, UnknownField)


def test_the_owner_gets_the_users_own_values() -> None:
    seen: list[Any] = []

    class Looking(QuerySet[Any]):
        def filter(self, *args: Any, **kwargs: Any) -> Any:
            seen.append((args, list(kwargs.items())))
            return super().filter()

    condition, text = Q(title="x"), "some text"
    query = q(manager_of(Looking)).filter(condition, title=text, isbn=text)
    ((args, kwargs),) = seen
    assert (list(args), kwargs) == ([condition], [("title", text), ("isbn", text)])
    assert kwargs[0][1] is text
    run(query.acount())
    assert len(seen) == 1


def test_the_current_values_of_the_line_count() -> None:
    keys = [Book.objects.earliest("pk").pk]
    query = q(manager_of(ChainedByTenant)).filter(pk__in=keys).filter(title__contains="")
    keys.append(Book.objects.latest("pk").pk)
    assert run(query.acount()) <= 1


# -- terminal methods --------------------------------------------------------------------------------------------------


class Ending(QuerySet[Any]):
    """Every terminal method says its name; queries are built as Django builds them."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return ("get", args, kwargs)

    def first(self) -> Any:
        return "first"

    def last(self) -> Any:
        return "last"

    def earliest(self, *fields: Any) -> Any:
        return ("earliest", fields)

    def latest(self, *fields: Any) -> Any:
        return ("latest", fields)

    def count(self) -> Any:
        return "count"

    def exists(self) -> Any:
        return "exists"

    def contains(self, obj: Any) -> Any:
        return ("contains", obj)

    def in_bulk(self, id_list: Any = None, *, field_name: str = "pk") -> Any:
        return ("in_bulk", id_list, field_name)

    def aggregate(self, *args: Any, **kwargs: Any) -> Any:
        return ("aggregate", len(args), sorted(kwargs))

    def create(self, **kwargs: Any) -> Any:
        return ("create", kwargs)

    def get_or_create(self, defaults: Any = None, **kwargs: Any) -> Any:
        return ("get_or_create", defaults, kwargs)

    def update_or_create(self, defaults: Any = None, create_defaults: Any = None, **kwargs: Any) -> Any:
        return ("update_or_create", defaults, create_defaults, kwargs)

    def bulk_create(self, objs: Any) -> Any:  # type: ignore[override]
        return ("bulk_create", objs)

    def bulk_update(self, objs: Any, fields: Any) -> Any:  # type: ignore[override]
        return ("bulk_update", objs, fields)

    def update(self, **kwargs: Any) -> Any:
        return ("update", kwargs)

    def delete(self) -> Any:
        return "delete"

    def explain(self, *, format: Any = None, **options: Any) -> Any:
        return "explain"

    def iterator(self, chunk_size: Any = None) -> Any:
        yield from range(5)


CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("get", (), {"slug": "x"}),
    ("get", (), {}),
    ("first", (), {}),
    ("last", (), {}),
    ("earliest", ("nick",), {}),
    ("latest", (), {}),
    ("count", (), {}),
    ("exists", (), {}),
    ("contains", ("anything",), {}),
    ("in_bulk", ([1, 2],), {}),
    ("in_bulk", (), {"field_name": "nick"}),
    ("aggregate", (), {"n": Count("pk")}),
    ("create", (), {"nick": 1}),
    ("get_or_create", (), {"nick": 1, "defaults": {"x": 1}}),
    ("update_or_create", (), {"nick": 1, "defaults": {"x": 1}, "create_defaults": {"y": 1}}),
    ("bulk_create", ([1],), {}),
    ("bulk_update", ([1], ["nick"]), {}),
    ("update", (), {"nick": 1}),
    ("delete", (), {}),
    ("explain", (), {}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_each_terminal_method_of_a_queryset_class_is_called(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    manager = manager_of(Ending)
    expected = getattr(manager.get_queryset(), name)(*args, **kwargs)
    for query in (q(manager), q(manager).filter(pages__gt=1)):
        assert run(getattr(query, f"a{name}")(*args, **kwargs)) == expected


def test_rows_of_such_a_class_come_from_a_plan() -> None:
    query = q(manager_of(Ending)).filter(pages__gt=1)
    assert titles(run(query.run())) == titles(Book.objects.filter(pages__gt=1))
    adj.plan_cache.clear()
    for _ in range(2):
        run(q(manager_of(Ending)).filter(pages__gt=1).run())
    assert adj.plan_cache.stats().hits == 1


def test_an_overridden_iterator_is_iterated() -> None:
    async def main() -> Any:
        query = q(manager_of(Ending))
        streamed = [row async for row in query.aiterator(2)]
        async with query.stream(3) as rows:
            return streamed, [row async for row in rows]

    assert run(main()) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


def test_what_the_class_does_itself_cannot_return_its_rows() -> None:
    with pytest.raises(UnsupportedFeature, match=r"Ending overrides update"):
        run(q(manager_of(Ending)).returning("pk").aupdate(pages=1))


class Asynchronous(QuerySet[Any]):
    """Asynchronous methods of the project's, which use Django's."""

    async def aget(self, *args: Any, **kwargs: Any) -> Any:
        return ("aget", await super().aget(*args, **kwargs))

    async def acount(self) -> Any:
        return ("acount", await super().acount())

    async def acreate(self, **kwargs: Any) -> Any:
        return ("acreate", kwargs)

    async def aiterator(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, chunk_size: int = 2_000
    ) -> Any:
        async for row in super().aiterator(chunk_size):
            yield ("aiterator", row.pk)

    async def __aiter__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        rows: list[Any] = [await super().afirst(), await super().alast()]
        for row in rows:
            yield ("aiter", row.pk)


def test_asynchronous_methods_of_the_class_have_the_say() -> None:
    manager = manager_of(Asynchronous)
    books: list[Any] = list(Book.objects.order_by("pk"))
    first, last = books[0], books[-1]
    keys = [("aiterator", book.pk) for book in books]

    async def main() -> Any:
        query = q(manager).order_by("pk")
        rows = [row async for row in query]
        iterated = [row async for row in query.aiterator(3)]
        return await query.aget(pk=first.pk), await query.acount(), await query.acreate(x=1), rows, iterated

    got, count, created, rows, iterated = run(main())
    assert got == ("aget", first)
    assert count == ("acount", Book.objects.count())
    assert created == ("acreate", {"x": 1})
    assert rows == [("aiter", first.pk), ("aiter", last.pk)]
    assert iterated == keys


def test_asynchronous_methods_run_in_the_transaction(letters: None) -> None:
    async def main() -> Any:
        async with adj.atomic():
            await q(Book).filter(isbn="za1").aupdate(subtitle="in the transaction")
            return await q(manager_of(Asynchronous)).filter(subtitle="in the transaction").acount()

    assert run(main()) == ("acount", 1)


# -- attributes of the QuerySet itself ---------------------------------------------------------------------------------


class PatchingManager(Manager[Any]):
    """Sets methods on each QuerySet that it makes, as django-money does."""

    def get_queryset(self) -> Any:
        return patched(super().get_queryset())


def patched(queryset: Any) -> Any:
    for name in ("filter", "get", "update"):
        method = getattr(queryset, name)
        setattr(queryset, name, lambda *args, method=method, **kwargs: upper(method(*args, **shout(kwargs))))
    return queryset


def shout(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value.upper() if isinstance(value, str) else value for name, value in kwargs.items()}


def upper(answer: Any) -> Any:
    return patched(answer) if isinstance(answer, QuerySet) else answer


def test_methods_that_a_manager_sets_on_its_querysets_are_called(
    letters: None, default_manager: Callable[[Any], Any]
) -> None:
    manager = default_manager(manager_of(None, PatchingManager))
    Book.objects.filter(isbn="za1").update(isbn="ZA1")
    for start in (q(Book), q(manager)):
        assert titles(run(start.filter(isbn="za1").run())) == titles(manager.filter(isbn="za1")) == ["za1"]
        assert titles(run(start.filter(pages=1).filter(isbn="za1").run())) == ["za1"]
        assert run(start.aget(isbn="za1")).title == "za1"
        assert run(start.filter(isbn="za1").aupdate(subtitle="loud")) == 1
        assert run(start.filter(isbn="za1").acount()) == 1
    assert Book.objects.get(isbn="ZA1").subtitle == "LOUD"


def test_attributes_that_a_class_keeps_on_its_querysets_are_kept() -> None:
    class Carrying(QuerySet[Any]):
        mark: Any = None

        def _clone(self) -> Any:
            cloned = super()._clone()  # type: ignore[misc]
            cloned.mark = self.mark
            return cloned

        def count(self) -> Any:
            return (self.mark, super().count())

    queryset = Carrying(Book)
    queryset.mark = "x"
    assert run(q(queryset).filter(pages__gt=1).acount()) == ("x", Book.objects.filter(pages__gt=1).count())
    assert run(q(queryset).acount()) == ("x", Book.objects.count())


def test_methods_set_on_a_queryset_instance_are_called() -> None:
    queryset: Any = Book.objects.get_queryset()
    queryset.filter = types.MethodType(lambda self, **kwargs: QuerySet(Book).filter(pk=-1), queryset)
    assert run(q(queryset).filter(pages__gt=1).run()) == []
    assert run(q(queryset).acount()) == Book.objects.count()


def test_the_users_queryset_is_left_as_it_was() -> None:
    queryset = ChainedByTenant(Book)
    rows = list(queryset)
    assert run(q(queryset).run()) is not rows
    assert queryset._result_cache is rows or queryset._result_cache == rows


# -- managers ----------------------------------------------------------------------------------------------------------


class OwnManager(Manager[Any]):
    """Overrides Django's methods."""

    def filter(self, *args: Any, **kwargs: Any) -> Any:
        return super().filter(*args, title__startswith=tenant.get(), **kwargs)

    def exclude(self, *args: Any, **kwargs: Any) -> Any:
        return super().exclude(*args, **kwargs).filter(title__startswith=tenant.get())

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().get(*args, title__startswith=tenant.get(), **kwargs)

    def count(self) -> Any:
        return self.filter().count()

    def create(self, **kwargs: Any) -> Any:
        return ("created", kwargs)

    def in_bulk(self, id_list: Any = None, *, field_name: str = "pk") -> Any:
        return "in bulk"


class AllManager(Manager[Any]):
    def all(self) -> Any:
        return super().all().filter(title__startswith=tenant.get())


def test_a_managers_own_methods_are_the_first_ones(letters: None, default_manager: Callable[[Any], Any]) -> None:
    manager = default_manager(manager_of(None, OwnManager))
    for letter in TENANTS * 2:
        tenant.set(letter)
        for start in (q(Book), q(manager)):
            assert titles(run(start.filter(pages__gt=1).run())) == titles(manager.filter(pages__gt=1))
            assert titles(run(start.filter(pages__gt=1).exclude(pages=2).run())) == titles(
                manager.filter(pages__gt=1).exclude(pages=2)
            )
            assert titles(run(start.exclude(pages=1).run())) == titles(manager.exclude(pages=1))
            assert run(start.aget(isbn=f"{letter}1")) == manager.get(isbn=f"{letter}1")
            assert run(start.acount()) == manager.count() == 3
            assert run(start.ain_bulk([1])) == "in bulk"
            assert run(start.acreate(x=1)) == ("created", {"x": 1})
            # What the manager leaves to Django.
            assert titles(run(start.run())) == titles(manager.all())
            assert titles(run(start.order_by("pk").run())) == titles(manager.order_by("pk"))
            assert run(start.order_by("pk").acount()) == manager.order_by("pk").count()
            assert titles(run(start.all().filter(pages=1).run())) == titles(manager.all().filter(pages=1))


def test_a_plain_query_of_a_managers_own_filter_is_cached(letters: None) -> None:
    manager = manager_of(None, OwnManager)
    for letter in TENANTS:
        tenant.set(letter)
        assert titles(run(q(manager).filter(pages__gt=1).run())) == [f"{letter}2", f"{letter}3"]
    assert adj.plan_cache.stats().hits == 1


def test_a_managers_own_all_is_what_queries_start_from(letters: None, default_manager: Callable[[Any], Any]) -> None:
    manager = default_manager(manager_of(None, AllManager))
    for letter in TENANTS * 2:
        tenant.set(letter)
        for start in (q(Book), q(manager)):
            assert titles(run(start.run())) == titles(manager.all())
            assert run(start.acount()) == 3
            assert titles(run(start.filter(pages=1).run())) == titles(manager.all().filter(pages=1)) == [f"{letter}1"]


def test_a_related_manager_has_its_models_methods(
    letters: None, default_manager: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    default_manager(manager_of(None, OwnManager))
    author: Any = Author.objects.get(pk=Book.objects.get_queryset().get(isbn="za1").author_id)
    # Django makes the class of a related manager once.
    monkeypatch.delitem(type(author).books.__dict__, "related_manager_cls", raising=False)
    for letter in TENANTS:
        tenant.set(letter)
        expected = titles(author.books.filter(pages__gt=1))
        assert titles(run(q(author.books).filter(pages__gt=1).run())) == expected
        assert titles(run(adj.related(author, "books").filter(pages__gt=1).run())) == expected
    monkeypatch.undo()
    type(author).books.__dict__.pop("related_manager_cls", None)


def test_a_manager_that_does_not_return_a_queryset_is_refused() -> None:
    class Listing(Manager[Any]):
        def all(self) -> Any:
            return []

    with pytest.raises(TypeError, match="must be a QuerySet, not list"):
        q(manager_of(None, Listing))


def test_methods_added_to_a_class_later_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(QuerySet[Any]):
        pass

    class LateManager(Manager[Any]):
        pass

    manager = manager_of(Late, LateManager)
    expected = Book.objects.filter(pages__gt=1).count()
    assert run(q(manager).filter(pages__gt=1).acount()) == expected
    with monkeypatch.context() as patch:
        patch.setattr(Late, "count", lambda self: "counted", raising=False)
        assert run(q(manager).filter(pages__gt=1).acount()) == "counted"
    with monkeypatch.context() as patch:
        patch.setattr(Late, "filter", lambda self, **kwargs: QuerySet(Book).filter(pk=-1), raising=False)
        assert run(q(manager).filter(pages__gt=1).acount()) == 0
    with monkeypatch.context() as patch:
        patch.setattr(LateManager, "filter", lambda self, **kwargs: QuerySet(Book).filter(pk=-1), raising=False)
        assert run(q(manager).filter(pages__gt=1).acount()) == 0
    assert run(q(manager).filter(pages__gt=1).acount()) == expected


def test_methods_set_on_a_manager_itself_are_its_own() -> None:
    manager = manager_of(None)
    manager.filter = lambda **kwargs: manager.get_queryset().filter(pk=-1)
    assert run(q(manager).filter(pages=1).run()) == []
    manager.get_queryset = lambda: QuerySet(Book).filter(pages=1)
    assert run(q(manager).acount()) == Book.objects.filter(pages=1).count()


# -- Query classes and rows --------------------------------------------------------------------------------------------


class VisibleQuery(Query):
    """Hides rows when it is compiled."""

    def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
        if self.can_filter() and not self.__dict__.get("is_narrowed"):
            self.add_q(Q(title__startswith=tenant.get()))
            self.is_narrowed = True
        return super().get_compiler(*args, **kwargs)


def visible() -> QuerySet[Any]:
    return QuerySet(Book, query=VisibleQuery(Book))


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CHAINS.items()])
def test_methods_of_a_projects_query_class_are_called(build: Build, letters: None) -> None:
    for letter in TENANTS * 2:
        tenant.set(letter)
        assert titles(run(build(q(visible())).run())) == titles(build(visible()))


def test_overridden_methods_are_called_in_nested_queries(letters: None) -> None:
    nested: dict[str, Callable[[Any], Any]] = {
        "in": lambda given: {"pk__in": given},
        "in, values": lambda given: {"isbn__in": given.values("isbn")},
    }
    for letter in TENANTS * 2:
        tenant.set(letter)
        for operands in nested.values():
            expected = titles(Book.objects.filter(**operands(visible())))
            assert titles(run(q(Book).filter(**operands(visible())).run())) == expected
            assert titles(run(q(Book).filter(**operands(q(visible()))).run())) == expected
        exists = Exists(visible().filter(pk=OuterRef("pk")))
        assert titles(run(q(Book).filter(exists).run())) == titles(Book.objects.filter(exists))
        either = titles(Book.objects.none() | ChainedByTenant(Book).filter(pages=1))
        assert titles(run((q(Book).none() | q(ChainedByTenant(Book)).filter(pages=1)).run())) == either
        assert titles(run((q(Book).none() | ChainedByTenant(Book).filter(pages=1)).run())) == either
        after = titles((Book.objects.none() | ByEmail(Book)).filter(email="ZA1"))
        assert titles(run((q(Book).none() | q(ByEmail(Book))).filter(email="ZA1").run())) == after


def test_a_prefetch_of_an_owner_is_djangos(letters: None) -> None:
    author = Book.objects.get(isbn="za1").author
    for letter in TENANTS:
        tenant.set(letter)
        queryset = ChainedByTenant(Book).order_by("pk")
        expected: Any = Author.objects.filter(pk=author.pk).prefetch_related(Prefetch("books", queryset))[0]
        sources: list[Any] = [queryset, q(ChainedByTenant(Book)).order_by("pk")]
        for source in sources:
            found: Any = run(q(Author).filter(pk=author.pk).prefetch_related(Prefetch("books", source)).run())[0]
            assert titles(found.books.all()) == titles(expected.books.all())


class Shouting(ModelIterable):  # type: ignore[type-arg]  # generic in the stubs only
    """Rows that are made in another way."""

    def __iter__(self) -> Any:
        for row in super().__iter__():
            row.title = row.title.upper()
            yield row


def test_rows_that_the_project_makes_are_its_rows() -> None:
    queryset: Any = Book.objects.order_by("pk")
    queryset._iterable_class = Shouting
    query = q(queryset).filter(pages__gt=1)
    assert [book.title for book in run(query.run())] == [book.title for book in queryset.filter(pages__gt=1)]


# -- seen by observe() -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["threads", "django"])
def test_queries_of_owners_are_observed(engine: str, settings_of_adj: Callable[[str], Any]) -> None:
    seen: list[QueryEvent] = []
    with settings_of_adj(engine), adj.observe(seen.append):
        key = Book.objects.filter(pages__gt=1)[0].pk
        run(q(manager_of(ByEmail)).filter(pages__gt=1).aget(pk=key))
        with pytest.raises(Book.DoesNotExist):
            run(q(manager_of(ByEmail)).aget(pk=-1))
    event, failed = seen
    assert (event.alias, event.was_cached, event.rows, event.error) == ("default", False, 1, None)
    assert event.sql.startswith("SELECT")
    assert "%s" in event.sql
    assert event.query == "q(<ByEmail of Book>).filter(pages__gt=...).aget(pk=...)"
    assert event.executed > 0
    assert event.caller is not None
    assert isinstance(failed.error, Book.DoesNotExist)
    assert failed.sql.startswith("SELECT")


@pytest.fixture
def settings_of_adj() -> Callable[[str], Any]:
    from django.test import override_settings

    return lambda engine: override_settings(ADJ={"default": {"engine": engine}})


def test_the_text_of_a_query_shows_its_methods() -> None:
    query = q(manager_of(ByEmail)).filter(email="x").order_by("nick").using("default").timeout(3)
    assert repr(query) == (
        "<AsyncQuery: q(<ByEmail of Book>).filter(email='x').order_by('nick').using('default').timeout(3)>"
    )


# -- in transactions and elsewhere -------------------------------------------------------------------------------------


def test_owners_run_on_the_transactions_connection(letters: None) -> None:
    async def main() -> Any:
        async with adj.atomic():
            await q(Book).filter(isbn="za1").aupdate(subtitle="within")
            return await q(manager_of(ByEmail)).filter(subtitle="within").run()

    assert [book.isbn for book in run(main())] == ["za1"]


def test_overridden_methods_are_called_on_postgresql(postgres: str) -> None:
    manager = manager_of(ByEmail)
    title = Book.objects.using(postgres).earliest("pk").title
    query = q(manager).using(postgres).filter(email=title.upper())
    assert titles(run(query.run())) == titles(manager.using(postgres).filter(email=title.upper())) == [title]
    first = Book.objects.using(postgres).order_by("title").first()
    assert run(q(manager).using(postgres).order_by("nick").afirst()) == first
    asynchronous = q(manager_of(Asynchronous)).using(postgres)
    assert run(asynchronous.acount()) == ("acount", Book.objects.using(postgres).count())


def test_tags_and_publishers_are_as_before() -> None:
    assert run(q(Tag).acount()) == Tag.objects.count()
    assert run(q(Publisher.counted).acount()) == Publisher.counted.count()
