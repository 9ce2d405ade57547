"""Drugs, bills, reports and imports."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal

from adj import q
from typecheck_tests.application.clinic.data import JANUARY, moment
from typecheck_tests.application.clinic.models import (
    Admission,
    Clinician,
    Drug,
    EmergencyAdmission,
    Grade,
    Invoice,
    Patient,
    Urgency,
    Ward,
)
from typecheck_tests.application.clinic.services import billing, imports, pharmacy, reports

MAY = datetime.date(2024, 5, 1)


async def lists_of_drugs() -> None:
    assert [row["code"] for row in await pharmacy.price_list()] == ["amox", "ibu", "morph", "pen"]
    assert [row["sold"] for row in await pharmacy.sold()] == [3, 3, 0, 1]
    assert await pharmacy.prices() == await pharmacy.without_properties()
    assert await pharmacy.strengths() == [0.25, 0.5, 1.0]
    assert await pharmacy.cheap(Decimal(4)) == ["ibu", "pen"]
    assert await pharmacy.forms("pill") == ["amox", "ibu"]
    assert (await pharmacy.property_of_each("form"))["morph"] == "fluid"
    assert (await pharmacy.forms_of_each())[-1] == ("pen", None)
    assert await pharmacy.unused() == ["morph"]
    assert await pharmacy.prescribers() == [("Ada Holm", 3), ("Ben Lund", 1)]


async def conflicts() -> None:
    amox, pen = await q(Drug).aget(code="amox"), await q(Drug).aget(code="pen")
    assert await pharmacy.conflicts_of(amox) == ["ibu"]
    assert await pharmacy.conflicting(await q(Admission).aget(pk=1)) == {("amox", "ibu")}
    assert await pharmacy.declare_conflict(amox, pen) == 2


async def prescriptions() -> None:
    admission, ada = await q(Admission).aget(pk=5), await q(Clinician).aget(license_number="L1")
    pen, morph = await q(Drug).aget(code="pen"), await q(Drug).aget(code="morph")
    await pharmacy.prescribe(admission, ada, MAY, {pen: Decimal("0.5")})
    assert await pharmacy.sheet(admission) == ["pen 0.50 x 1 (Ada Holm)"]
    try:
        await pharmacy.prescribe(admission, ada, MAY, {morph: Decimal(1)})
    except pharmacy.OutOfStock:
        pass
    else:
        raise AssertionError
    assert await pharmacy.costs() == {"Ada Holm": Decimal("28.50"), "Ben Lund": Decimal(5)}
    assert [row.cost for row in await pharmacy.expensive(Decimal(3))] == [Decimal("26.50"), Decimal(5)]
    best = await pharmacy.most_expensive()
    assert best is not None
    assert best.prescriber.name == "Ada Holm"
    assert list((await pharmacy.texts()).values()) == ["amox, ibu, pen", "ibu", "pen"]
    assert await pharmacy.last_price_of(await q(Patient).aget(number="P1")) == Decimal(4)
    assert await pharmacy.amounts_as_text() == ["2.00", "1.00", "1.00", "2.00", "0.50"]
    assert len(await pharmacy.same_day(MAY)) == 2


async def deliveries() -> None:
    assert await pharmacy.restock({"ibu": 5, "morph": 1}) == 2
    assert await pharmacy.raise_prices(10) == [
        ("amox", Decimal("11.00")), ("ibu", Decimal("2.75")), ("morph", Decimal("33.00")), ("pen", Decimal("4.40")),
    ]  # fmt: skip
    assert await pharmacy.import_drugs([("ibu", "ibuprofen", "3"), ("asp", "aspirin", "1.10")]) == 2
    assert await pharmacy.copy_drugs([("zinc", "zinc", Decimal(1))]) == 1
    assert await pharmacy.discontinue("zinc") == {"clinic.Drug": 1}


async def bills() -> None:
    assert await billing.reminders(Decimal(1)) == [("priv", Decimal(950))]
    assert await billing.charge(await q(Admission).aget(pk=1), 2) == Decimal("826.50")
    invoice = await billing.bill(await q(Admission).aget(pk=1), MAY, 2)
    assert (await billing.bill(await q(Admission).aget(pk=1), MAY, 1)).total == Decimal("426.50")
    printed = await billing.printed(invoice)
    assert printed.heading() == "Ida Berg, Intensive care: 426.50"
    assert printed.copayment == Decimal(10)
    assert await billing.lines_of(invoice) == ["days"]
    assert len(await billing.overdue(datetime.date(2024, 7, 1))) == 2
    assert await billing.pay([invoice], MAY) == [(invoice.pk, Decimal("426.50"))]
    assert not await billing.cancel(invoice)


async def accounts() -> None:
    assert await billing.accounts() == [
        {"insurer": "Private", "total": Decimal(950)}, {"insurer": "Public", "total": Decimal(600)}
    ]  # fmt: skip
    assert await billing.states() == {"P1": "paid", "P2": "open", "P3": "open"}
    assert await billing.invoices_of(await q(Patient).aget(number="P1")) == [Decimal(600)]
    assert await billing.unbilled() == []
    assert await billing.with_shares() == [("P2", Decimal(1)), ("P1", Decimal(10))]
    assert await billing.members() == {"priv": ["Jon Dahl"], "pub": ["Ida Berg"]}
    assert await billing.cancel(await q(Invoice).aget(paid=None))
    assert await billing.unbilled() == [2]


async def workloads() -> None:
    found = await reports.workload(Grade.RESIDENT)
    busiest = found.busiest()
    assert busiest is not None
    assert (busiest.name, busiest.open_stays) == ("Ada Holm", 2)
    assert set(found.by_grade) == {2, 3}
    assert await reports.introductions() == [
        "Ada Holm (2) of no one", "Ben Lund (0) of Ada Holm", "Cleo Moe (0) of Ben Lund"
    ]  # fmt: skip
    assert len(await reports.sections()) == 11
    assert await reports.grades() == Counter([3, 2, 1])
    assert await reports.heads_with_stays(MAY) == {"icu": ["Ida Berg"], "card": ["Ida Berg", "Jon Dahl"]}
    assert await reports.means() == {"Ada Holm": 3.0, "Ben Lund": 2.0}


async def reports_of_wards() -> None:
    icu = await q(Ward).aget(code="icu")
    assert await reports.urgent(icu) == ["Ida Berg", "Jon Dahl"]
    assert await reports.counted(Urgency.EMERGENCY) == 1
    assert list((await reports.turnover()).values()) == [Decimal(600), Decimal(950)]
    best = await reports.best_paid_ward()
    assert best is not None
    assert best.code == "card"
    assert await reports.either_ward("icu", with_staff=True) == await reports.either_ward("icu", with_staff=False)
    assert await reports.doubled() == [("card", 4), ("icu", 6), ("kids", 2)]
    assert await reports.without_note(datetime.date(2024, 5, 2)) == 1


async def reports_of_patients() -> None:
    assert await reports.mixed_rows() == (4, True, ["Ida Berg", "Jon Dahl"])
    assert await reports.pages(3) == [["ibu", "pen", "amox"], ["morph"]]
    assert await reports.totals() == {"patients": 4, "wards": 3, "drugs": 4}
    assert await reports.several() == (4, ["card", "icu", "kids"], Decimal(1550))
    assert await reports.of_model(Ward).acount() == 3
    assert await reports.of_model(Ward, Ward.objects.filter(code="icu")).acount() == 1
    assert await reports.admissions_of(EmergencyAdmission, "P1") == ["present"]
    assert await reports.stays_of(await q(Patient).aget(number="P1")) == [moment(3, 1), moment(5, 1)]
    assert await reports.never_ill() == ["Ada Holm", "Jon Dahl", "Kim Eide"]
    assert await reports.common_names(["icu"]) == ["Ada Holm", "Intensive care"]


async def imported_people() -> None:
    assert await imports.staff(
        [
            imports.Line("L3", "Cleo Moe", JANUARY, Grade.RESIDENT),
            imports.Line("L4", "Dag Nes", datetime.date(1999, 1, 1), Grade.NURSE),
        ]
    ) == {"L3": False, "L4": True}
    assert await imports.supervise({"L4": "L1", "L3": "L1"}) == 2
    assert await imports.post_all([("L4", "icu"), ("L1", "icu"), ("L3", "card")], MAY) == 3
    patient, clinician = await q(Patient).aget(number="P4"), await q(Clinician).aget(license_number="L4")
    assert await imports.set_practitioners({patient: clinician}) == 1
    assert await imports.rename_everywhere("Ada Holm", "Ada Holmes") == 2


async def imported_places() -> None:
    ward = await imports.make_ward("lab", "Laboratory", -1, 2)
    assert await imports.move_up([ward]) == [("lab", 0)]
    assert [row.code for row in await imports.insurers(["Pub", "New"])] == ["new", "pub"]
    assert set(await imports.by_code(Drug, ["ibu", "none"])) == {"ibu"}
    try:
        await imports.all_or_nothing([Drug(code="a", name="a", price=1), Drug(code="a", name="b", price=2)])
    except imports.Refused:
        pass
    else:
        raise AssertionError
    assert await imports.all_or_nothing([Drug(code="a", name="a", price=1)]) == 1
    assert await imports.savepoints(["b", "a", "c"]) == ["b", "c"]

    async def lines() -> AsyncIterator[tuple[str, str, Decimal]]:
        for code in ("d", "e", "f"):
            yield code, code.upper(), Decimal(1)

    assert await imports.copy_measurements(lines()) == 3
    calls: list[str] = []
    await imports.hooked("pub", calls)
