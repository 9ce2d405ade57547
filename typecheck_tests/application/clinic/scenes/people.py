"""Repositories, patients and notes."""

from __future__ import annotations

import datetime
from decimal import Decimal

from adj import q
from typecheck_tests.application.clinic.data import JANUARY, moment
from typecheck_tests.application.clinic.models import (
    Admission,
    Clinician,
    Drug,
    Insurer,
    Note,
    Patient,
    Urgency,
    Ward,
)
from typecheck_tests.application.clinic.services import audit, patients, repositories
from typecheck_tests.application.clinic.services.repositories import NamedRepo, PersonRepo, Repo


async def a_repository_of_any_model() -> None:
    repo = Repo(Ward)
    assert await repo.count() == 3
    ward = await repo.all().order_by("code").aget(code="icu")
    assert await repo.get(ward.pk) == ward
    assert await repo.find(0) is None
    assert await repo.by_key([ward.pk]) == {ward.pk: ward}
    assert [row.code async for row in repo.each()] == ["icu", "card", "kids"]
    assert await repo.exists()
    assert (
        await repo.remove(await repo.add([Ward(code="x", name="X", floor=0, specialty="", daily_rate=Decimal(1))])) == 1
    )


async def a_repository_of_named_models() -> None:
    repo = NamedRepo(Drug)
    drug = await repo.by_code("ibu")
    assert drug is not None
    assert drug.price == Decimal("2.50")
    assert await repo.names() == ["amoxicillin", "ibuprofen", "morphine", "penicillin"]
    assert list(await repo.codes()) == ["amox", "ibu", "morph", "pen"]
    assert [row.code for row in await repo.search("in", limit=2).run()] == ["amox", "morph"]
    assert await repo.rename("ibu", "Ibuprofen") == 1
    made, is_new = await repo.ensure("asp", {"name": "aspirin", "price": Decimal(1)})
    assert (made.name, is_new) == ("aspirin", True)
    page = await repo.page()
    assert len((await repo.page(page.next)).rows) == 2
    assert set(await repo.keyed()) == {"amox", "ibu", "morph", "pen", "asp"}
    assert await repositories.wards.count() == 3
    assert await repositories.drugs.exists()


async def a_repository_of_persons() -> None:
    repo = repositories.patients
    assert [row.number for row in await repo.born_in(1980).run()] == ["P2"]
    assert [row.number for row in await repo.adults(datetime.date(2024, 5, 1)).order_by("number").run()] == [
        "P1",
        "P2",
        "P4",
    ]
    oldest = await repo.oldest()
    assert oldest is not None
    assert oldest.number == "P1"
    assert len(await repositories.clinicians.with_name("ada holm")) == 1
    assert await PersonRepo(Clinician).reachable() == [("Ada Holm", "ada@example.org")]


async def functions_of_type_variables() -> None:
    assert await repositories.touched_since(Patient, moment(1, 1))
    assert await repositories.last_change(Note) is not None
    assert await repositories.price_list(Insurer) == ["Private", "Public"]
    assert await repositories.price_list(Drug) == ["amoxicillin", "ibuprofen", "morphine", "penicillin"]
    assert await repositories.name_of(Ward, "icu") == "Intensive care"
    assert await repositories.name_of(Drug, "none") is None
    assert await repositories.names_of(Clinician) == ["Ada Holm", "Ben Lund", "Cleo Moe"]
    ward = await q(Ward).aget(code="icu")
    assert await repositories.refreshed(ward) == ward
    assert await repositories.first_of(q(Ward).filter(floor=9), ward) is ward
    assert await repositories.rows_of(q(Ward).values_list("code", "floor")) == 3


async def patients_are_registered() -> None:
    patient = await patients.register("P9", "Liv Foss", JANUARY, allergies=["nuts"])
    assert await patients.by_number("p9") == patient
    assert [row["practitioner__name"] for row in await patients.lines()] == ["Ada Holm", None, "Ben Lund", None, None]


async def allergies() -> None:
    assert await patients.allergic("penicillin") == ["Ida Berg", "Kim Eide"]
    assert [row.number for row in await patients.allergic_by_manager("latex", "nuts")] == ["P3"]
    assert await patients.number_of_allergies() == {"P1": 1, "P2": 0, "P3": 2, "P4": 0}


async def regulars() -> None:
    assert await patients.regular_names() == ["Ida Berg: 2", "Jon Dahl: 2"]
    assert await q(Patient).filter(address__city="Oslo").acount() == 2
    living = patients.PatientQuery.of(q(Patient)).living_in("Oslo")
    assert await living.acount() == 2
    assert (await patients.history("P1")).last_stay == moment(5, 1)
    assert await patients.described() == ["P1 (2)", "P2 (2)", "P3 (1)"]
    assert [row.number for row in await patients.longest_absent(moment(5, 2))] == ["P1", "P4"]
    assert await patients.counted_by_queryset(Patient.objects.allergic_to("penicillin")) == [("P1", 2), ("P3", 1)]
    assert list(await patients.first_stays()) == ["P1", "P2", "P3"]


async def insurance() -> None:
    insurer = patients.insurer_of(await patients.insured("P1"))
    assert insurer is not None
    assert insurer.code == "pub"
    assert patients.insurer_of(await patients.insured("P3")) is None
    assert await patients.uninsured() == ["P3", "P4"]
    assert await patients.expired(datetime.date(2024, 7, 1)) == [("Ida Berg", "Public", datetime.date(2024, 6, 30))]
    private = await q(Insurer).aget(code="priv")
    assert (await patients.insure(await q(Patient).aget(number="P1"), private, "C9")).number == "C9"
    assert (await patients.insure(await q(Patient).aget(number="P4"), private, "C8")).number == "C8"


async def groups_of_patients() -> None:
    assert await patients.by_city() == {"Oslo": 2, "Bergen": 1, "None": 1}
    assert await patients.born_by_decade() == [(1950, 1), (1980, 2), (2010, 1)]
    assert await patients.named_tuples() == ["P1 ida berg", "P2 jon dahl", "P3 kim eide", "P4 ada holm"]
    assert await patients.contact_sheet() == [("Ada Holm", "ada@example.org"), ("Ida Berg", "ida@example.org")]
    assert await patients.long_names(7) == ["Ada Holm", "Ida Berg", "Jon Dahl", "Kim Eide"]
    assert [name async for name in patients.all_names()] == ["Ada Holm", "Ida Berg", "Jon Dahl", "Kim Eide"]
    assert len(await patients.everyone()) == 7


async def pages_of_patients() -> None:
    page = await patients.page_of_patients()
    assert [row.number for row in page] == ["P4", "P1", "P2"]
    assert [row.number for row in await patients.page_of_patients(page.next)] == ["P3"]


async def relations_of_patients() -> None:
    rows = await patients.with_open_stays(Patient.objects.filter(number__in=["P1", "P3"]))
    assert len(rows) == 2
    ida = await q(Patient).aget(number="P1")
    assert await patients.open_stays_of(ida) == ["Ida Berg: Intensive care"]
    practitioner = await patients.practitioner_of(await q(Patient).aget(number="P3"))
    assert practitioner is not None
    assert practitioner.name == "Ada Holm"
    assert await patients.practitioner_of(await q(Patient).aget(number="P2")) is None
    assert await patients.loaded_later(await q(Patient).filter(number="P1").run()) == {"P1": ["icu", "card"]}


async def one_patient_of_several() -> None:
    found = await patients.search("Ida", born=datetime.date(1950, 5, 1), city="os")
    assert [row.number for row in found] == ["P1"]
    assert len(await patients.search("P")) == 4
    newest = await patients.latest(found[0])
    assert newest.number == "P4"
    oldest = await patients.oldest_of(["P3", "P2", "P0"])
    assert oldest is not None
    assert oldest.number == "P2"
    assert oldest.age_on(datetime.date(2024, 3, 1)) == 43


async def two_records_become_one() -> None:
    kept, dropped = await q(Patient).aget(number="P1"), await q(Patient).aget(number="P3")
    assert await patients.merge(kept, dropped) == 1
    assert kept.allergies == ["latex", "penicillin"]


async def notes() -> None:
    admission = await q(Admission).filter(urgency=Urgency.EMERGENCY).aget()
    await audit.note(admission, "asleep")
    assert await audit.notes_of(admission) == ["stable (Ada Holm)", "asleep"]
    assert (await audit.subjects())[:2] == [f"Admission {admission.pk}: stable", "Patient 4: calls often"]
    assert await audit.admissions_with_notes() == {admission.pk: ["stable", "asleep"]}
    assert await audit.by_author() == [(None, 2), ("Ada Holm", 1), ("Ben Lund", 1)]
    assert await audit.by_model() == {"admission": 2, "patient": 1, "ward": 1}
    assert (await audit.last_notes())[:2] == [("P1", "calls often"), ("P2", None)]
    assert await audit.excerpts(6) == ["calls ... (11)", "noisy ... (14)"]
    assert await audit.delete_all(q(Note).filter(author=None)) == 2


async def changes() -> None:
    rows = await audit.changed_after([Admission, Note], moment(1, 1))
    assert len(rows) == 8
    assert len(await audit.last_changes(Note)) == 3
    assert await audit.age_of_last(Patient, datetime.datetime.now(datetime.UTC)) is not None


async def clinicians() -> None:
    ada, ben = await q(Clinician).aget(license_number="L1"), await q(Clinician).aget(license_number="L2")
    cleo = await q(Clinician).aget(license_number="L3")
    assert await audit.team(ada) == ["Ada Holm", "Ben Lund", "Cleo Moe"]
    assert await audit.supervisors(cleo) == ["Ben Lund", "Ada Holm"]
    assert await audit.skilled("surgery") == [("Ada Holm", ["surgery", "anesthesia"]), ("Ben Lund", ["surgery"])]
    assert await audit.raw_names(3) == ["Ada Holm"]
    assert await audit.exclusive(ben) == "Ada Holm"
    assert await audit.hand_over(ben, cleo) == {"patients": 1, "admissions": 2, "notes": 1, "trainees": 0}
