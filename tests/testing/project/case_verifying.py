"""A plan that is wrong when `ADJ_VERIFY` compares it with Django's SQL."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Func
from django.test import TestCase

from adj import PlanMismatch, plan_cache, pure, q

said = ["first"]


@pure
class Lying(Func):
    """Says that its SQL depends on its attributes only, which is not true."""

    output_field: Any = CharField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        return f"'{said[0]}'", ()


class Verifying(TestCase):
    async def ask(self, number: int) -> list[Any]:
        query = q(ContentType).annotate(said=Lying()).filter(pk__gt=number)
        return await query.values_list("said", flat=True).run()

    async def test_a_difference_raises(self) -> None:
        plan_cache.clear()
        await ContentType.objects.acreate(app_label="written", model="row")
        # Its probation ends with the third run.
        for number in range(4):
            assert set(await self.ask(-number)) == {"first"}
        said[0] = "then"
        with self.assertRaises(PlanMismatch):
            await self.ask(-5)
