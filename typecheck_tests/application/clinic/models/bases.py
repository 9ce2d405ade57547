"""The abstract bases."""

from __future__ import annotations

from django.db import models


class Stamped(models.Model):
    """Knows when it was made and changed."""

    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Named(models.Model):
    """Has a name and a code that is unique."""

    name = models.CharField(max_length=120)
    code = models.SlugField(max_length=20, unique=True)

    class Meta:
        abstract = True
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
