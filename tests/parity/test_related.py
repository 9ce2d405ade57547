"""`adj.related()`: reads and writes of a relation are those of Django's related managers, signals and SQL included."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models.signals import m2m_changed, post_save, pre_save
from django.test import override_settings

import adj
from adj import q
from adj.errors import NotLoaded, UnknownField, UnsupportedRelation
from tests.parity.observing import Side, observed
from tests.parity.plain import difference, plain
from tests.receivers import receiving
from tests.running import run
from tests.shop.models import Author, Book, Category, Note, Publisher, Tag

CASES: list[tuple[str, Any, str, Callable[[Any], list[tuple[str, tuple[Any, ...], dict[str, Any]]]]]] = [
    ("m2m add", Book, "tags", lambda rows: [("add", tuple(rows[:3]), {}), ("add", (rows[4].pk,), {})]),
    ("m2m add again", Book, "tags", lambda rows: [("add", tuple(rows[:2]), {}), ("add", tuple(rows[:2]), {})]),
    ("m2m remove", Book, "tags", lambda rows: [("set", (rows[:4],), {}), ("remove", tuple(rows[1:3]), {})]),
    ("m2m clear", Book, "tags", lambda rows: [("add", tuple(rows[:4]), {}), ("clear", (), {})]),
    ("m2m set", Book, "tags", lambda rows: [("set", (rows[:4],), {}), ("set", (rows[2:6],), {})]),
    ("m2m set, clear", Book, "tags", lambda rows: [("set", (rows[:4],), {}), ("set", (rows[2:6],), {"clear": True})]),
    ("m2m create", Book, "tags", lambda rows: [("create", (), {"name": "new", "weight": 3})]),
    (
        "m2m get or create",
        Book,
        "tags",
        lambda rows: [
            ("get_or_create", (), {"name": "newer", "defaults": {"weight": 5}}),
            ("get_or_create", (), {"name": "newer", "defaults": {"weight": 6}}),
            ("update_or_create", (), {"name": "newer", "defaults": {"weight": 7}}),
            ("update_or_create", (), {"name": "newest", "defaults": {"weight": 7}, "create_defaults": {"weight": 8}}),
        ],
    ),
    ("m2m from the other side", Tag, "books", lambda rows: [("set", (rows[:3],), {}), ("remove", (rows[0],), {})]),
    (
        "m2m with through_defaults",
        Book,
        "contributors",
        lambda rows: [
            ("clear", (), {}),
            ("add", tuple(rows[:2]), {"through_defaults": {"role": "cook", "position": 4}}),
            ("set", (rows[1:4],), {"through_defaults": {"role": "chef"}}),
        ],
    ),
    ("m2m is given what it does not take", Book, "tags", lambda rows: [("add", (rows[0],), {"bulk": False})]),
    ("m2m is given another model's row", Book, "tags", lambda rows: [("add", (Author(pk=1),), {})]),
    ("reverse add", Author, "books", lambda rows: [("add", tuple(rows[:3]), {})]),
    ("reverse add, one by one", Author, "books", lambda rows: [("add", tuple(rows[:2]), {"bulk": False})]),
    ("reverse set", Author, "books", lambda rows: [("set", (rows[:3],), {})]),
    ("reverse add of an unsaved row", Category, "children", lambda rows: [("add", (Category(name="x"),), {})]),
    ("reverse create", Category, "children", lambda rows: [("create", (), {"name": "new"})]),
    (
        "reverse get or create",
        Category,
        "children",
        lambda rows: [
            ("get_or_create", (), {"name": "new"}),
            ("get_or_create", (), {"name": "new"}),
            ("update_or_create", (), {"name": "new", "defaults": {"name": "newer"}}),
        ],
    ),
    ("nullable add", Author, "edited_books", lambda rows: [("add", tuple(rows[:3]), {})]),
    (
        "nullable remove",
        Author,
        "edited_books",
        lambda rows: [("add", tuple(rows[:3]), {}), ("remove", tuple(rows[:2]), {})],
    ),
    (
        "nullable remove, one by one",
        Author,
        "edited_books",
        lambda rows: [("add", tuple(rows[:3]), {}), ("remove", tuple(rows[:2]), {"bulk": False})],
    ),
    ("nullable clear", Author, "edited_books", lambda rows: [("clear", (), {})]),
    ("nullable clear, one by one", Author, "edited_books", lambda rows: [("clear", (), {"bulk": False})]),
    ("nullable set", Author, "edited_books", lambda rows: [("set", (rows[2:5],), {}), ("set", (rows[4:6],), {})]),
    ("nullable remove of a stranger", Publisher, "books", lambda rows: [("remove", (rows[0], rows[1], rows[2]), {})]),
    (
        "generic",
        Book,
        "notes",
        lambda rows: [
            ("create", (), {"text": "one"}),
            ("get_or_create", (), {"text": "two"}),
            ("update_or_create", (), {"text": "two", "defaults": {"text": "three"}}),
            ("add", (rows[0],), {}),
            ("remove", (rows[0],), {}),
            ("set", (rows[:2],), {}),
        ],
    ),
]


class _Noted:
    """The signals of a relation's models, with what they were sent."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @contextmanager
    def listening(self) -> Generator[None]:
        def saved(sender: Any, instance: Any, signal: Any, using: str, **kwargs: Any) -> None:
            self.heard.append((sender, signal is pre_save, using, kwargs.get("created")))

        def changed(sender: Any, instance: Any, action: str, reverse: bool, pk_set: Any, using: str, **_: Any) -> None:
            in_transaction = transaction.get_connection(using).in_atomic_block
            keys = None if pk_set is None else len(pk_set)
            self.heard.append((sender, type(instance), action, reverse, keys, using, in_transaction))

        with receiving(pre_save, saved), receiving(post_save, saved), receiving(m2m_changed, changed):
            yield


def _rows(model: Any, name: str, alias: str) -> tuple[Any, list[Any]]:
    instance = model.objects.using(alias).order_by("pk")[1]
    related: Any = getattr(instance, name).model
    return instance, list(related._default_manager.using(alias).order_by("pk")[:8])


def _left(instance: Any, name: str) -> Any:
    """What the relation has then; keys of new rows depend on what the sequences have given before."""
    rows = [
        {key: value for key, value in row.__dict__.items() if key not in {"_state", "id"}}
        for row in getattr(instance, name).order_by("pk")
    ]
    return plain(rows)


def _in_django(model: Any, name: str, calls: Any, alias: str) -> tuple[Side, Any, list[Any]]:
    outcome, noted = Side(), _Noted()
    instance, rows = _rows(model, name, alias)
    left: Any = None
    with transaction.atomic(using=alias):
        with noted.listening(), observed(outcome):
            for method, args, kwargs in calls(rows):
                outcome.answer = _answer(getattr(getattr(instance, name), method)(*args, **kwargs))
        if outcome.error is None:
            left = _left(instance, name)
        transaction.set_rollback(True, using=alias)
    return outcome, left, noted.heard


async def _in_adj(instance: Any, rows: list[Any], name: str, calls: Any, alias: str) -> tuple[Side, Any, list[Any]]:
    outcome, noted = Side(), _Noted()
    left: Any = None
    async with adj.atomic(alias):
        with noted.listening(), observed(outcome):
            for method, args, kwargs in calls(rows):
                call: Any = getattr(adj.related(instance, name), f"a{method}")
                outcome.answer = _answer(await call(*args, **kwargs))
        if outcome.error is None:
            left = await adj.run_sync(_left, instance, name)
        await adj.set_rollback(True, using=alias)
    return outcome, left, noted.heard


def _answer(answer: Any) -> Any:
    """An answer without the keys of new rows."""
    return (type(answer[0]), answer[1]) if isinstance(answer, tuple) else type(answer)


def _texts(executed: list[Any]) -> list[str]:
    """What was sent, without the names of savepoints."""
    return [re.sub(r'["`]s\d+_x\d+["`]', "savepoint", sql) for sql, _ in executed]


def _compare(model: Any, name: str, calls: Any, alias: str) -> None:
    # Both know the content types, and the numbers of new rows differ.
    ContentType.objects.db_manager(alias).get_for_model(model)
    theirs, their_rows, their_signals = _in_django(model, name, calls, alias)
    ours, our_rows, our_signals = run(_in_adj(*_rows(model, name, alias), name, calls, alias))
    assert type(ours.error) is type(theirs.error), f"{ours.error!r}, {theirs.error!r}"
    assert str(ours.error) == str(theirs.error)
    assert our_signals == their_signals
    assert our_rows == their_rows, difference(their_rows, our_rows)
    assert ours.answer == theirs.answer
    assert _texts(ours.executed) == _texts(theirs.executed)


IDS = [case[0] for case in CASES]


@pytest.mark.parametrize(("model", "name", "calls"), [case[1:] for case in CASES], ids=IDS)
def test_writes_of_a_relation_are_djangos(model: Any, name: str, calls: Any, shop: str) -> None:
    _compare(model, name, calls, shop)


@pytest.mark.parametrize(("model", "name", "calls"), [case[1:] for case in CASES], ids=IDS)
def test_writes_of_a_relation_are_djangos_on_postgresql(model: Any, name: str, calls: Any, postgres: str) -> None:
    _compare(model, name, calls, postgres)


def test_rows_refer_to_the_instance_of_the_relation(shop: str) -> None:
    async def main() -> None:
        author: Any = await q(Author).using(shop).aget(name="Homer")
        books = await adj.related(author, "books").filter(pages__gte=0).order_by("pk").run()
        assert books
        assert all(book.author is author for book in books)
        same = await adj.related(author.books).order_by("pk").run()
        assert same == books
        assert await adj.related(author, "books").acount() == len(books)
        assert isinstance(adj.related(author, "books"), adj.AsyncQuery)

    run(main())


def test_a_change_forgets_what_was_prefetched(shop: str) -> None:
    async def main() -> None:
        book: Any = await q(Book).using(shop).prefetch_related("tags").order_by("pk")[0].run()
        before = list(book.tags.all())
        async with adj.atomic(shop):
            await adj.related(book, "tags").aclear()
            assert "tags" not in book._prefetched_objects_cache
            assert await adj.related(book, "tags").run() == []
            await adj.related(book, "tags").aset(q(Tag).using(shop).filter(pk__in=[tag.pk for tag in before]))
            assert await adj.related(book, "tags").acount() == len(before)
            await adj.set_rollback(using=shop)

    run(main())


def test_generic_relations_need_no_content_type_beforehand(postgres: str) -> None:
    async def main() -> tuple[Any, Any]:
        await q(Book).using(postgres).acount()
        book: Any = await q(Book).using(postgres).filter(notes__isnull=False).order_by("pk")[0].run()
        ContentType.objects.clear_cache()
        cold = await adj.related(book, "notes").order_by("pk").run()
        async with adj.atomic(postgres):
            note = await adj.related(book, "notes").acreate(text="made")
            assert note.object_id == book.pk
            await adj.set_rollback(using=postgres)
        return book.pk, cold

    pk, cold = run(main())
    assert cold
    assert plain(cold) == plain(list(Book.objects.using(postgres).get(pk=pk).notes.order_by("pk")))
    assert all(isinstance(note, Note) for note in cold)


def test_a_key_that_cannot_be_null_keeps_its_rows() -> None:
    async def main() -> None:
        author = await q(Author).aget(name="Homer")
        message = r"Author\.books has no aclear\(\), because Book\.author cannot be NULL\. Delete the rows"
        with pytest.raises(UnsupportedRelation, match=message):
            await adj.related(author, "books").aclear()
        with pytest.raises(AttributeError, match=r"no aremove\(\)"):
            await adj.related(author, "books").aremove(Book(pk=1))

    run(main())


def test_only_relations_to_many_are_accepted() -> None:
    async def main() -> None:
        author = await q(Author).aget(name="Homer")
        with pytest.raises(UnknownField, match=r'Author has no relation "bookz".* did you mean "books"\?'):
            adj.related(author, "bookz")
        with pytest.raises(TypeError, match=r"Author\.publisher leads to a single row\. Load it with `await adj\.load"):
            adj.related(author, "publisher")
        with pytest.raises(TypeError, match=r"or a related manager such as author\.books; got Manager"):
            adj.related(Author.objects)
        with pytest.raises(ValueError, match="needs to have a primary key value"):
            adj.related(Author(name="new"), "books")

    run(main())


def test_builders_of_a_related_query_only_read() -> None:
    async def main() -> None:
        author: Any = await q(Author).aget(name="Homer")
        filtered: Any = adj.related(author, "books").filter(pages__gt=100)
        with pytest.raises(AttributeError, match="AsyncQuery has no attribute 'add'"):
            _ = filtered.add
        assert not isinstance(filtered, adj.RelatedQuery)

    run(main())


@override_settings(ADJ={"default": {"engine": "django"}})
def test_related_writes_work_on_djangos_own_connection() -> None:
    async def main() -> None:
        book: Any = await q(Book).order_by("pk")[0].run()
        async with adj.atomic():
            await adj.related(book, "tags").aclear()
            assert not await adj.related(book, "tags").aexists()
            await adj.set_rollback()

    run(main())


@pytest.mark.parametrize("by_manager", [False, True])
def test_a_relation_by_a_deferred_key_says_what_to_load(by_manager: bool) -> None:
    async def main() -> tuple[Any, Any]:
        publisher = await q(Publisher).only("name").aget(name="Penguin")

        def depots() -> Any:
            managed: Any = publisher
            return adj.related(managed.depots) if by_manager else adj.related(publisher, "depots")

        with pytest.raises(NotLoaded, match=r'adj.load\(instance, "slug"\)'):
            depots()
        await adj.load(publisher, "slug")
        return await depots().run(), publisher

    rows, publisher = run(main())
    assert rows == list(Publisher.objects.get(name="Penguin").depots.all())
    assert all(row.publisher is publisher for row in rows)


def test_a_deferred_key_of_djangos_own_rows_is_named_as_well() -> None:
    publisher = Publisher.objects.only("name").get(name="Penguin")

    async def main() -> None:
        adj.related(publisher, "depots")

    with pytest.raises(NotLoaded, match=r"Publisher\.slug is not loaded"):
        run(main())
