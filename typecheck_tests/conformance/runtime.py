"""Django's verdict: each condition is built and run on SQLite. Started as a program, which prints a line for each row.

A line is `runs`, or the class of what was raised and its message.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import warnings
from typing import Any

import django

from typecheck_tests.conformance.table import Row, rows
from typecheck_tests.plugin.checked import ROOT

RUNS = "runs"


def verdicts() -> list[str]:
    """The verdicts of all rows, from a process in which Django is set up."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", __name__]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def _saved() -> dict[str, Any]:
    """The instances that operands name; everything that a foreign key needs is there."""
    from tests.shop import models as shop

    publisher = shop.Publisher.objects.create(name="Planeta", slug="planeta")
    author = shop.Author.objects.create(name="Jane", created="2020-01-01T00:00Z")
    book = shop.Book.objects.create(title="Emma", isbn="1", author=author, pages=3, price=3)
    gadget = shop.Gadget.objects.create(name="Lamp", price=3, voltage=5)
    customer = shop.Customer.objects.create(name="Ann", country=shop.Country.objects.create(code="XX", name="Nowhere"))
    return {
        "publisher": publisher,
        "author": author,
        "book": book,
        "tag": shop.Tag.objects.create(name="a tag"),
        "bestseller": shop.Bestseller(**{field.attname: getattr(book, field.attname) for field in book._meta.fields}),
        "item": shop.Item.objects.get(pk=gadget.pk),
        "gadget": gadget,
        "reader": shop.Reader.objects.create(name="Page", price=3, voltage=5, screen=6),
        "order": shop.Order.objects.create(customer=customer, placed="2020-01-01T00:00Z"),
        "number": 3,
        "text": "x",
    }


async def _verdict(row: Row, names: dict[str, Any]) -> str:
    q = names["q"]
    try:
        await q(names[row.model]).filter(**{row.path: eval(row.operand, dict(names))}).run()  # noqa: S307  # our table
    except Exception as error:  # noqa: BLE001  # whatever is raised is the verdict
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return RUNS


async def _judge(names: dict[str, Any]) -> None:
    for row in rows():
        print(await _verdict(row, names), flush=True)  # noqa: T201  # the result of this program


def main() -> None:
    """Make the tables, and judge."""
    warnings.simplefilter("ignore")
    django.setup()
    from django.core.management import call_command

    from typecheck_tests.conformance import names

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    asyncio.run(_judge({**vars(names), **_saved()}))


if __name__ == "__main__":
    main()
