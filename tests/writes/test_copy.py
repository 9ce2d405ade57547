"""`acopy()`: the rows of an INSERT, in memory a batch at a time, all or none."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import itertools
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connections, models
from django.db.models import F, Value
from django.test import override_settings

import adj
from adj import UnknownField, UnsupportedFeature, atomic, q
from tests.engines.places import Place
from tests.parity.plain import plain
from tests.running import run
from tests.shop.models import (
    Author,
    AuthorProfile,
    Bestseller,
    Book,
    Contribution,
    Country,
    Customer,
    Depot,
    Gadget,
    Item,
    Note,
    Order,
    OrderLine,
    Publisher,
    Shelf,
    Tag,
    Visit,
)
from tests.writes.comparing import rows_of


def countries(count: int, first: int = 0) -> list[Country]:
    """New countries, `Q` among them."""
    return [Country(code=f"{number:02}", name=f"n{number}") for number in range(first, first + count)]


def rows_after(place: Place, write: Any, model: Any, without: int) -> Any:
    """The rows of a table, by their values after the first columns, once a coroutine function has written; undone."""

    async def within() -> Any:
        async with atomic(place.alias):
            await write()
            rows = await adj.run_sync(lambda: plain([row[without:] for row in rows_of(model, place.alias)]))
            await adj.set_rollback(using=place.alias)
        return rows

    return run(within())


def books() -> list[Book]:
    """Books with a value of every kind, and some that are missing."""
    moment = datetime.datetime(2024, 3, 31, 1, 30, 15, 123, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    null = Value(None, models.JSONField())
    texts = ["plain", "", "tab\tnew\nline\\.", "\\N", "quote\"s, 'both'", "äß 🐍", "\r", "{a,b}"]
    return [
        Book(
            title=text,
            subtitle=None if number % 2 else text,
            isbn=f"copy{number}",
            author_id=1,
            category_id=None,
            pages=number,
            weight=None if number % 3 else -number,
            rating=[1.5, None, float("inf"), 1e-300][number % 4],
            price=decimal.Decimal(number) / 4,
            published=datetime.date(1, 1, 1) if number % 2 else "2020-02-03",
            released=moment,
            reading_hour=datetime.time(1, 2, 3, 4),
            reading_time=datetime.timedelta(days=-1, microseconds=1),
            reference=uuid.UUID(int=number),
            is_available=bool(number % 2),
            is_translated=None,
            cover=[None, b"", b"\x00\xff\\"][number % 3],
            metadata=[None, {"a": [1, None, 'x"y\\']}, [], "text", 5, True, null][number % 7],
        )
        for number, text in enumerate(texts)
    ]


def test_rows_are_those_of_bulk_create(shop_place: Place) -> None:
    all_books = q(Book).using(shop_place.alias)
    copied = rows_after(shop_place, lambda: all_books.acopy(books()), Book, 1)
    inserted = rows_after(shop_place, lambda: all_books.abulk_create(books()), Book, 1)
    assert copied == inserted
    assert len(copied[2]) == Book.objects.using(shop_place.alias).count() + len(books())


def test_arrays_are_those_of_bulk_create(native: Place) -> None:
    def shelves() -> list[Shelf]:
        return [Shelf(label="x", numbers=[1, 2], labels=["a,b", 'c"d', "", "{}"]), Shelf(label="y", numbers=[])]

    copied = rows_after(native, lambda: q(Shelf).using(native.alias).acopy(shelves()), Shelf, 1)
    assert copied == rows_after(native, lambda: q(Shelf).using(native.alias).abulk_create(shelves()), Shelf, 1)


def test_sequences_have_what_a_new_instance_has_in_the_columns_they_leave_out(shop_place: Place) -> None:
    rows = [("one", 1, Author(pk=1), 3, "9.99"), ["two", 2, Author(pk=2), 4, decimal.Decimal(1)]]
    names = ["title", "isbn", "author", "pages", "price"]

    async def write() -> None:
        assert await q(Book).using(shop_place.alias).acopy(rows, names) == 2
        one, two = await q(Book).using(shop_place.alias).order_by("-pk")[:2].run()
        assert {one.title, two.title} == {"one", "two"}
        assert one.is_available
        assert one.copies_sold == 0
        assert one.format == "pb"
        assert one.reference != two.reference
        assert one.weight is None

    assert rows_after(shop_place, write, Book, 1)


def test_instances_may_give_some_of_their_columns(shop_place: Place) -> None:
    async def write() -> None:
        tags = [Tag(name="Q1", weight=5), Tag(name="Q2", weight=6)]
        assert await q(Tag).using(shop_place.alias).acopy(tags, ["name"]) == 2
        found = await q(Tag).using(shop_place.alias).filter(name__startswith="Q").values_list("weight", flat=True).run()
        assert found == [0, 0]

    assert rows_after(shop_place, write, Tag, 0)


def test_keys_that_python_makes_and_computed_columns_are_as_in_an_insert(shop_place: Place) -> None:
    async def write() -> None:
        alias = shop_place.alias
        order = Order(customer_id=1, placed=datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
        assert await q(Order).using(alias).acopy([order]) == 1
        assert await q(Order).using(alias).filter(pk=order.pk).acount() == 1
        line = OrderLine(order=order, number=1, quantity=3, cents=5)
        assert await q(OrderLine).using(alias).acopy([line]) == 1
        assert (await q(OrderLine).using(alias).aget(order=order)).total == 15

    assert rows_after(shop_place, write, Order, 0)


def test_keys_may_be_set(shop_place: Place) -> None:
    async def write() -> None:
        assert await q(Tag).using(shop_place.alias).acopy([(9_999, "Q1")], ["pk", "name"]) == 1
        assert (await q(Tag).using(shop_place.alias).aget(pk=9_999)).name == "Q1"

    assert rows_after(shop_place, write, Tag, 0)


def test_rows_come_from_anything_that_can_be_iterated(place: Place) -> None:
    async def one_by_one() -> AsyncIterator[Country]:
        for country in countries(7, 20):
            await asyncio.sleep(0)
            yield country

    async def write() -> list[int]:
        query = q(Country).using(place.alias)
        return [
            await query.acopy(countries(5)),
            await query.acopy(iter(countries(5, 10)), batch_size=2),
            await query.acopy(one_by_one(), batch_size=3),
            await query.acopy([]),
            await query.acopy({("30", "x")}, ("code", "name")),
        ]

    assert run(write()) == [5, 5, 7, 0, 1]
    assert {"00", "04", "10", "14", "20", "26", "30"} <= set(place.codes())


def test_no_more_than_a_batch_is_read_ahead_and_progress_counts_what_was_sent(place: Place) -> None:
    read = itertools.count()
    told: list[tuple[int, int]] = []

    def source() -> Iterator[tuple[str, str]]:
        for country in countries(25):
            next(read)
            yield country.code, country.name

    def progress(count: int) -> None:
        told.append((count, next(read) - len(told)))

    names = ["code", "name"]
    assert run(q(Country).using(place.alias).acopy(source(), names, batch_size=10, progress=progress)) == 25
    assert told == [(10, 10), (20, 20), (25, 25)]


@pytest.mark.parametrize("fails", ["source", "row", "server", "progress"])
def test_what_fails_in_the_middle_leaves_nothing_and_the_connection_is_good(place: Place, fails: str) -> None:
    def source() -> Iterator[Any]:
        yield from countries(25)
        match fails:
            case "source":
                raise LookupError("no more")
            case "row":
                yield Country(code="99", name="x", population="many")
            case "server":
                yield Country(code="00", name="x")
            case _:
                pass

    def progress(count: int) -> None:
        if fails == "progress" and count == 20:
            raise LookupError("enough")

    before = place.codes()
    expected = {"source": LookupError, "progress": LookupError, "row": ValueError, "server": IntegrityError}[fails]

    async def write() -> None:
        query = q(Country).using(place.alias)
        with pytest.raises(expected):
            await query.acopy(source(), batch_size=10, progress=progress)
        assert await query.acount() == len(before)
        assert await query.acopy(countries(1)) == 1

    run(write())
    assert sorted(place.codes()) == sorted([*before, "00"])


def test_a_cancelled_copy_leaves_nothing_and_the_connection_is_good(place: Place) -> None:
    before = place.codes()

    async def write() -> None:
        waiting = asyncio.Event()

        async def source() -> AsyncIterator[Country]:
            for country in countries(25):
                yield country
            waiting.set()
            await asyncio.Event().wait()

        query = q(Country).using(place.alias)
        task = asyncio.create_task(query.acopy(source(), batch_size=10))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await query.acount() == len(before)
        with pytest.raises(adj.QueryTimeout):
            await query.timeout(0.2).acopy(source(), batch_size=10)
        assert await query.acount() == len(before)

    run(write())
    assert place.codes() == before


def test_a_session_that_ends_meanwhile_leaves_nothing(native: Place) -> None:
    before = native.codes()

    async def write() -> None:
        query = q(Country).using(native.alias)

        async def source() -> AsyncIterator[Country]:
            for country in countries(10):
                yield country
            await asyncio.to_thread(end_sessions)
            for country in countries(10, 10):
                yield country

        def end_sessions() -> None:
            sessions = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s"
            native.execute(f"SELECT pg_terminate_backend(pid) {sessions}", "COPY%")
            connections[native.alias].close()

        with pytest.raises(OperationalError):
            await query.acopy(source(), batch_size=5)
        assert await query.acount() == len(before)

    run(write())


def test_a_copy_in_a_transaction_is_part_of_it(place: Place) -> None:
    before = place.codes()

    async def write() -> None:
        query = q(Country).using(place.alias)
        async with atomic(place.alias):
            assert await query.acopy(countries(5)) == 5
            assert await query.acount() == len(before) + 5
            await adj.set_rollback(using=place.alias)

    run(write())
    assert place.codes() == before


def test_rows_have_to_be_alike(shop_place: Place) -> None:
    query = q(Tag).using(shop_place.alias)
    first = Tag(name="Q1")
    mistakes: list[tuple[Any, Any, type[Exception], str]] = [
        ([("Q1",)], None, ValueError, "no fields|requires `fields`"),
        ([("Q1", 2)], ["name"], ValueError, "2 values for 1 fields"),
        ([("Q1",), ("Q2", 2)], ["name"], ValueError, "2 values for 1 fields"),
        ([first], ["nothing"], UnknownField, 'Tag has no column to write "nothing"'),
        ([first], ["books"], UnknownField, 'Tag has no column to write "books"'),
    ]
    for rows, names, error, message in mistakes:
        with pytest.raises(error, match=message):
            run(query.acopy(rows, names))
    for size in (0, -1, "x"):
        with pytest.raises(ValueError, match="batch_size must be a positive integer"):
            run(query.acopy([first], batch_size=size))  # type: ignore[arg-type]  # what is wrong on purpose
    assert not Tag.objects.using(shop_place.alias).filter(name__startswith="Q").exists()


@pytest.mark.parametrize(
    ("rows", "names", "error", "message"),
    [
        ([Tag(name="Q1"), Tag(name="Q2", pk=9_999)], None, ValueError, "Tag.id has a value in some rows"),
        ([Tag(name="Q1", pk=9_999), Tag(name="Q2")], None, ValueError, "Tag.id has a value in some rows"),
        ([Tag(name="Q1"), ("Q2",)], None, TypeError, "expects either model instances or sequences of values"),
        ([("Q1",), Tag(name="Q2")], ["name"], TypeError, "expects either model instances or sequences of values"),
        ([Tag(name="Q1"), Author(name="x")], None, TypeError, "instances of Tag; got Author"),
        ([("Q1", F("pk"))], ["name", "weight"], UnsupportedFeature, "Tag.weight has an expression"),
        ([("Q1", "Q1")], ["name", "name"], ValueError, "more than once"),
        ([("Q1", 1), ("Q2", "x")], ["name", "weight"], ValueError, "expected a number"),
    ],
)
def test_copy_says_which_row_is_not_like_the_first(
    native: Place, rows: list[Any], names: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(q(Tag).using(native.alias).acopy(rows, names))
    assert not Tag.objects.using(native.alias).filter(name__startswith="Q").exists()


def test_a_model_of_two_tables_is_refused(shop_place: Place) -> None:
    with pytest.raises(ValueError, match="multi-table inheritance"):
        run(q(Gadget).using(shop_place.alias).acopy([Gadget(name="x")]))


def test_an_unsaved_relation_is_refused_as_bulk_create_refuses_it(native: Place) -> None:
    note = Visit(customer=None, moment=datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), page="/")
    with pytest.raises(IntegrityError, match="null value"):
        run(q(Visit).using(native.alias).acopy([note]))
    book = Book(title="x", author=Author(name="unsaved"))
    with pytest.raises(ValueError, match="unsaved related object"):
        run(q(Book).using(native.alias).acopy([book]))


MOMENT = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
EMMA = Bestseller(pk=5)

# (model, the columns that are named, what is in them, what an instance is made of)
RELATED: list[tuple[Any, list[str], tuple[Any, ...], dict[str, Any]]] = [
    (Visit, ["customer", "moment"], (Customer(pk=1), MOMENT), {"customer_id": 1, "moment": MOMENT}),
    (Visit, ["customer_id", "moment"], (Customer(pk=1), MOMENT), {"customer_id": 1, "moment": MOMENT}),
    (Visit, ["moment", "customer"], (MOMENT, 1), {"customer_id": 1, "moment": MOMENT}),
    (Contribution, ["book", "author"], (EMMA, Author(pk=3)), {"book_id": 5, "author_id": 3}),
    (Depot, ["name", "publisher"], ("x", Publisher(pk=1, slug="penguin")), {"name": "x", "publisher_id": "penguin"}),
    (AuthorProfile, ["author"], (Author(pk=6),), {"author_id": 6}),
    (Author, ["created", "mentor"], (MOMENT, None), {"created": MOMENT}),
    (Tag, ["name"], (Author(pk=3),), {"name": "Author object (3)"}),
]


@pytest.mark.parametrize(("model", "names", "row", "values"), RELATED)
def test_an_instance_in_a_sequence_stands_for_its_key(
    shop_place: Place, model: Any, names: list[str], row: Any, values: dict[str, Any]
) -> None:
    query = q(model).using(shop_place.alias)
    caches = [dict(value._state.fields_cache) for value in row if isinstance(value, models.Model)]
    copied = rows_after(shop_place, lambda: query.acopy([row], names), model, 1)
    assert copied == rows_after(shop_place, lambda: query.abulk_create([model(**values)]), model, 1)
    if shop_place.alias == "postgres":
        assert caches == [value._state.fields_cache for value in row if isinstance(value, models.Model)]


@pytest.mark.parametrize(
    ("model", "names", "row", "error"),
    [
        (Visit, ["customer", "moment"], (Author(pk=1), MOMENT), ValueError),
        (Visit, ["customer_id", "moment"], (Author(pk=1), MOMENT), ValueError),
        (Visit, ["customer", "moment"], (Customer(), MOMENT), ValueError),
        (Contribution, ["book", "author"], (Author(pk=1), 3), ValueError),
        (Contribution, ["book", "author"], (5, Author()), ValueError),
        (Depot, ["name", "publisher"], ("x", Tag(pk=1)), ValueError),
        (Author, ["created", "mentor"], (MOMENT, Book(pk=1)), ValueError),
        (AuthorProfile, ["author"], (Book(pk=12),), ValueError),
        (Tag, ["name", "weight"], ("x", Author(pk=1)), TypeError),
    ],
)
def test_an_instance_that_could_not_be_assigned_is_refused(
    shop_place: Place, model: Any, names: list[str], row: Any, error: type[Exception]
) -> None:
    count = model.objects.using(shop_place.alias).count()
    with pytest.raises(error):
        run(q(model).using(shop_place.alias).acopy([row], names))
    assert model.objects.using(shop_place.alias).count() == count


def test_instances_of_another_table_are_refused_and_those_of_a_proxy_are_not(shop_place: Place) -> None:
    alias = shop_place.alias
    wrong: list[tuple[Any, Any, Any]] = [
        (q(Tag), Author(name="x"), None),
        (q(Tag), Author(name="x"), ["name"]),
        (q(Item), Gadget(name="x", price=1, voltage=1), None),
        (q(Item), Gadget(name="x", price=1, voltage=1), ["name", "price"]),
    ]
    for query, row, names in wrong:
        with pytest.raises(TypeError, match=r"acopy\(\) expects instances of"):
            run(query.using(alias).acopy([row], names))

    def proxies() -> Any:
        return [Bestseller(title="x", isbn="copied", author_id=1, pages=1, price=1, reference=uuid.UUID(int=1))]

    copied = rows_after(shop_place, lambda: q(Book).using(alias).acopy(proxies()), Book, 1)
    assert copied == rows_after(shop_place, lambda: q(Book).using(alias).abulk_create(proxies()), Book, 1)


def test_generic_relations_are_two_columns(native: Place) -> None:
    notes = [Note(content_type_id=1, object_id=number, text="x") for number in range(3)]
    copied = rows_after(native, lambda: q(Note).using(native.alias).acopy(notes), Note, 1)
    assert len(copied[2]) == Note.objects.using(native.alias).count() + 3


def test_other_tasks_go_on_while_rows_are_copied(native: Place) -> None:
    async def write() -> tuple[int, int]:
        query = q(Country).using(native.alias)
        counted, _ = await asyncio.gather(query.acount(), query.acopy(countries(50), batch_size=1))
        return counted, await query.acount()

    before = len(native.codes())
    counted, after = run(write())
    assert before <= counted <= after == before + 50
    assert connections[native.alias] is not None


def test_the_engine_does_not_matter_to_what_is_copied(native: Place) -> None:
    results = []
    for engine in ("psycopg", "threads"):
        with override_settings(ADJ={native.alias: {"engine": engine}}):
            write = lambda: q(Book).using(native.alias).acopy(books())  # noqa: E731
            results.append(rows_after(native, write, Book, 1))
    assert results[0] == results[1]
