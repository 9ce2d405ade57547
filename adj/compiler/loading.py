"""What `adj.load()` decides before it waits: what was given, what its names mean, and which columns are missing.

Private Django API used here: `Options.concrete_fields`, `ModelState.db`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Prefetch, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor

from adj import statement as ask
from adj.compiler.clauses import structure_of_statement
from adj.compiler.late_names import relations
from adj.compiler.lazy import unwrapped
from adj.compiler.prepare import Question
from adj.compiler.relation import OWN_ROWS
from adj.compiler.row_keys import Keys
from adj.compiler.structure import StatementHolder
from adj.errors import CannotLoad, UnknownField, UnknownRelation
from adj.statement import ROWS, Statement


@dataclass(frozen=True, slots=True)
class Wanted:
    """What names stand for: relations to prefetch, and by the path that leads to them, columns by their attributes."""

    relations: tuple[Any, ...]
    columns: dict[str, list[str]]
    # Columns of the instances themselves, which hold the keys of relations to prefetch.
    keys: list[str]


def instances_of(given: object) -> tuple[Sequence[Any], str]:
    """The instances, and their database; nothing for an empty list.

    Raises `CannotLoad` unless they are saved rows of one model in one database.
    """
    if isinstance(given, (QuerySet, StatementHolder, str, dict)) or not isinstance(given, (Model, Collection)):
        raise CannotLoad(
            reason=f"takes an instance or a list of instances, not {type(given).__name__}",
            advice="Run a query first: `await adj.load(await query.run(), ...)`.",
        )
    instances: Sequence[Any] = [unwrapped(one) for one in ([given] if isinstance(given, Model) else given)]
    models = {type(instance) for instance in instances}
    if wrong := [model.__name__ for model in models if not issubclass(model, Model)]:
        raise CannotLoad(
            reason=f"takes instances, not {_listed(wrong)}", advice="Rows of values() carry what they were asked for."
        )
    if len(models) > 1:
        raise CannotLoad(
            reason=f"takes instances of one model, not of {_listed(model.__name__ for model in models)}",
            advice="Load those of each model by themselves.",
        )
    if any(instance.pk is None or instance._state.adding for instance in instances):
        raise CannotLoad(
            reason=f"was given an unsaved {type(instances[0]).__name__}, which has no relations in the database yet",
            advice="Save it first.",
        )
    aliases = {str(instance._state.db) for instance in instances}
    if len(aliases) > 1:
        raise CannotLoad(
            reason=f"takes instances of one database, not of {_listed(aliases)}",
            advice="Load those of each database by themselves.",
        )
    return instances, next(iter(aliases), "")


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))


def wanted_of(model: type[Model], names: Sequence[Any]) -> Wanted:
    """What names stand for on a model. Raises `UnknownField` for a name that it does not have."""
    relation_names: list[Any] = []
    columns: dict[str, list[str]] = {}
    keys: list[str] = []
    for name in names:
        path = name.prefetch_through if isinstance(name, Prefetch) else name
        column = _column(model, path)
        prefix = path.rpartition(LOOKUP_SEP)[0]
        if column is not None:
            columns.setdefault(prefix, []).append(column)
            relation_names.extend([prefix] if prefix else [])
        else:
            relation_names.append(name)
        keys.extend(_key_of_first(model, path if column is None else prefix))
    return Wanted(tuple(relation_names), columns, keys)


def _column(model: Any, path: str) -> str | None:
    """The attribute of the column that a path ends with; None where it ends with a relation."""
    here = model
    *before, last = path.split(LOOKUP_SEP)
    for part in before:
        here = _relations(here, path, part)[part]
        if here is None:
            # A generic relation leads to rows of any model.
            return None
    by_attribute: dict[str, str] = {field.attname: field.attname for field in _fields(here)}
    attributes: dict[str, str] = {**{field.name: field.attname for field in _fields(here)}, **by_attribute}
    related = dict(relations(here))
    if last in related and last not in by_attribute:
        return None
    if last not in attributes:
        raise UnknownField(model=here.__name__, path=path, part=last, choices={*attributes, *related})
    return attributes[last]


def _relations(model: Any, path: str, part: str) -> dict[str, Any]:
    found = dict(relations(model))
    if part not in found:
        raise UnknownRelation(model=model.__name__, path=path, part=part, choices=found, kind="relation")
    return found


def _fields(model: Any) -> Any:
    return model._meta.concrete_fields


def _key_of_first(model: type[Model], path: str) -> list[str]:
    """The column that a relation of the instances themselves has its keys in."""
    descriptor: Any = getattr(model, path.split(LOOKUP_SEP, maxsplit=1)[0], None)
    if not isinstance(descriptor, ForwardManyToOneDescriptor):
        return []
    return [field.attname for field in descriptor.field.local_related_fields]


def missing(instances: Sequence[Any], attributes: Sequence[str]) -> tuple[list[Any], list[str]]:
    """The instances that do not carry all attributes, and the attributes that are not carried by all instances."""
    lacking = [name for name in dict.fromkeys(attributes) if any(name not in one.__dict__ for one in instances)]
    return [one for one in instances if any(name not in one.__dict__ for name in lacking)], lacking


def columns_question(instances: Sequence[Any], attributes: Sequence[str], alias: str) -> Question:
    """The question for columns of instances."""
    model = type(instances[0])
    keys = Keys(dict.fromkeys(instance.pk for instance in instances))
    clauses = (ask.Only(tuple(attributes)), ask.Among(OWN_ROWS, keys))
    statement = Statement(model, QuerySet(model), clauses, alias)
    return Question(statement, structure_of_statement(statement), ROWS)


def carry(instances: Sequence[Any], attributes: Sequence[str], rows: Sequence[Any]) -> None:
    """Put fetched columns into instances. Raises the model's `DoesNotExist` for one whose row is gone."""
    by_key = {row.pk: row for row in rows}
    for instance in instances:
        row = by_key.get(instance.pk)
        if row is None:
            model = type(instance)
            raise model.DoesNotExist(f"{model.__name__} matching query does not exist.")
        for name in attributes:
            instance.__dict__.setdefault(name, row.__dict__[name])


def reached(instances: Sequence[Any], path: str) -> list[Any]:
    """The rows that a path of loaded relations leads to, each once."""
    rows: Sequence[Any] = instances
    for part in path.split(LOOKUP_SEP) if path else ():
        rows = [row for instance in rows for row in _related(instance, part)]
    return list({id(row): row for row in rows}.values())


def _related(instance: Any, name: str) -> Sequence[Any]:
    try:
        value = getattr(instance, name)
    except ObjectDoesNotExist:
        return ()
    if value is None:
        return ()
    return list(value.all()) if hasattr(value, "all") else [value]
