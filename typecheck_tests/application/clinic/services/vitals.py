"""Measurements at the bedside: many, and always more."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, reveal_type

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Avg, Count, F, Max, Min, OuterRef, Q, StdDev, Subquery, Window
from django.db.models.functions import Lag, TruncHour

import adj
from adj import AsyncQuery, q
from typecheck_tests.application.clinic.models import Admission, Measurement, Vital

COLUMNS: Final = ("vital", "value", "taken_at")
FEVER: Final = Decimal("38.0")


async def record(admission: Admission, vital: Vital, value: Decimal, moment: datetime.datetime) -> uuid.UUID:
    row = await q(Measurement).acreate(admission=admission, vital=vital, value=value, taken_at=moment, raw=b"\x01")
    return reveal_type(row.id)  # R: UUID


async def record_all(admission: Admission, vital: Vital, values: Iterable[tuple[datetime.datetime, Decimal]]) -> int:
    rows = (Measurement(admission=admission, vital=vital, value=value, taken_at=moment) for moment, value in values)
    return len(await q(Measurement).abulk_create(list(rows), batch_size=50))


async def copied(admission: Admission, values: Sequence[tuple[datetime.datetime, Decimal]]) -> int:
    """A device sends thousands at once."""

    def rows() -> Iterator[tuple[int, str, Decimal, datetime.datetime]]:
        for moment, value in values:
            yield admission.pk, Vital.PULSE, value, moment

    return reveal_type(await q(Measurement).acopy(rows(), fields=["admission_id", *COLUMNS]))  # R: int


async def columns(admission: Admission) -> list[tuple[str, Decimal, datetime.datetime]]:
    rows = await q(Measurement).filter(admission=admission).order_by("taken_at").values_list(*COLUMNS).run()
    return reveal_type(rows)  # R: list[tuple[str, Decimal, datetime.datetime]]


async def summary(admission: Admission, vital: Vital) -> str:
    found = (
        await q(admission.measurements)
        .filter(vital=vital)
        .aaggregate(n=Count("pk"), low=Min("value"), high=Max("value"), mean=Avg("value"), spread=StdDev("value"))
    )
    reveal_type(found)
    # R: TypedDict({'n': int, 'low': Decimal | None, 'high': Decimal | None, 'mean': Decimal | None, 'spread': Decim ...
    if found["mean"] is None:
        return "nothing was measured"
    return f"{found['n']} times, {found['low']} to {found['high']}, {found['mean']:.1f}"


async def last_of_each(admission: Admission) -> dict[str, Decimal]:
    """The last value of each kind."""
    query = q(admission.measurements).order_by("vital", "-taken_at").distinct("vital")
    rows = await query.run()
    reveal_type([row.took for row in rows])  # R: list[datetime.timedelta | None]
    return {row.vital: row.value for row in rows}


async def feverish() -> list[tuple[str, Decimal]]:
    hot = Q(vital=Vital.TEMPERATURE) & Q(value__gte=FEVER)
    query = q(Measurement).filter(hot).select_related("admission__patient").order_by("-value")
    found: list[tuple[str, Decimal]] = []
    async for row in query.aiterator(chunk_size=100):
        reveal_type(row)
        # R: Measurement[TypedDict({'admission'=: Admission[TypedDict({'patient'=: Patient[TypedDict({})]})]})]
        reveal_type(row.admission.patient.name)  # R: str
        found.append((row.admission.patient.name, row.value))
    return found


async def peaks() -> dict[int, Decimal | None]:
    """The highest pulse of each stay, if it was measured."""
    highest = Max("measurements__value", filter=Q(measurements__vital=Vital.PULSE))
    rows = await q(Admission).annotate(peak=highest).order_by("pk").values_list("pk", "peak").run()
    reveal_type(rows)  # R: list[tuple[int, Decimal | None]]
    return dict(rows)


async def by_hour(vital: Vital) -> list[tuple[datetime.datetime, Decimal]]:
    query = (
        q(Measurement).filter(vital=vital).values("admission").annotate(hour=TruncHour("taken_at"), mean=Avg("value"))
    )
    rows = await query.order_by("hour").values_list("hour", "mean").run()
    return reveal_type(rows)  # R: list[tuple[datetime.datetime, Decimal]]


async def jumps(limit: Decimal) -> list[Decimal]:
    """Values that differ much from the one before."""
    before = Window(Lag("value"), partition_by=[F("admission"), F("vital")], order_by=F("taken_at").asc())
    found: list[Decimal] = []
    for row in await q(Measurement).annotate(before=before).order_by("taken_at").run():
        if row.before is not None and abs(row.value - row.before) > limit:
            found.append(row.value)
    return found


async def arrays() -> dict[str, list[Decimal]]:
    values = ArrayAgg("value", filter=Q(value__gt=0), order_by="value")
    rows = await q(Measurement).values("vital").annotate(all_values=values).order_by("vital").run()
    reveal_type(rows)  # R: list[TypedDict({'vital': str, 'all_values': list[Decimal] | None})]
    return {row["vital"]: list(row["all_values"] or []) for row in rows}


async def devices(maker: str) -> AsyncIterator[Decimal]:
    async with q(Measurement).filter(device__maker=maker).order_by("taken_at").stream() as rows:
        async for row in rows:
            yield reveal_type(row.value)  # R: Decimal


async def newest_pulse() -> list[tuple[int, Decimal | None]]:
    pulse = q(Measurement).filter(admission=OuterRef("pk"), vital=Vital.PULSE).order_by("-taken_at")
    query = q(Admission).annotate(pulse=Subquery(pulse.values("value")[:1])).filter(pulse__isnull=False)
    rows = await query.order_by("pk").run()
    reveal_type(rows[0].pulse)  # R: Decimal | None
    return [(row.pk, row.pulse) for row in rows]


async def newest(admission: Admission) -> Measurement | None:
    query = q(Measurement).filter(admission=admission)
    return await query.alatest() if await query.aexists() else None


async def slow(limit: datetime.timedelta) -> int:
    return await q(Measurement).filter(took__gt=limit).acount()


async def forget(before: datetime.datetime) -> int:
    old = q(Measurement).filter(taken_at__lt=before, admission__discharged_at__isnull=False)
    rows = await old.returning("id").adelete()
    reveal_type(rows)  # R: list[tuple[UUID]]
    return len(rows)


async def by_ids(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Decimal]:
    rows = await q(Measurement).ain_bulk(ids)
    reveal_type(rows)  # R: dict[UUID, Measurement[TypedDict({})]]
    return {pk: row.value for pk, row in rows.items()}


def in_range(query: AsyncQuery[Measurement], low: Decimal, high: Decimal) -> AsyncQuery[Measurement]:
    return query.filter(value__range=(low, high))


async def correct(ids: Sequence[uuid.UUID], difference: Decimal) -> int:
    """A device was wrong."""
    async with adj.atomic():
        changed = await q(Measurement).filter(pk__in=ids).select_for_update().order_by("pk").run()
        for row in changed:
            row.value += difference
            row.device = {**row.device, "corrected": True}
        return await q(Measurement).abulk_update(changed, ["value", "device"])
