"""Rows for the tests. Fixtures that write request `db`, as pytest-django requires."""

from __future__ import annotations

import pytest

import adj
from library.models import Book, Loan, Member
from tests.factories import BookFactory, LoanFactory, MemberFactory


@pytest.fixture
def book(db: None) -> Book:
    return BookFactory.create(title="The Dispossessed")


@pytest.fixture
def member(db: None) -> Member:
    return MemberFactory.create(name="Shevek")


@pytest.fixture
async def loan(book: Book, member: Member) -> Loan:
    """An asynchronous fixture calls a factory with `run_sync()`."""
    return await adj.run_sync(LoanFactory.create, book=book, member=member)
