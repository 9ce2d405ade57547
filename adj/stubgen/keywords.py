"""The keywords of a model's methods, with the type that each accepts: conditions, new rows, and updates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import CompositePrimaryKey, Manager, Model, QuerySet

from adj.errors import QueryError
from adj.schema.paths import property_names, resolve
from adj.stubgen.fields import NamedField, columns_of, fields_of, forward_relations
from adj.stubgen.operands import lookup_names, operand_of
from adj.stubgen.options import StubOptions
from adj.stubgen.project import ModelClass, Project, is_usable, reference
from adj.stubgen.types import operand_name, optional

Keywords = dict[str, str]
Ranked = dict[str, tuple[int, str]]

# The first to leave out if there are too many is the last of these.
_USED, _FIELD, _LOOKUP, _RELATED = range(4)


def conditions(project: Project, model: ModelClass, used: Mapping[str, list[str]], options: StubOptions) -> Ranked:
    """Return the keywords of `filter()`: fields with their lookups, relations, and the paths that sources use.

    The lower its number, the more important is a keyword.
    """
    ranked: Ranked = {
        name: (_FIELD, _of_key(project, model, lookup)) for name, lookup in (("pk", "exact"), ("pk__in", "in"))
    }
    for name, operand, is_exact in _paths(project, model, options.lookups):
        ranked[name] = (_FIELD if is_exact else _LOOKUP, operand)
    for name, operand in _related_paths(project, model, options.depth):
        ranked.setdefault(name, (_RELATED, operand))
    for name, operand in _used_paths(project, model, used):
        ranked[name] = (_USED, ranked.get(name, (_USED, operand))[1])
    return {name: ranked[name] for name in ranked if is_usable(name) and name != "self"}


def _of_key(project: Project, model: ModelClass, lookup: str) -> str:
    key: Any = model._meta.pk
    if isinstance(key, CompositePrimaryKey):
        return "Any"
    return operand_of(project, key, lookup)


def _paths(project: Project, model: ModelClass, level: str) -> Iterator[tuple[str, str, bool]]:
    """The keywords of a model's own fields, and of relations from other models by name."""
    for each in fields_of(model):
        yield each.name, operand_of(project, each.field, "exact"), True
        if (attname := each.column_attribute) is not None:
            yield attname, _key_operand(each.field), True
        for lookup in lookup_names(each.field, level):
            yield f"{each.name}__{lookup}", operand_of(project, each.field, lookup), False


def _key_operand(field: Any) -> str:
    name = operand_name(field)
    return "Any" if name is None else f"{name}Value | None"


def _related_paths(project: Project, model: ModelClass, depth: int, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The keywords of fields that are `depth` relations away, without relations from other models."""
    if depth < 1:
        return
    for each, related in forward_relations(model):
        before = f"{prefix}{each.name}__"
        for column in columns_of(related):
            yield f"{before}{column.name}", operand_of(project, column.field, "exact")
            for lookup in lookup_names(column.field, "few"):
                yield f"{before}{column.name}__{lookup}", operand_of(project, column.field, lookup)
        yield from _related_paths(project, related, depth - 1, before)


def _used_paths(project: Project, model: ModelClass, used: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    for path in candidates(model, used):
        try:
            resolved = resolve(model, path)
        except QueryError:
            continue
        is_transformed = bool(resolved.transforms)
        field = resolved.output if is_transformed else resolved.field
        yield path, operand_of(project, field, resolved.lookup, is_transformed=is_transformed)


def candidates(model: ModelClass, used: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield the words in the sources that begin with a name of a model."""
    names = {"pk", *(each.name for each in fields_of(model))}
    attributes = {each.column_attribute for each in fields_of(model)} - {None}
    for name in sorted({*names, *(name for name in attributes if name is not None)}):
        yield from used.get(name, ())


# -- values of columns -------------------------------------------------------------------------------------------------


def new_row(project: Project, model: ModelClass) -> Keywords | None:
    """Return the keywords of `acreate()`; None if the project's own code takes them."""
    if not _is_created_by_django(model):
        return None
    keywords = {"pk": "Any"}
    for name, field, operand in _columns(project, model, takes_keys=False):
        keywords[name] = optional(operand, field.null or field.primary_key)
    others = [*property_names(model)]
    others += [field.name for field in model._meta.private_fields if not field.one_to_many]
    others += [relation.name for relation in model._meta.related_objects if relation.one_to_one]
    return _usable({**dict.fromkeys(sorted(others), "Any"), **keywords})


def update(project: Project, model: ModelClass) -> Keywords:
    """Return the keywords of `aupdate()`."""
    columns = _columns(project, model, takes_keys=True)
    return _usable(
        {
            name: optional(operand, field.null)
            for name, field, operand in columns
            if not getattr(field, "generated", False)
        }
    )


def _columns(project: Project, model: ModelClass, *, takes_keys: bool) -> Iterator[tuple[str, Any, str]]:
    """The columns of a model, and their values; a new row takes instances for a relation, and no keys."""
    for each in fields_of(model):
        field = each.field
        if not field.concrete or each.is_to_many:
            continue
        if each.related is None:
            yield each.name, field, _value(field)
            continue
        operand = operand_of(project, field, "exact").removesuffix(" | None")
        yield each.name, field, operand if takes_keys or operand == "Any" else _instances(project, each)
        if (attname := each.column_attribute) is not None:
            yield attname, field, _value(field)


def _instances(project: Project, each: NamedField) -> str:
    target: Any = each.related
    family = [reference(base) for base in target.__mro__ if project.has(base)] or [reference(target)]
    return " | ".join([*family, "Expression"])


def _value(field: Any) -> str:
    name = operand_name(field)
    return "Any" if name is None else f"{name}Value"


def _usable(keywords: Keywords) -> Keywords:
    return {name: operand for name, operand in keywords.items() if is_usable(name) and name != "self"}


def _is_created_by_django(model: Any) -> bool:
    """Whether neither the model nor its default manager overrides how an instance is created from keywords."""
    manager = model._default_manager
    queryset: Any = getattr(manager, "_queryset_class", QuerySet)
    create = getattr(type(manager), "create", Manager.create)
    is_djangos = getattr(create, "__module__", "").startswith("django.")
    return model.__init__ is Model.__init__ and queryset.create is QuerySet.create and is_djangos


def parameters(keywords: Mapping[str, str], *, indent: str = "        ") -> list[str]:
    """Return keywords as the lines of a parameter list."""
    return [f"{indent}{name}: {operand} = ...," for name, operand in keywords.items()]
