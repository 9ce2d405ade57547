"""Tests of the project's code."""

from __future__ import annotations

import pytest

import adj
from adj import q
from adj.testing import AssertNumQueries
from library.lending import NotLent, give_back, lend, open_loans, titles_of
from library.models import Book, Loan, Member
from tests.factories import BookFactory, LoanFactory, MemberFactory


async def test_a_book_is_lent(book: Book, member: Member) -> None:
    await lend(book, member)
    assert await titles_of(member) == ["The Dispossessed"]


async def test_the_last_copy_is_lent_once(book: Book, member: Member, loan: Loan) -> None:
    other = await adj.run_sync(MemberFactory.create)
    with pytest.raises(NotLent, match="no copy of The Dispossessed is left"):
        await lend(book, other)
    assert await q(Loan).acount() == 1


async def test_a_member_has_two_books_at_most(member: Member) -> None:
    books = await adj.run_sync(BookFactory.create_batch, 3)
    await lend(books[0], member)
    await lend(books[1], member)
    with pytest.raises(NotLent, match="has 2 books already"):
        await lend(books[2], member)
    assert await open_loans(books[2]) == 0


async def test_a_book_that_came_back_is_lent_again(book: Book, loan: Loan) -> None:
    await give_back(loan)
    await lend(book, await adj.run_sync(MemberFactory.create))
    assert await q(Loan).filter(book=book).acount() == 2


async def test_titles_are_in_order(member: Member) -> None:
    for title in ("Orsinia", "Always Coming Home"):
        await adj.run_sync(LoanFactory.create, member=member, book__title=title)
    assert await titles_of(member) == ["Always Coming Home", "Orsinia"]


@pytest.mark.django_db
async def test_without_loans_there_are_none() -> None:
    assert await titles_of(await adj.run_sync(MemberFactory.create)) == []


async def test_lending_takes_five_statements(
    book: Book, member: Member, adj_assert_num_queries: AssertNumQueries
) -> None:
    """Lending takes a savepoint, an insert, two counts, and the release of the savepoint."""
    async with adj_assert_num_queries(5):
        await lend(book, member)
