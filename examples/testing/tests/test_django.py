"""Django's own asynchronous methods and adj's queries use the same transaction."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from adj import q
from library.models import Book, Loan, Member
from tests.factories import BookFactory

pytestmark = pytest.mark.django_db


async def test_adj_sees_what_acreate_wrote() -> None:
    book = await Book.objects.acreate(title="Lavinia")
    assert await q(Book).filter(title="Lavinia").aget() == book


async def test_adj_sees_what_asave_wrote(book: Book) -> None:
    book.title = "Lavinia"
    await book.asave()
    assert await q(Book).values_list("title", flat=True).run() == ["Lavinia"]


async def test_adj_sees_what_a_thread_wrote() -> None:
    await sync_to_async(BookFactory.create)(title="Tehanu")
    assert await q(Book).values_list("title", flat=True).run() == ["Tehanu"]


async def test_rows_of_a_bulk_are_seen() -> None:
    await Book.objects.abulk_create([Book(title=f"Volume {number}") for number in range(50)])
    assert await q(Book).acount() == 50


async def test_a_member_is_deleted_with_loans(loan: Loan, member: Member) -> None:
    await member.adelete()
    assert not await q(Loan).aexists()


@pytest.mark.parametrize("number", range(3))
async def test_a_unique_address_is_free_in_each_test(number: int) -> None:
    await Member.objects.acreate(name="Odo", email="odo@library.example")
    assert await q(Member).acount() == 1


async def test_tasks_share_the_transaction() -> None:
    async def add(number: int) -> None:
        await Book.objects.acreate(title=f"Book {number}")
        assert await q(Book).filter(title=f"Book {number}").aexists()

    await asyncio.gather(*(add(number) for number in range(5)))
    assert await q(Book).acount() == 5
