"""Instances are saved, deleted, refreshed and validated as in Django, on every engine, with and without a mixin."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError
from django.db.models.signals import post_delete, post_save, pre_save
from django.test import override_settings

import adj
from adj import AsyncQuery, atomic, q
from tests.diary.models import Draft, Entry, Essay, Writer
from tests.engines.diaries import ToPlace, diaries
from tests.engines.places import Place
from tests.receivers import receiving
from tests.running import run
from tests.shop.models import Country


@pytest.fixture(autouse=True)
def writer(place: Place) -> Iterator[Writer]:
    """Diaries on the engine, to which the router sends everything, and a writer."""
    with diaries(place):
        yield Writer.objects.create(name="Anaïs")


def entry(writer: Writer, title: str = "Rain", **values: Any) -> Entry:
    """An entry that is not saved."""
    return Entry(writer=writer, title=title, **values)


# -- save --------------------------------------------------------------------------------------------------------------


def test_saving_calls_the_projects_own_save_and_the_signals(writer: Writer, place: Place) -> None:
    told: list[tuple[str, str, str | None]] = []

    def tell(name: str) -> Any:
        return lambda instance, using, update_fields, **rest: told.append((name, using, update_fields))

    with receiving(pre_save, tell("pre"), sender=Entry), receiving(post_save, tell("post"), sender=Entry):
        rain, saves = entry(writer), Entry.saves
        run(adj.save(rain))
    assert told == [("pre", place.alias, None), ("post", place.alias, None)]
    assert (Entry.saves, rain.slug) == (saves + 1, "rain")
    assert Entry.objects.get(pk=rain.pk).slug == "rain"


@pytest.mark.parametrize("save", [adj.save, Entry.asave])
def test_only_the_named_fields_are_written(save: Any, writer: Writer) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain", words=10)
    rain.title, rain.words = "Sun", 20
    run(save(rain, update_fields=["words"]))
    found = Entry.objects.get(pk=rain.pk)
    assert (found.title, found.words) == ("Rain", 20)


def test_an_empty_list_of_fields_writes_nothing(writer: Writer) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain")
    rain.title = "Sun"
    run(adj.save(rain, update_fields=[]))
    assert Entry.objects.get(pk=rain.pk).title == "Rain"


def test_forced_ways_of_saving_fail_as_djangos_do(writer: Writer) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain")
    with pytest.raises(IntegrityError):
        run(adj.save(rain, force_insert=True))
    rain.pk = 10_000
    with pytest.raises(DatabaseError, match="did not affect any rows"):
        run(adj.save(rain, force_update=True))


def test_saving_joins_the_transaction(writer: Writer, place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await adj.save(entry(writer))
            await entry(writer, "Sun").asave()
            assert await q(Entry).acount() == 2
            await adj.set_rollback(using=place.alias)

    run(main())
    assert not Entry.objects.exists()


def test_an_error_leaves_a_savepoint_undone_and_the_transaction_usable(writer: Writer, place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await adj.save(entry(writer))
            with pytest.raises(IntegrityError):
                async with atomic(place.alias):
                    await adj.save(entry(writer, "Again", slug="rain"))
            await adj.save(entry(writer, "Sun"))

    run(main())
    assert list(Entry.objects.order_by("pk").values_list("slug", flat=True)) == ["rain", "sun"]


def test_using_names_another_database_than_the_routers(place: Place) -> None:
    async def main() -> None:
        with override_settings(DATABASE_ROUTERS=[]):
            await adj.save(Country(code="+1", name="Atlantis"), using=place.alias)

    run(main())
    assert "+1" in place.codes()


# -- delete ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delete", [adj.delete, Writer.adelete])
def test_deleting_takes_along_what_belongs_to_it_and_tells_how_much(delete: Any, writer: Writer) -> None:
    for title in ("Rain", "Sun"):
        Entry.objects.create(writer=writer, title=title)
    gone: list[str] = []

    def tell(instance: Any, **rest: Any) -> None:
        gone.append(str(instance._meta.label))

    with receiving(post_delete, tell):
        assert run(delete(writer)) == (3, {"diary.Entry": 2, "diary.Writer": 1})
    assert gone == ["diary.Entry", "diary.Entry", "diary.Writer"]
    assert writer.pk is None


@pytest.mark.parametrize("delete", [adj.delete, Essay.adelete])
def test_a_parent_may_stay(delete: Any, writer: Writer) -> None:
    essay = Essay.objects.create(writer=writer, title="On rain", topic="weather")
    assert run(delete(essay, keep_parents=True)) == (1, {"diary.Essay": 1})
    assert Entry.objects.get().title == "On rain"


def test_deleting_what_is_not_saved_is_djangos_error() -> None:
    with pytest.raises(ValueError, match="can't be deleted because its id attribute is set to None"):
        run(adj.delete(Writer(name="Unsaved")))


# -- refresh -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refresh", [adj.refresh, Entry.arefresh_from_db])
def test_all_fields_or_the_named_ones_are_read_anew(refresh: Any, writer: Writer) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain", words=1)
    Entry.objects.update(title="Sun", words=2)
    run(refresh(rain, fields=["words"]))
    assert (rain.title, rain.words) == ("Rain", 2)
    run(refresh(rain))
    assert rain.title == "Sun"


@pytest.mark.parametrize("refresh", [adj.refresh, Entry.arefresh_from_db])
def test_a_query_says_where_to_look(refresh: Any, writer: Writer, place: Place) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain")

    async def main() -> None:
        async with atomic(place.alias):
            await refresh(rain, from_queryset=q(Entry).select_related("writer").select_for_update())
        await refresh(rain, place.alias, ["title"], Entry.objects.all())
        with pytest.raises(Entry.DoesNotExist):
            await refresh(rain, from_queryset=q(Entry).filter(title="Sun"))

    run(main())
    assert rain._state.fields_cache["writer"] == writer


def test_refreshing_asks_the_router_once_with_the_instance(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain")
    hints: list[Any] = []

    def db_for_read(router: ToPlace, model: type, **given: Any) -> str:
        hints.append((model, given))
        return ToPlace.alias

    monkeypatch.setattr(ToPlace, "db_for_read", db_for_read)
    run(adj.refresh(rain))
    assert hints == [(Entry, {"instance": rain})]


# -- validate ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("validate", [adj.validate, Entry.afull_clean])
def test_validating_finds_what_full_clean_finds(validate: Any, writer: Writer) -> None:
    Entry.objects.create(writer=writer, title="Rain")
    for wrong in (
        entry(writer, "untitled"),
        entry(writer, "", words=-1),
        entry(writer, "Rain", slug="rain"),
        Entry(writer_id=10_000, title="Orphan"),
    ):
        with pytest.raises(ValidationError) as theirs:
            wrong.full_clean()
        with pytest.raises(ValidationError) as ours:
            run(validate(wrong))
        assert ours.value.message_dict == theirs.value.message_dict
    run(validate(entry(writer, "Sun")))


@pytest.mark.parametrize("validate", [adj.validate, Entry.afull_clean])
def test_parts_of_a_validation_may_be_left_out(validate: Any, writer: Writer) -> None:
    wrong = entry(writer, "", words=-1)
    with pytest.raises(ValidationError) as found:
        run(validate(wrong, ["title"]))
    assert list(found.value.message_dict) == ["__all__"]
    run(validate(wrong, ["title"], True, False))
    again = Writer(name=writer.name)
    with pytest.raises(ValidationError, match="already exists"):
        run(adj.validate(again))
    run(adj.validate(again, validate_unique=False))


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [adj.save, adj.delete, adj.refresh, adj.validate])
def test_what_is_no_instance_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=rf"adj.{function.__name__}\(\) expects a model instance; got the class Writer"):
        run(function(Writer))
    with pytest.raises(TypeError, match="got list"):
        run(function([]))


# -- the mixin ---------------------------------------------------------------------------------------------------------


def test_children_and_proxies_have_the_methods(writer: Writer) -> None:
    async def main() -> None:
        essay = Essay(writer=writer, title="On rain", topic="weather", written=datetime.date(2020, 1, 2))
        await essay.asave()
        draft = await q(Draft).aget(slug="on-rain")
        draft.words = 5
        await draft.asave(update_fields=["words"])
        await essay.arefresh_from_db()
        assert essay.words == 5
        assert await draft.adelete() == (2, {"diary.Essay": 1, "diary.Draft": 1})

    run(main())


# -- load --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [adj.load, Entry.aload])
def test_what_an_instance_does_not_carry_is_loaded(load: Any, writer: Writer, place: Place) -> None:
    Entry.objects.create(writer=writer, title="Rain")

    async def main() -> None:
        found = await q(Entry).defer("title").aget()
        assert await load(found, "writer", "title") is found
        assert (found.writer, found.title) == (writer, "Rain")

    run(main())


def test_what_is_built_on_a_relation_is_a_query(writer: Writer, place: Place) -> None:
    async def main() -> None:
        entries = adj.related(writer, "entries")
        await entries.acreate(title="Rain")
        rainy = entries.filter(title="Rain")
        assert type(rainy) is AsyncQuery
        assert [each.title for each in await rainy.order_by("pk").run()] == ["Rain"]
        assert await entries.all().aget() == await entries.aget(title="Rain")

    run(main())


# -- what an error says ------------------------------------------------------------------------------------------------


def test_an_error_of_the_database_says_what_was_written(writer: Writer, place: Place) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain")
    gone = Entry.objects.create(writer=writer, title="Sun")
    Entry.objects.filter(pk=gone.pk).delete()
    manager: Any = cast("Any", writer).entries
    twice = {"writer": writer, "slug": "rain", "title": "Rain"}
    writes: list[tuple[Any, str]] = [
        (lambda: adj.save(entry(writer, slug="rain")), "adj.save(<Entry>)"),
        (lambda: entry(writer, slug="rain").asave(), "adj.save(<Entry>)"),
        (lambda: adj.save(rain, force_insert=True), "adj.save(<Entry>, force_insert=True)"),
        (lambda: adj.save(gone, update_fields=["title"]), "adj.save(<Entry>, update_fields=...)"),
        (lambda: q(Entry).acreate(**twice), "q(Entry).acreate(writer=..., slug=..., title=...)"),
        (lambda: q(Entry).abulk_create([Entry(**twice)]), "q(Entry).abulk_create(list(...))"),
        (
            lambda: adj.related(writer, "entries").acreate(slug="rain"),
            "adj.related(<Writer>, 'entries').acreate(slug=...)",
        ),
        (
            lambda: adj.related(manager).aget_or_create({"slug": "rain"}, title="x"),
            "adj.related(<manager of <Writer>>).aget_or_create(defaults=..., title=...)",
        ),
        (
            lambda: adj.related(writer, "entries").aadd(entry(writer, slug="rain"), bulk=False),
            "adj.related(<Writer>, 'entries').aadd(..., bulk=False)",
        ),
        (lambda: adj.refresh(rain, from_queryset=broken(Entry)), "adj.refresh(<Entry>, from_queryset=QuerySet(...))"),
    ]
    for write, text in writes:
        with pytest.raises(DatabaseError) as raised:
            run(write())
        assert raised.value.__notes__ == [f"The query: {text}"], text


def broken(model: Any) -> Any:
    return model.objects.extra(where=["no_such_column = 1"])


def test_values_are_in_the_note_where_debug_is_on(writer: Writer, place: Place) -> None:
    rain = Entry.objects.create(writer=writer, title="Rain")
    with override_settings(DEBUG=True):
        with pytest.raises(IntegrityError) as raised:
            run(adj.save(rain, force_insert=True))
        assert raised.value.__notes__ == [f"The query: adj.save(<Entry {rain.pk}>, force_insert=True)"]
        with pytest.raises(IntegrityError) as raised:
            run(adj.related(writer, "entries").acreate(slug="rain"))
        assert raised.value.__notes__ == [
            f"The query: adj.related(<Writer {writer.pk}>, 'entries').acreate(slug='rain')"
        ]
