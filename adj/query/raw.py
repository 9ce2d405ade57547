"""`q(Book).raw(sql)`: instances from hand-written SQL, read by Django's own code on adj's connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from adj.compiler.django.routing import alias_of_raw, raw_copy
from adj.compiler.keys.prefetch_lookups import prefetch_lookup
from adj.compiler.keys.snapshot import snapshot_prefetches
from adj.execution.databases import executor_for
from adj.query.queryset_names import RAW_SURFACE, advice
from adj.typevars import M

if TYPE_CHECKING:
    from django.db.models.query import RawQuerySet


class AsyncRawQuery(Generic[M]):
    """Hand-written SQL whose rows are instances of a model. Immutable; runs as often as it is asked to."""

    __slots__ = ("_queryset",)

    def __init__(self, queryset: RawQuerySet[M]) -> None:
        self._queryset = queryset

    def prefetch_related(self, *lookups: Any) -> AsyncRawQuery[M]:
        """Prefetch relations of the rows; see Django's `prefetch_related`."""
        lookups = snapshot_prefetches(lookups)
        return AsyncRawQuery(self._queryset.prefetch_related(*map(prefetch_lookup, lookups)))

    def using(self, alias: str | None) -> AsyncRawQuery[M]:
        """The same SQL on another database."""
        return AsyncRawQuery(self._queryset.using(alias))

    @property
    def queryset(self) -> RawQuerySet[M]:
        """Django's RawQuerySet, for synchronous code."""
        queryset: RawQuerySet[M] = raw_copy(self._queryset)
        return queryset

    @property
    def db(self) -> str:
        """The alias that the SQL would run on now."""
        return alias_of_raw(self._queryset)

    async def run(self) -> list[M]:
        """All rows. Raises Django's own errors for SQL that the database refuses."""
        executor = await executor_for(self.db)
        rows: list[M] = await executor.run(lambda: list(self.queryset))
        return rows

    arun = run

    async def aiterator(self, chunk_size: int = 2_000) -> AsyncIterator[M]:
        """One row after another; `chunk_size` rows (2,000 by default) become instances at a time."""
        executor = await executor_for(self.db)
        async with executor.connection() as connection:
            rows: Any = await connection.run(self.queryset.iterator)
            try:
                while chunk := await connection.run(lambda: list(islice(rows, chunk_size))):
                    for row in chunk:
                        yield row
            finally:
                await connection.run(rows.close)

    async def __aiter__(self) -> AsyncIterator[M]:
        for row in await self.run():
            yield row

    def __repr__(self) -> str:
        return f"<AsyncRawQuery: {self._queryset.raw_query}>"

    if not TYPE_CHECKING:  # a checker already refuses these; they are for those without one

        def __await__(self) -> NoReturn:
            raise TypeError("a raw query is not awaitable: add .run(), as in `await q(Book).raw(sql).run()`.")

        def __iter__(self) -> NoReturn:
            raise TypeError("a raw query is not iterable: use `async for`, or a `for` over `await query.run()`.")

        def __len__(self) -> NoReturn:
            raise TypeError("a raw query has no length before it has run: use `len(await query.run())`.")

        def __bool__(self) -> NoReturn:
            raise TypeError("a raw query is neither true nor false before it has run: use `bool(await query.run())`.")

        def __getattr__(self, name: str) -> NoReturn:
            # Without a full stop: Python adds ". Did you mean: ...?" to the message in tracebacks.
            raise AttributeError(
                f"AsyncRawQuery has no attribute {name!r}{advice(RAW_SURFACE.get(name))}", name=name, obj=self
            )
