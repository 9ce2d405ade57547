"""Write tables into pages, each between two marks."""

from __future__ import annotations

from pathlib import Path


def write_table(page: Path, table: str, begin: str, end: str) -> None:
    """Replace the table that a page has between two marks.

    Raises `ValueError` for a page without both marks.
    """
    before, found_begin, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"{page.name} has no place for the table")
    page.write_text(f"{before}{begin}\n{table}\n\n{end}{after}", encoding="utf-8")
