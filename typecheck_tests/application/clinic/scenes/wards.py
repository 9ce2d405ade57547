"""Wards, admissions and vital signs."""

from __future__ import annotations

import datetime
from decimal import Decimal

from adj import q
from typecheck_tests.application.clinic.data import JANUARY, JULY, moment
from typecheck_tests.application.clinic.models import (
    Admission,
    Clinician,
    Measurement,
    Patient,
    Specialty,
    Status,
    Urgency,
    Vital,
    Ward,
)
from typecheck_tests.application.clinic.services import admissions, vitals, wards
from typecheck_tests.application.clinic.services.admissions import BedTaken

MAY = datetime.date(2024, 5, 1)


async def lists_of_wards() -> None:
    assert [(row["code"], row["occupied"]) for row in await wards.list_of_wards()] == [
        ("card", 0),
        ("icu", 2),
        ("kids", 0),
    ]
    busiest = await wards.busiest()
    assert busiest is not None
    assert (busiest.code, busiest.occupied) == ("icu", 2)
    assert [ward.code for ward in await wards.crowded(wards.occupied(), 1).run()] == ["icu"]
    assert await wards.of_specialty(Specialty.CARDIOLOGY) == ["Cardiology"]
    assert await wards.occupancy_by_queryset() == {"card": 0, "icu": 2, "kids": 1}


async def beds() -> None:
    icu = await q(Ward).aget(code="icu")
    assert await wards.bed_counts() == {"icu": 3, "card": 2, "kids": 1}
    assert await wards.free_beds(icu) == [3]
    bed = await wards.bed(icu, 3)
    assert bed is not None
    assert bed.is_isolated
    assert await wards.bed(icu, 4) is None
    assert await wards.beds_by_key(icu) == [((icu.pk, 1), False), ((icu.pk, 2), False), ((icu.pk, 3), True)]
    assert await wards.sizes() == {"card": "middle", "icu": "large", "kids": "small"}
    assert [ward.code for ward in await wards.beds_left(1)] == ["card", "icu", "kids"]


async def crews() -> None:
    assert await wards.roster(MAY) == {
        "card": ["Ben Lund (Ada Holm)"],
        "kids": [],
        "icu": ["Ada Holm", "Ben Lund (Ada Holm)"],
    }
    assert await wards.heads() == {"card": "Ben Lund", "icu": "Ada Holm"}
    assert await wards.skills_by_ward() == {"card": ["L2"], "icu": ["L1", "L2"], "kids": ["L3"]}
    assert await wards.postings_that_overlap(JANUARY, MAY) == [("Ada Holm", "icu"), ("Ben Lund", "card")]
    cleo, icu = await q(Clinician).aget(license_number="L3"), await q(Ward).aget(code="icu")
    await wards.post(cleo, icu, MAY, None)
    assert (await wards.post(cleo, icu, MAY, JULY)).share == 0.5
    assert await wards.transfer_crew(icu, await q(Ward).aget(code="kids"), MAY) == ["Ada Holm", "Ben Lund", "Cleo Moe"]


async def figures_of_wards() -> None:
    assert await wards.signs() == ["CARD: Cardiology", "ICU: Intensive care", "KIDS: Children"]
    assert await wards.daily_income() == Decimal(800)
    assert await wards.newest_patients() == [("card", "Jon Dahl"), ("icu", "Jon Dahl"), ("kids", "Kim Eide")]
    assert (await wards.numbers_of_wards())["icu"] == {"present": 2}


async def a_ward_closes() -> None:
    icu, card = await q(Ward).aget(code="icu"), await q(Ward).aget(code="card")
    assert await wards.close_ward(icu, card) == 2


async def boards_and_charts() -> None:
    board = await admissions.board("icu")
    assert [admissions.line(row) for row in board.present] == [
        "icu/1: Ida Berg (Ada Holm)",
        "icu/2: Jon Dahl (Ada Holm)",
    ]
    assert board.free_beds == -2
    first = board.present[0]
    assert admissions.key_of(first) == ("P1", "icu", 1)
    chart = await admissions.chart(first.pk)
    assert chart.title() == "Ida Berg on Intensive care, referred by Ada Holm"
    assert chart.values["temperature"] == [Decimal("38.50")]
    assert chart.warnings == ["allergic to penicillin"]
    assert admissions.warnings_of(chart.admission) == set()
    assert len(await admissions.keys(admissions.listed())) == 5


async def a_stay() -> None:
    patient, ward = await q(Patient).aget(number="P4"), await q(Ward).aget(code="icu")
    admission = await admissions.expect(patient, ward, moment(6, 2), Urgency.URGENT)
    try:
        await admissions.arrive(admission, 1)
    except BedTaken:
        pass
    else:
        raise AssertionError
    assert (await admissions.arrive(admission, 3, await q(Clinician).aget(license_number="L1"))).bed_number == 3
    assert await admissions.discharge([admission], moment(6, 3)) == [(admission.pk, ward.pk)]
    assert await admissions.by_status() == {"discharged": 3, "expected": 1, "present": 2}


async def figures_of_stays() -> None:
    assert await admissions.emergencies() == ["Ida Berg"]
    assert await admissions.by_status() == {"discharged": 2, "expected": 1, "present": 2}
    days = datetime.timedelta(days=1)
    assert await admissions.lengths_of_stay() == {"P2": 3 * days, "P1": 2 * days}
    assert await admissions.mean_stay() == 2.5 * days
    assert [n for _, n in await admissions.per_month()][0] == 2
    assert len(await admissions.days()) == 5
    assert (await admissions.hours())[0] == moment(6, 1)
    assert await admissions.numbered() == [("P1", 1), ("P1", 2), ("P2", 1), ("P2", 2), ("P3", 1)]
    assert await admissions.with_urgent_stays() == {"P1": 1, "P2": 2}
    assert len(await admissions.today()) == 5


async def stays_of_a_patient() -> None:
    last = await q(Admission).filter(patient__number="P1").alatest()
    assert len(await admissions.chain_of_stays(last)) == 2
    icu = await q(Ward).aget(code="icu")
    latest = await admissions.latest_of(icu)
    assert latest is not None
    assert latest.bed_number == 2
    assert len(await admissions.rounds(await q(Ward).run())) == 5
    assert len(await admissions.everything_about("P1")) == 2
    assert await admissions.attended_by(await q(Clinician).aget(license_number="L2")) == [
        "P2 by Ben Lund",
        "P1 by Ben Lund",
    ]
    assert await admissions.label([last], "seen") == 1
    assert await admissions.labeled("seen") == [last.pk]
    assert await admissions.names_of_rows(last.pk) == ("Ida Berg", "Ida Berg")
    assert len(await admissions.present_by_manager()) == 2
    assert await admissions.prescribed() == {1: 1, 2: 1}


async def vital_signs() -> None:
    admission = await q(Admission).aget(pk=1)
    key = await vitals.record(admission, Vital.PRESSURE, Decimal(120), moment(5, 1, 14))
    assert await vitals.record_all(admission, Vital.PULSE, [(moment(5, 1, 15), Decimal(90))]) == 1
    assert await vitals.copied(admission, [(moment(5, 1, 16), Decimal(91)), (moment(5, 1, 17), Decimal(92))]) == 2
    assert len(await vitals.columns(admission)) == 8
    assert await vitals.summary(admission, Vital.PULSE) == "6 times, 80.00 to 130.00, 96.3"
    assert await vitals.summary(await q(Admission).aget(pk=4), Vital.PULSE) == "nothing was measured"
    assert (await vitals.last_of_each(admission))["pulse"] == Decimal(92)
    assert await vitals.feverish() == [("Ida Berg", Decimal("38.50"))]
    assert (await vitals.peaks())[1] == Decimal(130)
    assert len(await vitals.by_hour(Vital.PULSE)) == 7
    assert await vitals.jumps(Decimal(20)) == [Decimal(130), Decimal(90)]
    assert await vitals.by_ids([key]) == {key: Decimal(120)}
    assert await vitals.correct([key], Decimal(5)) == 1
    newest = await vitals.newest(admission)
    assert newest is not None
    assert newest.taken_at == moment(5, 1, 17)
    assert await vitals.newest(await q(Admission).aget(pk=4)) is None


async def more_vital_signs() -> None:
    assert (await vitals.arrays())["temperature"] == [Decimal("38.50")]
    assert [value async for value in vitals.devices("Acme")] == [Decimal(80), Decimal(95), Decimal(130)]
    assert await vitals.newest_pulse() == [(1, Decimal(130)), (2, Decimal(70))]
    assert await vitals.slow(datetime.timedelta(seconds=10)) == 2
    assert await vitals.in_range(q(Measurement), Decimal(60), Decimal(80)).acount() == 2
    assert await vitals.forget(moment(4, 2)) == 1
    assert await q(Admission).filter(status=Status.PRESENT).acount() == 2
