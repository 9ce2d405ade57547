"""Lazy objects, such as `request.user`, and lazy texts are looked at when Django looks at them, and say the same."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SynchronousOnlyOperation
from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Lower
from django.utils import translation
from django.utils.functional import LazyObject, SimpleLazyObject, lazy

import adj
from adj import q
from tests.parity.oracle import Session, ending
from tests.parity.plain import difference, plain
from tests.running import run
from tests.shop.models import Author, AuthorProfile, Book, Publisher, Tag


class UserLazyObject(LazyObject):  # type: ignore[type-arg]  # not generic at run time
    """A user as the scope of Channels has it: somebody fills it in later."""

    def _setup(self) -> None:
        raise ValueError("Accessing scope user before it is ready.")


def simple(instance: Any) -> Any:
    return SimpleLazyObject(lambda: instance)


def filled(instance: Any) -> Any:
    proxy = UserLazyObject()
    proxy._wrapped = instance
    return proxy


def nested(instance: Any) -> Any:
    return SimpleLazyObject(lambda: filled(instance))


NOW = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
KINDS = [simple, filled, nested]

READS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("filter", lambda s, v: s(Book).filter(author=v)),
    ("filter exact", lambda s, v: s(Book).filter(author__exact=v)),
    ("filter by the other side", lambda s, v: s(Publisher).filter(authors=v)),
    ("exclude", lambda s, v: s(Book).exclude(author=v)),
    ("Q", lambda s, v: s(Book).filter(Q(author=v) | Q(editor=v))),
    ("negated Q", lambda s, v: s(Book).filter(~Q(author=v))),
    ("in a list", lambda s, v: s(Book).filter(author__in=[v])),
    ("in a set", lambda s, v: s(Book).filter(author__in={v})),
    ("in a generator", lambda s, v: s(Book).filter(author__in=(one for one in [v]))),
    ("in a tuple beside keys", lambda s, v: s(Book).filter(author__in=(2, v))),
    ("complex_filter", lambda s, v: s(Book).complex_filter({"author": v})),
    ("When", lambda s, v: s(Book).annotate(x=Case(When(author=v, then=Value(1)), default=Value(0)))),
    ("Case of Q", lambda s, v: s(Book).annotate(x=Case(When(Q(author=v), then=Value(1)), default=Value(0)))),
    ("filter of an aggregate", lambda s, v: s(Publisher).annotate(n=Count("books", filter=Q(books__author=v)))),
    ("Exists", lambda s, v: s(Author).filter(Exists(Book.objects.filter(author=v, editor=OuterRef("pk"))))),
    ("many to many", lambda s, v: s(Book).filter(contributors=v)),
    ("to itself", lambda s, v: s(Author).filter(mentor=v)),
    ("gt", lambda s, v: s(Book).filter(author__gt=v)),
    (
        "union",
        lambda s, v: s(Book).filter(author=v).order_by().union(s(Book).filter(editor=v).order_by()).order_by("id"),
    ),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "build"), READS, ids=[name for name, _ in READS])
def test_a_lazy_instance_is_an_operand_as_in_django(name: str, build: Any, kind: Any) -> None:
    authors = list(Author.objects.order_by("pk")[:3])
    with Session() as session:
        session.compare(
            lambda start, author: build(lambda model: start(model).order_by("pk"), kind(author)),
            *((author,) for author in authors),
        )


@pytest.mark.parametrize("kind", KINDS)
def test_endings_take_lazy_instances(kind: Any) -> None:
    author: Any = Author.objects.filter(books__isnull=False).order_by("pk")[0]
    book = author.books.order_by("pk")[0]
    with Session() as session:
        session.compare(lambda start: start(Book), finish=ending("aget", author=kind(author), pk=book.pk))
        session.compare(lambda start: start(Book), finish=ending("aget_or_none", author=kind(author), pk=-1))
        session.compare(lambda start: start(Author), finish=ending("acontains", kind(author)))
        session.compare(lambda start: start(Author).filter(pk=-1), finish=ending("acontains", kind(author)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_takes_an_instance_takes_a_lazy_one(kind: Any) -> None:
    author: Any = Author.objects.filter(books__isnull=False, publisher__isnull=False).order_by("pk")[0]
    expected = plain(list(author.books.order_by("pk")))
    first = author.books.order_by("pk")[0].pk

    async def look() -> None:
        user = kind(author)
        assert plain([book async for book in adj.related(user, "books").order_by("pk")]) == expected
        assert plain([book async for book in adj.related(user.books).order_by("pk")]) == expected
        book: Any = await adj.get_object_or_404(Book, author=user, pk=first)
        assert book.author_id == author.pk
        fresh = kind(await q(Author).aget(pk=author.pk))
        assert await adj.load(fresh, "publisher") is fresh
        assert fresh.publisher.pk == author.publisher_id
        several = [kind(await q(Author).aget(pk=author.pk)), await q(Author).aget(pk=author.pk)]
        assert await adj.load(several, "publisher", "books") is several
        assert [one.publisher.pk for one in several] == [author.publisher_id] * 2
        deferred = kind(await q(Author).only("name").aget(pk=author.pk))
        await adj.load(deferred, "pen_name")
        assert deferred.pen_name == author.pen_name
        await adj.refresh(fresh)
        await adj.save(fresh)
        await adj.validate(kind(await q(Tag).afirst()))

    run(look())


@pytest.mark.parametrize("kind", KINDS)
def test_writes_take_lazy_instances(kind: Any) -> None:
    async def write() -> None:
        author = await q(Author).acreate(name="Lazy", created=NOW)
        other: Any = await q(Author).acreate(name="Lazier", created=NOW, mentor=kind(author))
        assert other.mentor_id == author.pk
        for _ in range(2):
            assert await q(Author).filter(pk=author.pk).aupdate(mentor=kind(other)) == 1
        changed: Any = await q(Author).aget(pk=author.pk)
        assert changed.mentor_id == other.pk
        (row,) = await q(Author).filter(pk=author.pk).returning("mentor_id").aupdate(mentor=kind(author))
        assert row == (author.pk,)
        profile, is_new = await q(AuthorProfile).aget_or_create(author=kind(author), defaults={})
        assert is_new
        assert (await q(AuthorProfile).aget_or_create(author=kind(author)))[0].pk == profile.pk
        assert not (await q(AuthorProfile).aupdate_or_create(author=kind(author), defaults={}))[1]
        book = await q(Book).filter(contributors__isnull=True).afirst() or await q(Book).afirst()
        assert book is not None
        tag = await q(Tag).acreate(name="lazy")
        await adj.related(kind(tag), "books").aadd(kind(book))
        assert await adj.related(tag, "books").acontains(kind(book))
        await adj.related(tag, "books").aremove(kind(book))
        assert await q(Author).acopy([kind(Author(name="Copied", created=NOW))]) == 1
        assert await q(Author).filter(name="Copied").adelete() == (1, {"shop.Author": 1})
        for instance in (profile, tag):
            await adj.delete(kind(instance))
        await q(Author).filter(pk__in=[author.pk, other.pk]).adelete()
        assert not await q(Author).filter(name__startswith="Laz").aexists()

    run(write())


def test_what_a_lazy_object_raises_is_raised_at_the_line() -> None:
    with pytest.raises(ValueError, match="before it is ready"):
        q(Book).filter(author=UserLazyObject())
    with pytest.raises(ValueError, match="before it is ready"):
        Book.objects.filter(author=UserLazyObject())

    async def on_the_loop() -> None:
        with pytest.raises(SynchronousOnlyOperation) as raised:
            q(Book).filter(author=SimpleLazyObject(lambda: Author.objects.get(pk=1)))
        assert "await request.auser()" in raised.value.__notes__[0]

    run(on_the_loop())


def test_a_lazy_object_is_evaluated_once_at_the_line() -> None:
    calls: list[int] = []
    author = Author.objects.get(pk=1)

    def ask() -> Author:
        calls.append(1)
        return author

    user = SimpleLazyObject(ask)
    query = q(Book).filter(author=user)
    assert calls == [1]
    assert run(query.acount()) == Book.objects.filter(author=author).count()
    assert calls == [1]


OTHERS: list[tuple[str, Callable[[Any, Any], Any], Callable[[], Any]]] = [
    ("a condition", lambda s, v: s(Book).filter(v), lambda: Q(pk=3)),
    ("a reference", lambda s, v: s(Book).filter(pages=v), lambda: F("pk")),
    ("an expression", lambda s, v: s(Book).annotate(x=v), lambda: Lower("title")),
    ("a queryset", lambda s, v: s(Book).filter(author__in=v), lambda: Author.objects.filter(pk__lt=3)),
    ("a queryset in a union", lambda s, v: s(Tag).union(v).order_by("id"), lambda: Tag.objects.filter(pk=1)),
    ("a text", lambda s, v: s(Book).filter(title=v), lambda: "Emma"),
    ("none", lambda s, v: s(Book).filter(editor=v), lambda: None),
    ("a user who is not logged in", lambda s, v: s(Book).filter(editor=v), AnonymousUser),
    ("a number", lambda s, v: s(Book).filter(pages=v), lambda: 300),
]


@pytest.mark.parametrize(("name", "build", "value"), OTHERS, ids=[name for name, _, _ in OTHERS])
def test_lazy_objects_of_other_kinds_do_what_they_do_in_django(name: str, build: Any, value: Any) -> None:
    with Session() as session:
        session.compare(lambda start: build(start, SimpleLazyObject(value)))


# -- texts -------------------------------------------------------------------------------------------------------------

TITLES = {"en": "The Left Hand of Darkness", "de": "Emma"}
title: Any = lazy(lambda: TITLES[translation.get_language() or "en"], str)

TEXTS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("exact", lambda s, v: s(Book).filter(title=v)),
    ("exclude", lambda s, v: s(Book).exclude(title=v)),
    ("gt", lambda s, v: s(Book).filter(title__gt=v)),
    ("in", lambda s, v: s(Book).filter(title__in=[v, "x"])),
    ("in a set", lambda s, v: s(Book).filter(title__in={v})),
    ("in a generator", lambda s, v: s(Book).filter(title__in=(one for one in [v]))),
    ("range", lambda s, v: s(Book).filter(title__range=(v, "Z"))),
    ("iexact", lambda s, v: s(Book).filter(title__iexact=v)),
    ("icontains", lambda s, v: s(Book).filter(title__icontains=v)),
    ("startswith", lambda s, v: s(Book).filter(title__startswith=v)),
    ("over a relation", lambda s, v: s(Author).filter(books__title=v)),
    ("Q", lambda s, v: s(Book).filter(Q(title=v) | Q(title__contains=v))),
    ("When", lambda s, v: s(Book).annotate(x=Case(When(title=v, then=Value(1)), default=Value(0)))),
    (
        "When icontains",
        lambda s, v: s(Book).annotate(x=Case(When(title__icontains=v, then=Value(1)), default=Value(0))),
    ),
    ("alias", lambda s, v: s(Book).alias(low=F("title")).filter(low=v)),
    ("alias startswith", lambda s, v: s(Book).alias(low=F("title")).filter(low__startswith=v)),
    ("Value", lambda s, v: s(Book).annotate(x=Value(v, output_field=CharField()))),
    ("text of JSON", lambda s, v: s(Book).filter(metadata__title=v)),
    ("a key", lambda s, v: s(Publisher).filter(country=v)),
]


@pytest.mark.parametrize(("name", "build"), TEXTS, ids=[name for name, _ in TEXTS])
def test_a_lazy_text_is_read_when_django_reads_it(name: str, build: Any) -> None:
    def both() -> tuple[Any, Any]:
        with translation.override("de"):
            return (
                build(lambda model: model._base_manager.order_by("pk"), title()),
                build(lambda model: q(model).order_by("pk"), title()),
            )

    async def answers(query: Any) -> list[Any]:
        return [plain(await query.run()) for _ in range(3)]

    adj.plan_cache.clear()
    for language in ("en", "de", "en"):
        queryset, query = both()
        with translation.override(language):
            expected = plain(list(queryset))
            for answer in run(answers(query)):
                assert answer == expected, difference(expected, answer)
