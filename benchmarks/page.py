"""The pages that tables are written into, each between two marks of its own."""

from __future__ import annotations

from pathlib import Path


def write_table(page: Path, table: str, begin: str, end: str) -> None:
    """Put a table in the place of the one that the page has between two marks.

    Raises `ValueError` for a page that has not both of them.
    """
    before, found_begin, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"{page.name} has no place for the table")
    page.write_text(f"{before}{begin}\n{table}\n\n{end}{after}", encoding="utf-8")
