"""Names for the rows that services pass to each other."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple, NotRequired, Protocol, TypeAlias, TypedDict

from adj import Loaded
from typecheck_tests.application.clinic.models import Admission, Clinician, Patient, Prescription, Ward


class Occupied(TypedDict):
    """The annotation of a ward."""

    occupied: int


class Stays(TypedDict):
    """The annotation of a patient."""

    stays: int


class StaysAndLast(Stays):
    """The annotations of a patient with a history."""

    last_stay: datetime.datetime | None


class Cost(TypedDict):
    """The annotation of a prescription."""

    cost: Decimal | None


BusyWard: TypeAlias = Loaded[Ward, Occupied]
Regular: TypeAlias = Loaded[Patient, Stays]
History: TypeAlias = Loaded[Patient, StaysAndLast]
ListedAdmission: TypeAlias = Loaded[Admission, Literal["patient", "ward", "attending"]]
DetailedAdmission: TypeAlias = Loaded[
    Admission, Literal["patient__practitioner", "ward", "attending", "measurements", "prescriptions__doses__drug"]
]
CostlyPrescription: TypeAlias = Loaded[Prescription, Literal["prescriber"], Cost]
InsuredPatient: TypeAlias = Loaded[Patient, Literal["card__insurer"]]


class Crew(TypedDict):
    """What a prefetch adds to a ward."""

    crew: list[Loaded[Clinician, Literal["supervisor"]]]


StaffedWard: TypeAlias = Loaded[Ward, Crew]


class WardLine(TypedDict):
    """A row of the list of wards."""

    code: str
    name: str
    occupied: int


class PatientLine(TypedDict):
    """A row of the list of patients; the practitioner may be missing."""

    number: str
    name: str
    practitioner__name: str | None


class DrugLine(TypedDict, total=False):
    """A row of the pharmacy's list, of which some callers want a part."""

    code: str
    price: Decimal | None
    sold: int


class AdmissionKey(NamedTuple):
    """How the ward calls an admission."""

    patient: str
    ward: str
    bed: int | None


@dataclass(frozen=True, slots=True)
class Board:
    """The board on the wall of a ward."""

    ward: BusyWard
    present: list[ListedAdmission]
    expected: tuple[ListedAdmission, ...] = ()

    @property
    def free_beds(self) -> int:
        return max(len(self.ward.phones), 0) - self.ward.occupied


@dataclass
class Chart:
    """What a physician sees of a stay."""

    admission: DetailedAdmission
    values: dict[str, list[Decimal]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def title(self) -> str:
        practitioner = self.admission.patient.practitioner
        name = "no one" if practitioner is None else practitioner.name
        return f"{self.admission.patient.name} on {self.admission.ward.name}, referred by {name}"


class HasName(Protocol):
    """Persons, wards and drugs."""

    @property
    def name(self) -> str: ...


class Billed(TypedDict):
    """A row of the accounts."""

    insurer: str
    total: Decimal
    unpaid: NotRequired[int]
