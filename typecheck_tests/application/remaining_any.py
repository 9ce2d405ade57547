"""What `--disallow-any-expr` reports in the services of the hospital, with the reason, which is never adj."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_TYPES: Final[Mapping[str, str]] = {
    r"type\[\w+(\[.*\]|@adj\[.*\])?\]": "a class of a model: the constructor of django-stubs accepts Any",
    r"\w+\[Field\[Any, Any\]\]": "an expression whose output field django-stubs does not know",
    r"ExpressionWrapper\[Any\]": "an expression whose output field django-stubs does not know",
    r"(Decimal|Duration|Integer)Field\[Any, \w+\]": "a field to which django-stubs allows Any to be assigned",
    r"Callable\[\[Any\], Any\]": "a key function: typeshed compares keys of type Any",
}
"""Types that are reported, on any line."""

_LINES: Final[Mapping[str, tuple[str, ...]]] = {
    "a value of a JSON document": (
        'return [item["text"] for item in found]',
        "return {code: properties.get(name) for code, properties in rows}",
        "return max(len(self.ward.phones), 0) - self.ward.occupied",
        'row.device = {**row.device, "corrected": True}',
        "reveal_type(found.equipment)",
        'rows = [Bed(ward=ward, number=number, equipment=["lamp"]) for number in range(1, beds + 1)]',
    ),
    "a range: django-stubs and psycopg's wrapper in Django have no types for it": (
        "rows.append(Posting(clinician=clinician, ward=ward, during=DateRange(start, None), share=1.0))",
        "reveal_type([posting.during for posting in postings])",
        'clinician=clinician, ward=ward, defaults={"during": DateRange(start, end), "share": 0.5}',
        "query = q(Posting).filter(during__overlap=DateRange(start, end), share__gt=0.25)",
        'during = {"during": DateRange(day, None)}',
        'await adj.related(target, "clinicians").aadd(*crew, through_defaults=during)',
    ),
    "a generic relation of a row that is not tracked": (
        'rows = await q(admission.notes).order_by("pk").select_related("author").run()',
    ),
    "a generic foreign key": (
        "if row.subject is not None:",
        'names.append(f"{type(row.subject).__name__} {row.subject.pk}: {row.text}")',
    ),
    "a key that django-stubs does not know: of a child's table, of several columns, or of any model": (
        "query = q(Admission).filter(patient=admission.patient_id, admitted_at__lt=admission.admitted_at)",
        "reveal_type(found.pk)",
        "deleted, by_model = await q(self.model).filter(pk__in=[row.pk for row in rows]).adelete()",
        "return sorted({*rows, best}, key=lambda row: row.pk)",
        "return max(self.workers, key=lambda worker: worker.open_stays, default=None)",
    ),
    "Any in the annotation of the service, or keys of a model that is a type variable": (
        "return await q(self.model).ain_bulk(list(keys))",
        'return await q(self.model).ain_bulk(field_name="code")',
        "return await q(self.model).aget_or_create(code=code, defaults=values)",
        "return await query.acount()",
    ),
}
"""Lines on which `Any` itself, or a collection of it, is reported."""

_REPORTED: Final = re.compile(r'has type "(.*)"\)  \[misc\]$')


def reason(text: str, line: str) -> str | None:
    """Why mypy reports `Any` on a line; None if no reason is known."""
    code = line.partition("  # ")[0].strip()
    for why, lines in _LINES.items():
        if code in lines:
            return why
    found = _REPORTED.search(text)
    return None if found is None else next((why for typ, why in _TYPES.items() if re.fullmatch(typ, found[1])), None)
