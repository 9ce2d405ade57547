"""The models of the project that is being checked, as Django knows them after its setup."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, TypeAlias, TypeVar

from django.db.models import Model
from django.db.models.fields.related import ForeignObject
from django.db.models.fields.reverse_related import ForeignObjectRel, OneToOneRel
from django.db.models.manager import BaseManager
from mypy.nodes import TypeInfo
from mypy.types import FunctionLike, Instance, Type, TypeType, TypeVarType, UnionType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.django_stubs import ANNOTATED_WITH, DjangoPlugin, registered_models
from adj_mypy.boundary.fullnames import ANNOTATED, MANAGER
from adj_mypy.options import PluginOptions

T = TypeVar("T")

ModelClass: TypeAlias = type[Model]
Relation: TypeAlias = Any
"""A relational field, its reverse, or a generic relation; they have no class in common."""

RANGE: Final = "psycopg.types.range.Range"

SEPARATOR: Final = "__"
"""Separates the names of a path."""


@dataclass(frozen=True)
class Project:
    """What the plugin knows throughout a run of mypy."""

    options: PluginOptions
    django: DjangoPlugin

    @cached_property
    def _memory(self) -> dict[Hashable, Any]:
        return {}

    def remembered(self, about: Hashable, find: Callable[[], T | None]) -> T | None:
        """Return a fact that depends only on the sources, from memory if it was found before."""
        fact: T | None = self._memory.get(about)
        if fact is None and (fact := find()) is not None:
            self._memory[about] = fact
        return fact

    def forget(self) -> None:
        """Forget these facts, because mypy has parsed a source again."""
        self._memory.clear()

    @cached_property
    def models(self) -> Mapping[str, ModelClass]:
        """The models in Django's registry, by the full names of their classes."""
        return {full_name(model): model for model in registered_models(self.django)}

    @cached_property
    def tables(self) -> frozenset[ModelClass]:
        """These models."""
        return frozenset(self.models.values())

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of their classes without modules: mypy passes no more for a call of a `type[Book]`."""
        return frozenset(model.__name__ for model in self.models.values())

    @cached_property
    def bases(self) -> frozenset[ModelClass]:
        """These models, and the abstract models that they inherit from."""
        bases = (base for model in self.models.values() for base in model.__mro__)
        return frozenset(base for base in bases if issubclass(base, Model))

    @cached_property
    def owners(self) -> frozenset[str]:
        """The full names of these models and their abstract bases."""
        return frozenset(full_name(base) for base in self.bases)

    @cached_property
    def async_managers(self) -> Mapping[str, list[str]]:
        """The attributes that are adj's managers, by the full name of the class."""
        return {
            full_name(model): [name for name, value in vars(model).items() if _is_async_manager(value)]
            for model in self.bases
        }

    @cached_property
    def modules(self) -> frozenset[str]:
        """The modules that define models."""
        return frozenset(model.__module__ for model in self.models.values())

    @cached_property
    def modules_with_ranges(self) -> frozenset[str]:
        """The modules with range fields of PostgreSQL, whose values have a class of psycopg 3; psycopg2 has others."""
        fields = ((model, field) for model in self.models.values() for field in model._meta.local_fields)
        found = frozenset(model.__module__ for model, field in fields if hasattr(field, "range_type"))
        return found if found and _uses_psycopg() else frozenset()

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """A digest of each module's models. mypy checks a module again when it changes."""
        by_module: dict[str, list[str]] = {}
        for model in self.models.values():
            by_module.setdefault(model.__module__, []).append(digest(model))
        return {module: " ".join(sorted(each)) for module, each in by_module.items()}

    def model_of(self, typ: Type | None) -> ModelClass | None:
        """Return the model of a row's type; None for other types."""
        proper = get_proper_type(typ)
        return self.models.get(_written(proper.type).fullname) if isinstance(proper, Instance) else None

    def models_below(self, bound: Type) -> Sequence[ModelClass]:
        """Return the registered models that inherit from a class, and first the class itself; none for all models."""
        proper = get_proper_type(bound)
        name = _written(proper.type).fullname if isinstance(proper, Instance) else ""
        if name not in self.owners or name == full_name(Model):
            return ()
        below = [model for model in self.models.values() if any(full_name(base) == name for base in model.__mro__)]
        return sorted(below, key=lambda model: full_name(model) != name)

    def models_of(self, typ: Type | None) -> Sequence[ModelClass]:
        """Return the model of a row's type, or the models of a type variable or a union."""
        proper = get_proper_type(typ)
        if isinstance(proper, TypeVarType):
            return self.models_below(proper.upper_bound)
        if isinstance(proper, UnionType):
            return [model for item in proper.items for model in self.models_of(item)]
        model = self.model_of(proper)
        return () if model is None else (model,)

    def class_of(self, typ: Type | None) -> ModelClass | None:
        """Return the model of a class object: of `Book` itself, or of a `type[Book]`."""
        proper = get_proper_type(typ)
        if isinstance(proper, TypeType):
            return self.model_of(proper.item)
        if isinstance(proper, FunctionLike) and proper.is_type_obj():
            return self.models.get(proper.type_object().fullname)
        return None

    def info(self, api: Api, model: ModelClass) -> TypeInfo | None:
        """Return mypy's class of a model; None if the checked sources do not import it."""
        return api.info(full_name(model))


def _uses_psycopg() -> bool:
    """Return whether Django uses psycopg 3."""
    try:
        from django.db.backends.postgresql.psycopg_any import is_psycopg3
    except ImportError:
        return False
    return is_psycopg3


def _is_async_manager(value: object) -> bool:
    return any(full_name(base) == MANAGER for base in type(value).__mro__)


def full_name(cls: type[Any]) -> str:
    """Return the full name of a class, as mypy writes it."""
    return f"{cls.__module__}.{cls.__qualname__}"


def model_info(typ: Type | None) -> TypeInfo | None:
    """Return the class of a row's type as the project defines it, without a plugin's subclass for annotations."""
    proper = get_proper_type(typ)
    return _written(proper.type) if isinstance(proper, Instance) else None


def _written(info: TypeInfo) -> TypeInfo:
    """Return the class in the project's source, of a class that a plugin may have created."""
    name = info.name
    if "@" not in name:
        return info
    is_made = name.endswith(ANNOTATED) or ANNOTATED_WITH in name
    return info.bases[0].type if is_made and info.bases else info


@cache
def single_relations(model: ModelClass) -> Mapping[str, Relation]:
    """Return the single-valued relations, including generic foreign keys, by the name of the attribute."""
    pairs = relations(model).items()
    return {name: relation for name, relation in pairs if relation.many_to_one or relation.one_to_one}


@cache
def joined_relations(model: ModelClass) -> Mapping[str, tuple[str, Relation]]:
    """Return the relations that `select_related()` accepts: by the name in queries, the attribute and the relation."""
    pairs = single_relations(model).items()
    return {
        relation.name: (name, relation)
        for name, relation in pairs
        if isinstance(relation, (ForeignObject, OneToOneRel))
    }


def is_parent_link(relation: Relation) -> bool:
    """Return whether a relation is the link to a parent's table; Django creates the parent from the row itself."""
    return isinstance(relation, ForeignObject) and bool(relation.remote_field.parent_link)


@cache
def relations(model: ModelClass) -> Mapping[str, Relation]:
    """Return all relations, by the name of the attribute."""
    return dict(_named_relations(model))


@cache
def path_targets(model: ModelClass) -> Mapping[str, ModelClass]:
    """Return the related models, by the names of the relations in paths and as attributes."""
    targets = {name: target_of(relation) for name, relation in relations(model).items()}
    targets |= {field.name: target_of(field) for field in model._meta.get_fields()}
    return {name: target for name, target in targets.items() if target is not None}


@cache
def taken_names(model: ModelClass) -> frozenset[str]:
    """Return the names of a model's fields, of their columns, and of its reverse relations."""
    fields = model._meta.get_fields()
    return frozenset(name for field in fields for name in (field.name, getattr(field, "attname", field.name)))


def _named_relations(model: ModelClass) -> Iterator[tuple[str, Relation]]:
    for field in (*model._meta.get_fields(), *model._meta.private_fields):
        if isinstance(field, ForeignObjectRel):
            name = None if field.hidden else field.get_accessor_name()
            if name:
                yield name, field
        elif field.is_relation:
            yield field.name, field


def target_of(relation: Relation) -> ModelClass | None:
    """Return the related model; None for a GenericForeignKey."""
    target = getattr(relation, "related_model", None)
    return target if isinstance(target, type) and issubclass(target, Model) else None


@cache
def digest(model: ModelClass) -> str:
    """Return a digest of everything in a model that queries depend on."""
    text = "\n".join([full_name(model), *sorted(_described(model))])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _described(model: ModelClass) -> Iterator[str]:
    for field in (*model._meta.get_fields(include_hidden=True), *model._meta.private_fields):
        target = target_of(field)
        facts = (getattr(field, name, "") for name in ("null", "unique", "attname", "primary_key", "related_name"))
        class_of_field: Any = type(field)
        yield f"{field.name} {full_name(target) if target else ''} {[*facts]} {_class_described(class_of_field)}"
    for manager in model._meta.managers:
        yield f"{manager.name} {_start_described(type(manager))}"


def _start_described(class_of_manager: type[Any]) -> str:
    """Return the source of a manager's `get_queryset()`, which decides what its rows have."""
    start = class_of_manager.get_queryset
    if start is BaseManager.get_queryset:
        return ""
    try:
        return inspect.getsource(start)
    except (OSError, TypeError):
        return full_name(class_of_manager)


@cache
def _class_described(class_of_field: type[Any]) -> str:
    find: Any = getattr(class_of_field, "get_class_lookups", dict)
    lookups: Mapping[str, type[Any]] = find()
    return f"{full_name(class_of_field)} {[(name, full_name(lookups[name])) for name in sorted(lookups)]}"
