"""`q(Book).raw(sql)`: instances from hand-written SQL, read by Django's own code on adj's connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from adj.compiler.django.routing import alias_of_raw, raw_copy
from adj.compiler.keys.prefetch_lookups import prefetch_lookup
from adj.compiler.keys.snapshot import snapshot_prefetches
from adj.execution.databases import executor_for
from adj.queryset_names import RAW_SURFACE, advice
from adj.typevars import M

if TYPE_CHECKING:
    from django.db.models.query import RawQuerySet


class AsyncRawQuery(Generic[M]):
    """Hand-written SQL whose rows are instances of a model. Immutable; it can run any number of times."""

    __slots__ = ("_queryset",)

    def __init__(self, queryset: RawQuerySet[M]) -> None:
        self._queryset = queryset

    def prefetch_related(self, *lookups: Any) -> AsyncRawQuery[M]:
        """Load relations of the rows with one further query each; see Django's `prefetch_related()`."""
        lookups = snapshot_prefetches(lookups)
        return AsyncRawQuery(self._queryset.prefetch_related(*map(prefetch_lookup, lookups)))

    def using(self, alias: str | None) -> AsyncRawQuery[M]:
        """Run the SQL on another database."""
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
        """Run the SQL and return all rows. Raises Django's own errors for errors of the database."""
        executor = await executor_for(self.db)
        rows: list[M] = await executor.run(lambda: list(self.queryset))
        return rows

    arun = run

    async def aiterator(self, chunk_size: int = 2_000) -> AsyncIterator[M]:
        """Iterate over the rows, creating `chunk_size` instances at a time, 2,000 by default."""
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

    if not TYPE_CHECKING:  # type checkers report these mistakes; the messages are for users without one

        def __await__(self) -> NoReturn:
            raise TypeError("A raw query cannot be awaited. Add .run(): `await q(Book).raw(sql).run()`.")

        def __iter__(self) -> NoReturn:
            raise TypeError(
                "A raw query cannot be iterated with `for`. Use `async for`, or `for row in await query.run()`."
            )

        def __len__(self) -> NoReturn:
            raise TypeError("A raw query has no length until it has run. Use `len(await query.run())`.")

        def __bool__(self) -> NoReturn:
            raise TypeError("A raw query has no truth value until it has run. Use `bool(await query.run())`.")

        def __getattr__(self, name: str) -> NoReturn:
            # Without a full stop: Python adds ". Did you mean: ...?" to the message in tracebacks.
            raise AttributeError(
                f"AsyncRawQuery has no attribute {name!r}{advice(RAW_SURFACE.get(name))}", name=name, obj=self
            )
