"""Repositories: what every model has in common, written once and bound to a model by a type variable."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, reveal_type

from django.db import models
from django.db.models import Count, Max, Q

import adj
from adj import AsyncQuery, Page, q
from typecheck_tests.application.clinic.models import (
    Clinician,
    Drug,
    Insurer,
    Named,
    Patient,
    Person,
    Stamped,
    Ward,
)

M = TypeVar("M", bound=models.Model)
N = TypeVar("N", bound=Named)
S = TypeVar("S", bound=Stamped)
P = TypeVar("P", bound=Person)
C = TypeVar("C", Drug, Insurer)


class Repo(Generic[M]):
    """Reads and writes the rows of one model, whichever it is."""

    def __init__(self, model: type[M]) -> None:
        self.model = model

    def all(self) -> AsyncQuery[M]:
        return q(self.model).all()

    async def get(self, pk: object) -> M:
        return await q(self.model).aget(pk=pk)

    async def find(self, pk: object) -> M | None:
        return await q(self.model).aget_or_none(pk=pk)

    async def count(self) -> int:
        return reveal_type(await q(self.model).acount())  # R: int

    async def by_key(self, keys: Iterable[Any]) -> dict[Any, M]:
        return await q(self.model).ain_bulk(list(keys))

    async def each(self) -> AsyncIterator[M]:
        async for row in q(self.model).order_by("pk"):
            yield row

    async def remove(self, rows: Sequence[M]) -> int:
        deleted, by_model = await q(self.model).filter(pk__in=[row.pk for row in rows]).adelete()
        reveal_type(by_model)  # R: dict[str, int]
        return reveal_type(deleted)  # R: int

    async def add(self, rows: Sequence[M]) -> list[M]:
        return await q(self.model).abulk_create(rows, batch_size=100)

    async def exists(self) -> bool:
        return await q(self.model).aexists()


class NamedRepo(Repo[N]):
    """Rows that have a name and a code."""

    async def by_code(self, code: str) -> N | None:
        return await q(self.model).filter(code=code).afirst()

    async def names(self) -> list[str]:
        return reveal_type(await q(self.model).order_by("name").values_list("name", flat=True).run())  # R: list[str]

    async def codes(self) -> dict[str, str]:
        pairs = await q(self.model).values_list("code", "name").order_by("code").run()
        reveal_type(pairs)  # R: list[tuple[str, str]]
        return dict(pairs)

    def search(self, text: str, *, limit: int = 10) -> AsyncQuery[N]:
        matches = Q(name__icontains=text) | Q(code__istartswith=text)
        return q(self.model).filter(matches).order_by("name", "code")[:limit]

    async def rename(self, code: str, name: str) -> int:
        return await q(self.model).filter(code=code).aupdate(name=name)

    async def ensure(self, code: str, values: Mapping[str, Any]) -> tuple[N, bool]:
        return await q(self.model).aget_or_create(code=code, defaults=values)

    async def page(self, cursor: str | None = None) -> Page[N]:
        return await q(self.model).order_by("name", "pk").page(2, after=cursor)

    async def keyed(self) -> dict[str, N]:
        return await q(self.model).ain_bulk(field_name="code")


class PersonRepo(Repo[P]):
    """Persons of one kind."""

    def born_in(self, year: int) -> AsyncQuery[P]:
        return q(self.model).filter(born__year=year).order_by("born", "name")

    def adults(self, today: datetime.date) -> AsyncQuery[P]:
        return self.all().filter(born__lte=today.replace(year=today.year - 18)).exclude(name="")

    async def oldest(self) -> P | None:
        return await self.all().order_by("born").afirst()

    async def with_name(self, name: str) -> list[P]:
        query = q(self.model).filter(name__iexact=name)
        return await query.run()

    async def reachable(self) -> list[tuple[str, str | None]]:
        return reveal_type(await q(self.model).exclude(email=None).values_list("name", "email").order_by("name").run())
        # R: list[tuple[str, str | None]]


async def touched_since(model: type[S], moment: datetime.datetime) -> list[S]:
    """The rows of a model that were changed since then."""
    return await q(model).filter(changed_at__gte=moment).order_by("-changed_at").run()


async def last_change(model: type[S]) -> datetime.datetime | None:
    """When something was changed for the last time."""
    found = await q(model).aaggregate(last=Max("changed_at"), n=Count("pk"))
    reveal_type(found)  # R: TypedDict({'last': datetime.datetime | None, 'n': int})
    return found["last"]


async def price_list(model: type[C]) -> list[str]:
    """The names of drugs or of insurers."""
    query = q(model).order_by("code")
    return [row.name for row in await query.run()]


async def name_of(model: type[Ward | Drug], code: str) -> str | None:
    """The name of a ward or of a drug."""
    row = await q(model).filter(code=code).afirst()
    return None if row is None else row.name


async def names_of(model: type[Patient] | type[Clinician]) -> list[str]:
    """The names of the persons of one kind."""
    rows = await q(model).filter(name__gt="").order_by("name").values("name", "born").run()
    reveal_type(rows)  # R: list[TypedDict({'name': str, 'born': datetime.date})]
    return [row["name"] for row in rows]


async def refreshed(row: M) -> M:
    """A row as it is now."""
    await adj.refresh(row)
    return row


async def first_of(query: AsyncQuery[M], default: M) -> M:
    """The first row of any query."""
    row = await query.afirst()
    return default if row is None else row


async def rows_of(query: AsyncQuery[M, Any]) -> int:
    """How many rows a query has, whatever they are."""
    return await query.acount()


wards = NamedRepo(Ward)
drugs = NamedRepo(Drug)
patients = PersonRepo(Patient)
clinicians = PersonRepo(Clinician)
