"""Lend books: asynchronous code with adj's queries and with Django's own methods."""

from __future__ import annotations

from adj import atomic, q
from library.models import Book, Loan, Member

MOST_LOANS = 2


class NotLent(Exception):
    """The book was not lent, and the database did not change."""


async def lend(book: Book, member: Member) -> Loan:
    """Lend a book. Raises `NotLent` if no copy is left, or the member has too many books."""
    async with atomic():
        loan = await Loan.objects.acreate(book=book, member=member)
        if await open_loans(book) > book.copies:
            raise NotLent(f"no copy of {book} is left")
        if await q(Loan).filter(member=member, is_returned=False).acount() > MOST_LOANS:
            raise NotLent(f"{member} has {MOST_LOANS} books already")
    return loan


async def give_back(loan: Loan) -> None:
    """Take a book back."""
    loan.is_returned = True
    await loan.asave(update_fields=["is_returned"])


async def open_loans(book: Book) -> int:
    """The number of copies of a book that members have."""
    return await q(Loan).filter(book=book, is_returned=False).acount()


async def titles_of(member: Member) -> list[str]:
    """The books that a member has, ordered by title."""
    loans = q(Loan).filter(member=member, is_returned=False).order_by("book__title")
    return [title async for title in loans.values_list("book__title", flat=True)]
