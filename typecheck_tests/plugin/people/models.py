"""The swapped user model; written without `from __future__ import annotations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractUser
from django.db import models

if TYPE_CHECKING:
    from typecheck_tests.plugin.press.models import House


class Member(AbstractUser):
    """A user who belongs to a house, which belongs to a user."""

    house = models.ForeignKey("press.House", models.SET_NULL, null=True, related_name="members")

    def home(self) -> House | None:
        """What a method reads is not tracked: it does not know its row."""
        return self.house


class Badge(models.Model):
    """A one-to-one relation from its own side."""

    member = models.OneToOneField(Member, models.CASCADE, related_name="badge")
    number = models.IntegerField()
