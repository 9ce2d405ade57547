"""Notes about anything, and what a query does to rows of any model."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TypeVar, reveal_type

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Count, F, Max, OuterRef, Subquery
from django.db.models.functions import Left, Length

import adj
from adj import AsyncQuery, q
from typecheck_tests.application.clinic.models import Admission, Clinician, Note, Patient, Stamped

T = TypeVar("T", bound=Stamped)


async def note(subject: models.Model, text: str, author: Clinician | None = None) -> Note:
    return await q(Note).acreate(subject=subject, text=text, author=author)


async def notes_of(admission: Admission) -> list[str]:
    rows = await q(admission.notes).order_by("pk").select_related("author").run()
    reveal_type(rows[0].text)  # R: str
    return [row.text if row.author is None else f"{row.text} ({row.author.name})" for row in rows]


async def subjects() -> list[str]:
    """What the notes are about: rows of several models."""
    rows = await q(Note).prefetch_related("subject").order_by("pk").run()
    names: list[str] = []
    for row in rows:
        if row.subject is not None:
            names.append(f"{type(row.subject).__name__} {row.subject.pk}: {row.text}")
    return names


async def admissions_with_notes() -> dict[int, list[str]]:
    rows = (
        await q(Admission).filter(notes__text__gt="").distinct().prefetch_related("notes__author").order_by("pk").run()
    )
    found: dict[int, list[str]] = {}
    for row in rows:
        for each in row.notes.all():
            reveal_type(each.text)  # R: str
            found.setdefault(row.pk, []).append(each.text)
    return found


async def by_author() -> list[tuple[str | None, int]]:
    rows = q(Note).values_list("author__name").annotate(n=Count("pk")).order_by("-n", "author__name")
    return reveal_type(await rows.run())  # R: list[tuple[str | None, int]]


async def by_model() -> dict[str, int]:
    rows = await q(Note).values("content_type__model").annotate(n=Count("pk")).order_by("content_type__model").run()
    reveal_type(rows)  # R: list[TypedDict({'content_type__model': str, 'n': int})]
    return {row["content_type__model"]: row["n"] for row in rows}


async def content_type(model: type[models.Model]) -> ContentType:
    label = model._meta
    return await q(ContentType).aget(app_label=label.app_label, model=label.model_name)


async def last_notes() -> list[tuple[str, str | None]]:
    kind = await content_type(Patient)
    about = q(Note).filter(content_type=kind, object_id=OuterRef("pk")).order_by("-pk")
    rows = await q(Patient).annotate(last_note=Subquery(about.values("text")[:1])).order_by("number").run()
    reveal_type(rows[0].last_note)  # R: str | None
    return [(row.number, row.last_note) for row in rows]


async def excerpts(length: int) -> list[str]:
    short = Left("text", length)
    rows = await q(Note).annotate(short=short, size=Length("text")).filter(size__gt=length).order_by("pk").run()
    reveal_type(rows[0].short)  # R: str
    reveal_type(rows[0].size)  # R: int
    return [f"{row.short}... ({row.size})" for row in rows]


async def changed_after(models_: Sequence[type[T]], moment: datetime.datetime) -> list[T]:
    """Rows of several models, each with its table."""
    found: list[T] = []
    for model in models_:
        found.extend(await q(model).filter(changed_at__gt=moment).order_by("pk").run())
    return found


async def last_changes(model: type[T]) -> list[datetime.datetime]:
    """The moments in which something was changed, the last one first."""
    query = q(model).order_by("-changed_at").values_list("changed_at", flat=True).distinct()
    return reveal_type(await query[:5].run())  # R: list[datetime.datetime]


async def age_of_last(model: type[Admission] | type[Patient], now: datetime.datetime) -> datetime.timedelta | None:
    found = await q(model).aaggregate(last=Max("created_at"))
    reveal_type(found)  # R: TypedDict({'last': datetime.datetime | None})
    return None if found["last"] is None else now - found["last"]


async def hand_over(source: Clinician, target: Clinician) -> dict[str, int]:
    """Give everything that one clinician has to another."""
    async with adj.atomic():
        moved = {
            "patients": await q(source.regulars).aupdate(practitioner=target),
            "admissions": await adj.related(source, "attended").aupdate(attending=target),
            "notes": await q(Note).filter(author=source).aupdate(author=target.pk),
            "trainees": await q(source.trainees).exclude(pk=target.pk).aupdate(supervisor=target),
        }
        await q(Clinician).filter(pk=source.pk).aupdate(skills=[], supervisor=F("supervisor"))
    return moved


async def delete_all(query: AsyncQuery[Note]) -> int:
    deleted, _ = await query.adelete()
    return deleted


async def team(clinician: Clinician) -> list[str]:
    """A clinician with the trainees, and theirs."""
    row = await q(Clinician).prefetch_related("trainees__trainees").aget(pk=clinician.pk)
    reveal_type(row)
    # R: Clinician[TypedDict({'trainees'=: Clinician[TypedDict({'trainees'=: Clinician[TypedDict({})]})]})]
    names = [row.name]
    for trainee in row.trainees.all():
        reveal_type(trainee.grade)  # R: int
        names.append(trainee.name)
        names += [each.name for each in trainee.trainees.all()]
    return names


async def supervisors(clinician: Clinician) -> list[str]:
    """Up the hierarchy, one query after another."""
    names: list[str] = []
    current = await q(Clinician).select_related("supervisor").aget(pk=clinician.pk)
    while current.supervisor is not None:
        names.append(current.supervisor.name)
        current = await q(Clinician).select_related("supervisor").aget(pk=current.supervisor.pk)
    return names


async def skilled(*skills: str) -> list[tuple[str, list[str]]]:
    query = q(Clinician).filter(skills__contains=list(skills)).order_by("name")
    rows = await query.values_list("name", "skills").run()
    return reveal_type(rows)  # R: list[tuple[str, list[str]]]


async def raw_names(grade: int) -> list[str]:
    """SQL where it says more."""
    sql = "SELECT p.*, c.* FROM clinic_clinician c JOIN clinic_person p ON p.id = c.person_ptr_id WHERE c.grade = %s"
    rows = await q(Clinician).raw(sql, [grade]).run()
    return sorted(row.name for row in rows)


async def exclusive(clinician: Clinician) -> str:
    """Django's own code, which knows nothing of event loops."""

    def trained() -> str:
        fresh = Clinician.objects.select_related("supervisor").get(pk=clinician.pk)
        return fresh.supervisor.name if fresh.supervisor else fresh.name

    return reveal_type(await adj.run_sync(trained))  # R: str
