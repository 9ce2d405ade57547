"""Related managers of instances: their statements, their databases, and their methods.

Private Django API used here: `RelatedManager.instance`, `GenericRelation.content_type_field_name`,
`.object_id_field_name`, the descriptors of `django.db.models.fields.related_descriptors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from django.core.exceptions import SynchronousOnlyOperation
from django.db import router
from django.db.models import Model
from django.db.models.fields.related_descriptors import ReverseManyToOneDescriptor

from adj.compiler.checks.late_names import relation_fields, relations
from adj.compiler.django.django_path import statement_of, statement_of_manager
from adj.compiler.relations.relation import key_columns
from adj.django_types import PrivateManager
from adj.errors import NotLoaded, UnknownRelation, UnsupportedRelation, UnusableModel
from adj.statement.clauses import DjangoQuerySet
from adj.statement.statement import Statement


def check_usable(model: type[Model]) -> None:
    """Raise `UnusableModel` for an abstract or swapped model."""
    options = getattr(model, "_meta", None)
    if options is None or options.abstract:
        models = sorted(f"{one.__module__}.{one.__qualname__}" for one in _usable_subclasses(model))[:5]
        raise UnusableModel(
            model=model.__name__,
            reason="it is abstract and has no table",
            advice=f"Query a model that inherits from it{': ' + ', '.join(models) if models else ''}.",
        )
    if options.swapped:
        raise UnusableModel(
            model=options.label,
            reason=f'it has been swapped for "{options.swapped}"',
            advice=f'Query that model instead: `q(apps.get_model("{options.swapped}"))`.',
        )


def _usable_subclasses(model: type[Model]) -> Iterator[Any]:
    if model is Model:
        return
    for one in model.__subclasses__():
        if one._meta.abstract:
            yield from _usable_subclasses(one)
        elif not one._meta.proxy:
            yield one


def manager_of(instance: Model, name: str) -> PrivateManager:
    """The related manager of an instance. Raises `UnknownRelation`, and `TypeError` for a relation to a single row."""
    model = type(instance)
    descriptor = getattr(model, name, None)
    if isinstance(descriptor, ReverseManyToOneDescriptor):
        return cast("PrivateManager", getattr(instance, name))
    choices = dict(relations(model))
    if name not in choices:
        raise UnknownRelation(model=model.__name__, path=name, part=name, choices=choices, kind="relation")
    if _leads_to_single_row(model, name):
        raise TypeError(
            f"related() expects a relation to several rows; {model.__name__}.{name} leads to a single row. Load it "
            f'with `await adj.load(instance, "{name}")`.'
        )
    # A relation of a package, such as django-taggit's TaggableManager, has another class of descriptor.
    manager = getattr(instance, name)
    if hasattr(manager, "get_queryset"):
        return cast("PrivateManager", manager)
    raise TypeError(
        f"related() expects a relation with a related manager; {model.__name__}.{name} is a {type(manager).__name__}."
    )


def _leads_to_single_row(model: type[Model], name: str) -> bool:
    return any(field.many_to_one or field.one_to_one for accessor, field in relation_fields(model) if accessor == name)


def relation_statement(instance: Model, name: str) -> Statement:
    """The statement of an instance's related manager. Raises `NotLoaded` for a deferred key."""
    try:
        return statement_of_manager(manager_of(instance, name))
    except SynchronousOnlyOperation as error:
        descriptor: Any = getattr(type(instance), name)
        if hasattr(descriptor.field, "content_type_field_name"):
            # A generic relation queries its content type once per process.
            return statement_of(_by_natural_key(instance, name))
        raise _deferred_key(instance, name) or error from None


def manager_statement(manager: Any) -> Statement:
    """The statement of a related manager. Raises `NotLoaded` for a deferred key."""
    try:
        return statement_of_manager(manager)
    except SynchronousOnlyOperation as error:
        field = getattr(manager, "field", None)
        name = None if field is None else field.remote_field.get_accessor_name()
        raise _deferred_key(manager.instance, name) or error from None


def _deferred_key(instance: Model, relation: str | None) -> NotLoaded | None:
    """The error for a relation whose key is deferred; None if it is loaded."""
    columns = [] if relation is None else key_columns(type(instance), relation)
    names = [name for name in columns if name not in instance.__dict__]
    return NotLoaded(model=type(instance).__name__, field=names[0], is_relation=False) if names else None


def _by_natural_key(instance: Model, name: str) -> DjangoQuerySet:
    """The rows of a generic relation, with a join to the content type."""
    relation: Any = type(instance)._meta.get_field(name)
    model = instance._meta.concrete_model if relation.for_concrete_model else type(instance)
    if model is None:
        raise TypeError(f"{type(instance).__name__} is abstract and has no rows")
    type_name, key_name = relation.content_type_field_name, relation.object_id_field_name
    hinted = relation.related_model._default_manager.db_manager(hints={"instance": instance})
    queryset: DjangoQuerySet = hinted.filter(
        **{
            f"{type_name}__app_label": model._meta.app_label,
            f"{type_name}__model": model._meta.model_name,
            key_name: instance.pk,
        }
    )
    return queryset


def checked_manager(source: object, name: object) -> tuple[Model, object]:
    """A related manager and its instance. Raises `TypeError` for anything else."""
    instance = getattr(source, "instance", None)
    if name is None and isinstance(instance, Model) and hasattr(source, "get_queryset"):
        return instance, source
    got = type(source).__name__ if name is None else f"{type(source).__name__} and {name!r}"
    raise TypeError(
        "related() expects an instance and the name of its relation, or a related manager such as author.books; "
        f"got {got}."
    )


def write_alias(model: type[Model], instance: Model) -> str:
    """The database that a related manager writes to."""
    alias: str = router.db_for_write(model, instance=instance)
    return alias


def call_manager(
    make_manager: Callable[[], Any], name: str, args: tuple[object, ...], kwargs: dict[str, object]
) -> Any:
    """Call a method of a related manager. Raises `UnsupportedRelation` if the relation does not have it."""
    manager = make_manager()
    method = getattr(manager, name, None)
    if method is None:
        field, instance = manager.field, manager.instance
        raise UnsupportedRelation(
            relation=f"{type(instance).__name__}.{field.remote_field.get_accessor_name()}",
            method=name,
            field=f"{field.model.__name__}.{field.name}",
        )
    return method(*args, **kwargs)
