"""Members of a library, its books, and the loans."""

from __future__ import annotations

from django.db import models


class Member(models.Model):
    name: models.CharField[str, str] = models.CharField(max_length=100)
    email: models.EmailField[str, str] = models.EmailField(unique=True)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title: models.CharField[str, str] = models.CharField(max_length=200)
    copies: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return self.title


class Loan(models.Model):
    book: models.ForeignKey[Book, Book] = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="loans")
    member: models.ForeignKey[Member, Member] = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="loans"
    )
    is_returned: models.BooleanField[bool, bool] = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.book} to {self.member}"
