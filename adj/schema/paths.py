"""Lookup paths: resolves names such as `author__country__name__icontains` to fields, transforms and a lookup.

Private Django API used here: `Options.get_field`, `get_field_names_from_opts`, `Field.get_lookups`,
`Field.get_transform`, `Field.get_lookup`, `Field.path_infos`, `Options._property_names`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, Field, Model
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql.query import get_field_names_from_opts  # type: ignore[attr-defined]  # not in the stubs

from adj.django_types import PathField
from adj.errors import UnknownField, UnknownLookup


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """A resolved path on a model.

    `field` is the last field of the path, `output` the output field after its transforms. `is_to_many`: a row may have
    several values; `is_nullable`: it may have none.
    """

    model: type[Model]
    path: str
    field: PathField
    output: PathField
    transforms: tuple[str, ...]
    lookup: str
    is_to_many: bool
    is_nullable: bool


def ends_in_lookup(path: str, lookup: str) -> bool:
    """Whether a path, resolved to a lookup, names that lookup, which may be a written `exact`: it is not a column's."""
    return lookup != "exact" or path.endswith("__exact")


LONGEST_PATH = 200
"""Longer paths are not cached, since a request may choose the keys of a JSON value, which are part of a path."""


def resolve(model: type[Model], path: str) -> ResolvedPath:
    """Resolve a lookup path.

    Raises `UnknownField` for a name that is not a field of its model, and `UnknownLookup` if the names after the last
    field are not transforms or a lookup of it.
    """
    # A subclass of str may define equality, so it must not be a key of the cache.
    path = str.__str__(path)
    return _known(model, path) if len(path) <= LONGEST_PATH else _resolve(model, path)


def _resolve(model: type[Model], path: str) -> ResolvedPath:
    names = path.split(LOOKUP_SEP)
    fields = _fields(model, path, names)
    field = fields[-1]
    target = _target(field)
    rest = names[len(fields) :]
    output, transforms, lookup = _transformed(model, path, field, target, rest)
    return ResolvedPath(
        model=model,
        path=path,
        field=field,
        output=output,
        transforms=transforms,
        lookup=lookup,
        is_to_many=any(getattr(step, "many_to_many", False) or getattr(step, "one_to_many", False) for step in fields),
        is_nullable=any(getattr(step, "null", True) or getattr(step, "many_to_many", False) for step in fields),
    )


_known = lru_cache(maxsize=4_096)(_resolve)


def field_names(model: type[Model]) -> tuple[str, ...]:
    """Every name that a path on a model may start with: fields, relations in both directions, `pk`."""
    return (*sorted(get_field_names_from_opts(model._meta)), "pk")


def column_names(model: type[Model]) -> tuple[str, ...]:
    """Every name of a column: fields, foreign keys with and without `_id`, `pk`."""
    fields = model._meta.concrete_fields
    return tuple(sorted({"pk", *(name for field in fields for name in (field.name, field.attname))}))


def property_names(model: type[Model]) -> tuple[str, ...]:
    """The properties of a model, which its `__init__()` accepts as keywords, like Django's own."""
    names: frozenset[str] = model._meta._property_names  # type: ignore[attr-defined]  # not in the stubs
    return tuple(sorted(names))


def get_field(model: type[Model], name: str) -> PathField | None:
    """A field or relation by its name in queries; None if there is none."""
    if name == "pk":
        return model._meta.pk
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _fields(model: type[Model], path: str, names: Sequence[str]) -> list[PathField]:
    """The fields of the leading names, each on the related model of the previous one."""
    fields: list[PathField] = []
    here: type[Model] | None = model
    for name in names:
        if here is None or (field := get_field(here, name)) is None:
            break
        fields.append(field)
        here = getattr(field, "related_model", None)
    if not fields:
        raise UnknownField(model=model.__name__, path=path, part=names[0], choices=field_names(model))
    return fields


def _target(field: Any) -> Any:
    """The field whose lookups apply at the end of a path; for a relation, the relation itself."""
    if getattr(field, "many_to_many", False):
        # These have the lookups of the through model's foreign key.
        return field.path_infos[-1].join_field
    return getattr(field, "field", field) if not isinstance(field, Field) else field


def _transformed(
    model: type[Model], path: str, field: PathField, target: PathField, names: Sequence[str]
) -> tuple[PathField, tuple[str, ...], str]:
    """The output field, the transforms and the lookup of the names after the last field."""
    output: Any = target
    expression: Any = None
    transforms: list[str] = []
    for position, name in enumerate(names):
        holder = output if expression is None else expression
        is_last = position == len(names) - 1
        if is_last and holder.get_lookup(name) is not None:
            return output, tuple(transforms), name
        transform = holder.get_transform(name)
        if transform is None:
            _raise_unknown(model, path, field, output, name)
        transforms.append(name)
        expression = transform(_column(target) if expression is None else expression)
        output = getattr(expression, "output_field", output)
    return output, tuple(transforms), "exact"


def _column(field: Any) -> object:
    """An expression of a field's type, to construct transforms, which do not read the name."""
    return field.get_col(field.model._meta.db_table) if hasattr(field, "get_col") else F(field.name)


def _raise_unknown(model: type[Model], path: str, field: PathField, output: PathField, name: str) -> NoReturn:
    related = getattr(field, "related_model", None)
    if related is not None:
        raise UnknownField(
            model=related.__name__, path=path, part=name, choices=(*field_names(related), *output.get_lookups())
        )
    holder = getattr(field, "model", model)
    owner = f'{type(output).__name__} "{holder.__name__}.{field.name}"'
    raise UnknownLookup(model=model.__name__, path=path, field=owner, lookup=name, choices=output.get_lookups())
