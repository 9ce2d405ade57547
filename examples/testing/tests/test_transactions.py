"""`adj.atomic()` inside the test's transaction is a savepoint."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.db import IntegrityError

import adj
from adj import q
from library.models import Book, Member
from tests.factories import BookFactory, MemberFactory


@pytest.mark.django_db
async def test_a_block_with_an_error_is_rolled_back() -> None:
    await Book.objects.acreate(title="Stays")
    with suppress(LookupError):
        async with adj.atomic():
            await Book.objects.acreate(title="Goes")
            raise LookupError
    assert await q(Book).values_list("title", flat=True).run() == ["Stays"]


async def test_the_test_goes_on_after_an_error_of_the_server(member: Member) -> None:
    with pytest.raises(IntegrityError):
        async with adj.atomic():
            await Member.objects.acreate(name="Twin", email=member.email)
    assert await q(Member).acount() == 1


@pytest.mark.django_db
async def test_synchronous_code_runs_in_the_block() -> None:
    async with adj.atomic():
        await adj.run_sync(BookFactory.create_batch, 3)
        assert await q(Book).acount() == 3


@pytest.mark.asyncio(loop_scope="session")
async def test_a_loop_of_the_session_finds_the_transaction_too(member: Member) -> None:
    async with adj.atomic():
        await adj.run_sync(MemberFactory.create)
    assert await q(Member).acount() == 2
