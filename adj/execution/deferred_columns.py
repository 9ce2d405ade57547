"""Loads deferred columns of instances, by one query, or by several if there are too many keys for one."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from django.db.models import Model

from adj.compiler.django.dialect import Dialect
from adj.compiler.plans.prepared import Execution
from adj.compiler.relations.deferred_columns import carry, columns_execution, missing
from adj.statement.text import Noted

RESERVED_PARAMETERS = 1_000
"""How many parameters are reserved for the rest of a statement whose keys are split into several statements."""


class QueryRunner(Protocol):
    """The part of an executor that loading uses."""

    @property
    def dialect(self) -> Dialect:
        """The database's dialect."""
        ...

    async def answer(self, execution: Execution) -> Any:
        """The rows of a query."""
        ...

    def sibling(self, alias: str) -> Awaitable[QueryRunner]:
        """The executor of another database."""
        ...


async def load_columns(executor: QueryRunner, instances: Sequence[Model], attributes: Sequence[str]) -> None:
    """Load the deferred ones of these columns for instances of one model and one database.

    Raises the model's `DoesNotExist` if the row of an instance no longer exists.
    """
    lacking, names = missing(instances, attributes)
    if not lacking:
        return
    executor = await executor.sibling(str(lacking[0]._state.db))
    size = _most_keys(executor.dialect) or len(lacking)
    for start in range(0, len(lacking), size):
        part = lacking[start : start + size]
        execution = columns_execution(part, names, executor.dialect.alias)
        with Noted(execution.statement, execution.terminal):
            carry(part, names, await executor.answer(execution))


def _most_keys(dialect: Dialect) -> int | None:
    most = dialect.most_parameters
    return None if most is None else max(1, most - RESERVED_PARAMETERS)
