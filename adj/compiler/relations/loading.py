"""The synchronous part of `adj.load()`: checks its arguments and resolves its names.

Private Django API used here: `Options.concrete_fields`, `ModelState.db`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Prefetch, QuerySet
from django.db.models.constants import LOOKUP_SEP

from adj.compiler.checks.late_names import relations
from adj.compiler.keys.lazy import unwrapped
from adj.compiler.relations.relation import key_columns
from adj.django_types import AnyPrefetch, PrivateModel
from adj.errors import CannotLoad, UnknownField, UnknownRelation
from adj.schema.paths import field_names
from adj.statement.structure import StatementHolder


@dataclass(frozen=True, slots=True)
class Wanted:
    """What names stand for: relations to prefetch, and columns, by the path of their relation."""

    relations: tuple[str | AnyPrefetch, ...]
    columns: dict[str, list[str]]
    # Columns of the instances that hold the keys of relations to prefetch.
    keys: list[str]


def instances_of(source: object) -> tuple[Sequence[PrivateModel], str]:
    """The instances and their database alias, which is empty for an empty list.

    Raises `CannotLoad` unless they are saved rows of one model in one database.
    """
    if isinstance(source, (QuerySet, StatementHolder, str, dict)) or not isinstance(source, (Model, Collection)):
        raise CannotLoad(
            reason=f"expects an instance or a list of instances; got {type(source).__name__}",
            advice="Run a query first: `await adj.load(await query.run(), ...)`.",
        )
    instances: Sequence[PrivateModel] = [unwrapped(one) for one in ([source] if isinstance(source, Model) else source)]
    models = {type(instance) for instance in instances}
    if wrong := [model.__name__ for model in models if not issubclass(model, Model)]:
        raise CannotLoad(
            reason=f"expects instances; got {_listed(wrong)}", advice="Rows of values() have no relations to load."
        )
    if len(models) > 1:
        raise CannotLoad(
            reason=f"expects instances of one model; got {_listed(model.__name__ for model in models)}",
            advice="Load the instances of each model separately.",
        )
    if any(instance.pk is None or instance._state.adding for instance in instances):
        raise CannotLoad(
            reason=f"got an unsaved {type(instances[0]).__name__}, which has no relations in the database yet",
            advice="Save it first.",
        )
    aliases = {str(instance._state.db) for instance in instances}
    if len(aliases) > 1:
        raise CannotLoad(
            reason=f"expects instances of one database; got {_listed(aliases)}",
            advice="Load the instances of each database separately.",
        )
    return instances, next(iter(aliases), "")


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))


def wanted_of(instances: Sequence[Model], names: Sequence[str | AnyPrefetch]) -> Wanted:
    """Resolve names on instances. Raises `UnknownField` for a name that the model does not have."""
    relation_names: list[str | AnyPrefetch] = []
    columns: dict[str, list[str]] = {}
    keys: list[str] = []
    ways = _Ways(instances)
    for name in names:
        path = name.prefetch_through if isinstance(name, Prefetch) else name
        column = ways.column(path)
        prefix = path.rpartition(LOOKUP_SEP)[0]
        if column is not None:
            columns.setdefault(prefix, []).append(column)
            relation_names.extend([prefix] if prefix and not ways.is_list(prefix) else [])
        else:
            relation_names.append(name)
            if isinstance(name, Prefetch) and name.to_attr:
                ways.lists[name.prefetch_to] = ways.model_at(path)
        first = (path if column is None else prefix).split(LOOKUP_SEP, maxsplit=1)[0]
        keys.extend(key_columns(type(instances[0]), first) if first else ())
    return Wanted(tuple(relation_names), columns, keys)


class _Ways:
    """Resolves paths from instances, by their model's relations and by the lists that prefetches create."""

    def __init__(self, instances: Sequence[Model]) -> None:
        self._instances = instances
        # The models of the rows in `to_attr` lists, by path; None if unknown.
        self.lists: dict[str, type[Model] | None] = {}

    def column(self, path: str) -> str | None:
        """The attribute of the column at the end of a path; None if the path ends with a relation."""
        before, _, last = path.rpartition(LOOKUP_SEP)
        here = self.model_at(before, path) if before else type(self._instances[0])
        if here is None:
            return None
        fields = here._meta.concrete_fields
        by_attribute: dict[str, str] = {field.attname: field.attname for field in fields}
        attributes: dict[str, str] = {**{field.name: field.attname for field in fields}, **by_attribute}
        related = dict(relations(here))
        if last in related and last not in by_attribute:
            return None
        if last not in attributes:
            raise UnknownField(model=here.__name__, path=path, part=last, choices={*attributes, *related})
        return attributes[last]

    def model_at(self, path: str, whole: str | None = None) -> type[Model] | None:
        """The model of the rows at the end of a path; None if unknown, as for a generic foreign key."""
        here: type[Model] = type(self._instances[0])
        walked = ""
        for part in path.split(LOOKUP_SEP):
            choices = dict(relations(here))
            walked = f"{walked}{LOOKUP_SEP if walked else ''}{part}"
            following: type[Model] | None
            if walked in self.lists:
                following = self.lists[walked]
            elif part in choices:
                following = choices[part]
            elif self.is_list(walked):
                rows = carried(self._instances, walked)
                following = type(rows[0]) if rows else None
            elif hasattr(here, part) and part not in field_names(here):
                # An attribute of the project, whose model is unknown.
                return None
            else:
                raise UnknownRelation(
                    model=here.__name__, path=whole or path, part=part, choices=choices, kind="relation"
                )
            if following is None:
                return None
            here = following
        return here

    def is_list(self, path: str) -> bool:
        """Whether a path ends with a `to_attr` attribute of a prefetch."""
        before, _, last = path.rpartition(LOOKUP_SEP)
        if path in self.lists:
            return True
        rows = carried(self._instances, before)
        return any(last in row.__dict__ for row in rows if not hasattr(type(row), last))


def carried(instances: Sequence[Model], path: str) -> list[Model]:
    """The rows at the end of a path that are already loaded."""
    rows = list(instances)
    for part in path.split(LOOKUP_SEP) if path else ():
        rows = [row for instance in rows for row in _carried(instance, part) if isinstance(row, Model)]
    return rows


def _carried(instance: Model, name: str) -> Sequence[object]:
    cached = instance.__dict__.get("_prefetched_objects_cache", {})
    for place in (instance.__dict__, cached, instance._state.fields_cache):
        if name in place:
            return _rows_in(place[name])
    return ()


def reached(instances: Sequence[object], path: str) -> list[Any]:
    """The rows at the end of a path of loaded relations, without duplicates."""
    rows: Sequence[Any] = instances
    for part in path.split(LOOKUP_SEP) if path else ():
        rows = [row for instance in rows for row in _related(instance, part)]
    return list({id(row): row for row in rows}.values())


def _related(instance: object, name: str) -> Sequence[Any]:
    try:
        value = getattr(instance, name)
    except ObjectDoesNotExist:
        return ()
    return _rows_in(value.all() if hasattr(value, "all") else value)


def _rows_in(value: object) -> Sequence[object]:
    """The rows in the value of a relation: a QuerySet, a list, one row or None."""
    if value is None:
        return ()
    return list(value) if isinstance(value, (list, QuerySet)) else [value]
