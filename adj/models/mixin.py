"""The base class of models with adj's async methods: `class Book(AsyncModel)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import Model, Prefetch, QuerySet
from django.db.models.base import ModelBase

from adj.models.managers import AsyncManager
from adj.query import instances
from adj.query.async_query import AsyncQuery
from adj.query.load import load

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AsyncManager", "AsyncModel"]


class AsyncModel(Model):
    """An abstract model whose async methods run on adj's engine. It adds no fields and needs no migration.

    ```python
    book = await q(Book).aget(pk=1)
    await book.asave(update_fields=["title"])
    ```

    Each method runs Django's synchronous method, or the project's override of it, in the current transaction.
    """

    class Meta:
        abstract = True

    async def asave(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save the instance; see `adj.save()`."""
        await instances.save(
            self, force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields
        )

    async def adelete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete the instance, with signals and cascades; see `adj.delete()`."""
        return await instances.delete(self, using, keep_parents)

    # pyright takes the parent's `Self` for `Model` here.
    async def arefresh_from_db(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: QuerySet[Self] | AsyncQuery[Self, Self] | None = None,
    ) -> None:
        """Reload the instance; see `adj.refresh()`."""
        await instances.refresh(self, using, fields, from_queryset)

    async def afull_clean(
        self, exclude: Iterable[str] | None = None, validate_unique: bool = True, validate_constraints: bool = True
    ) -> None:
        """Validate the instance, or raise Django's `ValidationError`; see `adj.validate()`."""
        await instances.validate(self, exclude, validate_unique, validate_constraints)

    # Django's templates do not call methods with this attribute.
    asave.alters_data = True  # type: ignore[attr-defined]
    adelete.alters_data = True  # type: ignore[attr-defined]

    async def aload(self, *names: str | Prefetch[Any, Any, Any]) -> Self:
        """Load relations and deferred columns; see `adj.load()`."""
        return await load(self, *names)
