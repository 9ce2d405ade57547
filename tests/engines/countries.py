"""What tests of transactions write and see: countries whose codes begin with a plus."""

from __future__ import annotations

from collections.abc import Awaitable

import adj
from adj import q
from tests.engines.places import Place
from tests.shop.models import Country


class Undo(Exception):
    """Raised to leave a block with an error."""


def create(alias: str, code: str) -> Awaitable[Country]:
    """A new country, saved by Django's own synchronous code."""
    return adj.run_sync(Country.objects.using(alias).create, code=code, name=code)


async def codes(alias: str) -> list[str]:
    """The countries of tests that the current task sees."""
    return (
        await q(Country).using(alias).filter(code__startswith="+").order_by("code").values_list("code", flat=True).run()
    )


def written(place: Place) -> list[str]:
    """The countries of tests that anybody else sees."""
    return sorted(code for code in place.codes() if code.startswith("+"))
