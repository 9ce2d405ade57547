"""The names that a model's methods take as strings: columns, orders and relations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import CompositePrimaryKey

from adj.errors import QueryError
from adj.schema.paths import ends_in_lookup, resolve
from adj.stubgen.fields import NamedField, columns_of, fields_of, forward_relations
from adj.stubgen.keywords import candidates
from adj.stubgen.limits import MOST_NAMES, most_important
from adj.stubgen.project import ModelClass
from adj.stubgen.types import column_type, key_of, optional

_USED, _OWN, _RELATED = range(3)


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The strings that a model's methods accept.

    `columns` have the types of their values; `stored` are those of one row, which can be deferred. `single` are
    relations to one row, `many` all relations.
    """

    columns: Mapping[str, str]
    stored: tuple[str, ...]
    orders: tuple[str, ...]
    single: tuple[str, ...]
    many: tuple[str, ...]

    @property
    def by_type(self) -> dict[str, list[str]]:
        """The columns by the type of their values, the most frequent first."""
        grouped: dict[str, list[str]] = {}
        for name, value in self.columns.items():
            grouped.setdefault(value, []).append(name)
        return dict(sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0])))


@dataclass(frozen=True, slots=True)
class _Column:
    value: str
    rank: int
    is_stored: bool


def names_of(model: ModelClass, used: Mapping[str, list[str]], depth: int) -> ModelNames:
    """Return the names of a model's columns and relations, with those of the paths that sources use."""
    found = {**dict(_related_columns(model, depth)), **dict(_columns(model))}
    for name, column in _used_columns(model, used):
        found[name] = replace(found.get(name, column), rank=_USED)
    # Own columns first.
    ranked = {name: (found[name].rank, found[name]) for name in sorted(found, key=lambda name: "__" in name)}
    columns = most_important(ranked, MOST_NAMES)
    # Each column is listed twice, and "?" is one more.
    ordered = most_important(ranked, (MOST_NAMES - 1) // 2)
    return ModelNames(
        columns={name: column.value for name, column in columns.items()},
        stored=tuple(name for name, column in columns.items() if column.is_stored),
        orders=("?", *(f"{sign}{name}" for name in ordered for sign in ("", "-"))),
        single=_single(model, used, depth),
        many=_many(model, used),
    )


# -- columns -----------------------------------------------------------------------------------------------------------


def _columns(model: ModelClass) -> Iterator[tuple[str, _Column]]:
    yield "pk", _Column(_value_type(model._meta.pk), _OWN, is_stored=True)
    for each in fields_of(model):
        # The value of a to-many relation is the key of one related row.
        is_stored = each.field.concrete and not each.is_to_many
        column = _Column(optional(_value_type(each.field), each.is_nullable), _OWN, is_stored)
        yield each.name, column
        if (attname := each.column_attribute) is not None:
            yield attname, column


def _value_type(field: Any) -> str:
    """The type of a column in `values()`, where Django does not convert the parts of a composite key."""
    return "Any" if isinstance(key_of(field), CompositePrimaryKey) else column_type(field) or "Any"


def _related_columns(
    model: ModelClass, depth: int, prefix: str = "", *, is_nullable: bool = False, is_stored: bool = True
) -> Iterator[tuple[str, _Column]]:
    if depth < 1:
        return
    for each, related in forward_relations(model):
        before = f"{prefix}{each.name}__"
        may_be_null, is_of_one = is_nullable or each.is_nullable, is_stored and not each.is_to_many
        for column in columns_of(related):
            value = optional(_value_type(column.field), may_be_null or column.is_nullable)
            yield f"{before}{column.name}", _Column(value, _RELATED, is_of_one)
        yield from _related_columns(related, depth - 1, before, is_nullable=may_be_null, is_stored=is_of_one)


def _used_columns(model: ModelClass, used: Mapping[str, list[str]]) -> Iterator[tuple[str, _Column]]:
    for path in candidates(model, used):
        try:
            resolved = resolve(model, path)
        except QueryError:
            continue
        if ends_in_lookup(path, resolved.lookup):
            continue
        value = "Any" if resolved.transforms else _value_type(resolved.field)
        is_stored = not resolved.transforms and not resolved.is_to_many
        yield path, _Column(optional(value, resolved.is_nullable), _USED, is_stored)


# -- relations ---------------------------------------------------------------------------------------------------------


def _single(model: ModelClass, used: Mapping[str, list[str]], depth: int) -> tuple[str, ...]:
    ranked = {path: (_OWN if "__" not in path else _RELATED, path) for path in _single_paths(model, depth)}
    ranked |= {path: (_USED, path) for path in _used_relations(model, used, single=True)}
    return (*most_important(ranked, MOST_NAMES),)


def _single_paths(model: ModelClass, depth: int, prefix: str = "") -> Iterator[str]:
    for each in fields_of(model):
        if each.related is not None and not each.is_to_many:
            # select_related() takes the name that paths have, also for a relation from another model.
            yield f"{prefix}{each.name}"
            if depth > 0:
                yield from _single_paths(each.related, depth - 1, f"{prefix}{each.name}__")


def _many(model: ModelClass, used: Mapping[str, list[str]]) -> tuple[str, ...]:
    ranked = {name: (_OWN, name) for name in _accessors(model)}
    ranked |= {path: (_USED, path) for path in _used_relations(model, used, single=False)}
    return (*most_important(ranked, MOST_NAMES),)


def _accessors(model: ModelClass) -> Iterator[str]:
    """The attributes that prefetch_related() loads, generic foreign keys included."""
    yield from (each.attribute for each in fields_of(model) if each.related is not None)
    yield from (field.name for field in model._meta.private_fields if field.related_model is None)


def _used_relations(model: ModelClass, used: Mapping[str, list[str]], *, single: bool) -> Iterator[str]:
    for first in sorted({name for each in fields_of(model) for name in (each.name, each.attribute) if each.related}):
        yield from (path for path in used.get(first, ()) if _is_relation(model, path.split("__"), single=single))


def _is_relation(model: ModelClass, path: list[str], *, single: bool) -> bool:
    """Whether every name of a path is a relation; `single` refuses relations to several rows."""
    here: ModelClass | None = model
    for name in path:
        each = None if here is None else _relation(here, name, single=single)
        if each is None:
            return False
        here = each.related
    return True


def _relation(model: ModelClass, name: str, *, single: bool) -> NamedField | None:
    for each in fields_of(model):
        if each.related is not None and name == (each.name if single else each.attribute):
            return None if single and each.is_to_many else each
    return None
