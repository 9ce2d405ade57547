"""Stores fetched rows in Django's caches of relations, exactly as Django does.

Private Django API used here: `ModelState.fields_cache`, `Model._prefetched_objects_cache`, `Field.get_db_prep_value`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias, cast

from django.core.exceptions import FieldDoesNotExist
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.compiler.keys.prefetch_lookups import holder, is_leaf
from adj.compiler.plans.binders import is_plain_integer
from adj.compiler.relations.prefetch.querysets import querysets_of
from adj.compiler.relations.prefetch.request import Request
from adj.compiler.relations.relation import Relation
from adj.django_types import AnyPrefetch, PrivateModel, PrivateQuerySet
from adj.statement.structure import StatementHolder

Instances: TypeAlias = Sequence[PrivateModel]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The fetched rows of a relation, with the instances and their keys in the same order."""

    request: Request
    lookup: AnyPrefetch
    level: int
    instances: Instances
    keys: Sequence[object]
    rows: list[PrivateModel]
    # The offline wrapper of the rows' database.
    wrapper: BaseDatabaseWrapper

    def calls_project_code(self) -> bool:
        """Whether filling the caches calls project code, or loads a deferred column."""
        relation = self.request.relation
        name = holder(self.lookup, self.level)
        has_descriptor = name != relation.name and hasattr(getattr(relation.model, name, None), "__set__")
        return self.request.calls_project_code or self.lacks_keys() or has_descriptor

    def lacks_keys(self) -> bool:
        """Whether the column with the relation's keys is deferred in the rows."""
        return any(self.request.relation.row_key not in row.__dict__ for row in self.rows[:1])


def prepare_caches(instances: Instances) -> bool:
    """Create the caches of related rows on instances. Returns False if the rows are not instances."""
    for instance in instances:
        if (state := getattr(instance, "_state", None)) is not None:
            # The first access creates the cache, which two threads could do at the same time.
            _ = state.fields_cache
        if not hasattr(instance, "_prefetched_objects_cache"):
            try:
                instance._prefetched_objects_cache = {}
            except (AttributeError, TypeError):
                # A row of values() or values_list() cannot have prefetched relations.
                return False
    return True


def carried_rows(relation: Relation, instances: Instances) -> list[PrivateModel]:
    """The rows of a relation that are already loaded."""
    if relation.is_single:
        rows = [instance._state.fields_cache[relation.cache_name] for instance in instances]
        return [row for row in rows if row is not None]
    return [row for instance in instances for row in instance._prefetched_objects_cache[relation.name]]


def keys_of(relation: Relation, instances: Instances) -> list[object] | None:
    """The key of each instance; None if it is deferred on one of them."""
    name = relation.instance_key
    try:
        return [instance.__dict__[name] for instance in instances]
    except KeyError:
        return None


def fill(fetched: Fetched) -> None:
    """Store the rows in the caches of the instances, and the instances in the caches of the rows."""
    relation = fetched.request.relation
    keys, row_keys = _comparable_keys(fetched)
    by_key: defaultdict[Hashable, list[PrivateModel]] = defaultdict(list)
    for key, row in zip(row_keys, fetched.rows, strict=True):
        by_key[key].append(row)
    if relation.back_name is not None:
        _fill_back(relation, dict(zip(keys, fetched.instances, strict=True)), row_keys, fetched.rows)
    put = _putter(fetched)
    for instance, key in zip(fetched.instances, keys, strict=True):
        put(instance, by_key.get(key) or [])


def _comparable_keys(fetched: Fetched) -> tuple[Sequence[object], list[object]]:
    """The keys of the instances and of the rows; for a many-to-many relation, prepared for the database."""
    relation, through = fetched.request.relation, fetched.request.relation.through
    row_keys = list(map(attrgetter(relation.row_key), fetched.rows))
    if through is None or (
        is_plain_integer(through.target) and {*map(type, row_keys), *map(type, fetched.keys)} == {int}
    ):
        return fetched.keys, row_keys
    wrapper, prepare = fetched.wrapper, through.source.get_db_prep_value
    prepared = {key: prepare(key, wrapper) for key in set(row_keys)}
    prepare_target = through.target.get_db_prep_value
    return [prepare_target(key, wrapper) for key in fetched.keys], [prepared[key] for key in row_keys]


def _fill_back(relation: Relation, instances: dict[object, object], row_keys: list[object], rows: Instances) -> None:
    """Store the instance in the cache of each row."""
    name = relation.back_name
    for key, row in zip(row_keys, rows, strict=True):
        cache = row._state.fields_cache
        if relation.is_single or name not in cache:
            cache[name] = instances[key]


def _putter(fetched: Fetched) -> Callable[[PrivateModel, list[PrivateModel]], None]:
    """A function that stores the rows of an instance."""
    relation, name = fetched.request.relation, holder(fetched.lookup, fetched.level)
    if fetched.lookup.to_attr and is_leaf(fetched.lookup, fetched.level):
        _refuse_field(relation, name)
        if relation.is_single:
            return lambda instance, rows: setattr(instance, name, rows[0] if rows else None)
        return lambda instance, rows: setattr(instance, name, rows)
    cache_name = relation.cache_name
    if relation.is_single:

        def put_row(instance: PrivateModel, rows: list[PrivateModel]) -> None:
            instance._state.fields_cache[cache_name] = rows[0] if rows else None

        return put_row
    queryset_of = querysets_of(relation, _source_queryset(fetched))

    def put_queryset(instance: PrivateModel, rows: list[PrivateModel]) -> None:
        instance._prefetched_objects_cache[cache_name] = queryset_of(instance, rows)

    return put_queryset


def _source_queryset(fetched: Fetched) -> PrivateQuerySet | None:
    source = fetched.request.source
    return cast("PrivateQuerySet | None", source.queryset if isinstance(source, StatementHolder) else source)


def _refuse_field(relation: Relation, name: str) -> None:
    """Raise Django's error for a `to_attr` that is the name of a field."""
    try:
        relation.model._meta.get_field(name)
    except FieldDoesNotExist:
        return
    raise ValueError(f"to_attr={name} conflicts with a field on the {relation.model.__name__} model.")
