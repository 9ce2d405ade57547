"""Loads deferred columns of instances: one query for all of them, or more where there are too many keys for one."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from adj.compiler.django.dialect import Dialect
from adj.compiler.plans.prepared import Question
from adj.compiler.relations.deferred_columns import carry, columns_question, missing
from adj.statement.text import Noted

RESERVED_PARAMETERS = 1_000
"""How many parameters a statement may have beside its keys, where the keys are too many for one statement."""


class Asker(Protocol):
    """What loading asks of an executor."""

    @property
    def dialect(self) -> Dialect:
        """How the database is spoken to."""
        ...

    async def answer(self, question: Question) -> Any:
        """The rows of a question."""
        ...

    def sibling(self, alias: str) -> Coroutine[Any, Any, Asker]:
        """What asks another database."""
        ...


async def load_columns(asker: Asker, instances: Sequence[Any], attributes: Sequence[str]) -> None:
    """Load columns that instances of one model and one database do not carry.

    Raises the model's `DoesNotExist` for an instance whose row is gone.
    """
    lacking, names = missing(instances, attributes)
    if not lacking:
        return
    asker = await asker.sibling(lacking[0]._state.db)
    size = _most_keys(asker.dialect) or len(lacking)
    for start in range(0, len(lacking), size):
        part = lacking[start : start + size]
        question = columns_question(part, names, asker.dialect.alias)
        with Noted(question.statement, question.finish):
            carry(part, names, await asker.answer(question))


def _most_keys(dialect: Dialect) -> int | None:
    most = dialect.most_parameters
    return None if most is None else max(1, most - RESERVED_PARAMETERS)
