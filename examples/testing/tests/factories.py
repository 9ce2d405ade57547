"""Create members, books and loans, synchronously, because factory_boy is synchronous."""

from __future__ import annotations

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.faker import Faker

from library.models import Book, Loan, Member


class MemberFactory(DjangoModelFactory[Member]):
    class Meta:
        model = Member

    name = Faker("name")
    email = Sequence(lambda number: f"member{number}@library.example")


class BookFactory(DjangoModelFactory[Book]):
    class Meta:
        model = Book

    title = Sequence(lambda number: f"Book {number}")
    copies = 1


class LoanFactory(DjangoModelFactory[Loan]):
    class Meta:
        model = Loan

    book = SubFactory(BookFactory)
    member = SubFactory(MemberFactory)
