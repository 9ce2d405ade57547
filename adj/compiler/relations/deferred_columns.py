"""Deferred columns of loaded instances: which are missing, the query for them, and how to set them.

Private Django API used here: `Model._base_manager`, `ModelState.db`, `ModelState.fetch_mode`.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Model, QuerySet

from adj.compiler.keys.key_visitor import structure_of_statement
from adj.compiler.keys.overrides import starts_plain
from adj.compiler.plans.prepared import Execution
from adj.compiler.relations.relation import OWN_ROWS
from adj.compiler.slots.row_keys import RowKeys
from adj.hydrate.fetch_mode import is_default
from adj.statement import clauses as ask
from adj.statement.statement import ROWS, Statement
from adj.typevars import M


def missing(instances: Sequence[M], attributes: Sequence[str]) -> tuple[list[M], list[str]]:
    """The instances that lack some of the attributes, and the attributes that some instances lack."""
    lacking = [name for name in dict.fromkeys(attributes) if any(name not in one.__dict__ for one in instances)]
    return [one for one in instances if any(name not in one.__dict__ for name in lacking)], lacking


def load_as_one(instances: Sequence[Model]) -> bool:
    """Whether one query can load what Django would load separately for each instance.

    It cannot if the project overrides loading, or if an instance has another fetch mode.
    """
    model = type(instances[0])
    states = [instance._state for instance in instances]
    return (
        model.refresh_from_db is Model.refresh_from_db
        and starts_plain(model._base_manager)
        and states[0].db is not None
        and all(
            state.db == states[0].db and not state.adding and is_default(getattr(state, "fetch_mode", None))
            for state in states
        )
        and all(instance.pk is not None for instance in instances)
    )


def columns_execution(instances: Sequence[Model], attributes: Sequence[str], alias: str) -> Execution:
    """The query for columns of instances."""
    model = type(instances[0])
    keys = RowKeys(dict.fromkeys(instance.pk for instance in instances))
    clauses = (ask.Only(tuple(attributes)), ask.Among(OWN_ROWS, keys))
    statement = Statement(model, QuerySet(model), clauses, alias)
    return Execution(statement, structure_of_statement(statement), ROWS)


def carry(instances: Sequence[Model], attributes: Sequence[str], rows: Sequence[Model]) -> None:
    """Set fetched columns on instances. Raises the model's `DoesNotExist` if a row was deleted."""
    by_key = {row.pk: row for row in rows}
    for instance in instances:
        row = by_key.get(instance.pk)
        if row is None:
            model = type(instance)
            raise model.DoesNotExist(f"{model.__name__} matching query does not exist.")
        loaded, fetched = vars(instance), vars(row)
        for name in attributes:
            loaded.setdefault(name, fetched[name])
