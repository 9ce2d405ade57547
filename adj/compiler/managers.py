"""Related managers of instances: which there are, where they read and write, and what they cannot do.

Private Django API used here: `RelatedManager.instance`, `GenericRelation.content_type_field_name`,
`.object_id_field_name`, the descriptors of `django.db.models.fields.related_descriptors`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.db import router
from django.db.models import Model, QuerySet
from django.db.models.fields.related_descriptors import ReverseManyToOneDescriptor

from adj.compiler.django_path import statement_of, statement_of_manager
from adj.compiler.late_names import relations
from adj.errors import UnknownRelation, UnsupportedRelation
from adj.statement import Statement


def manager_of(instance: Model, name: str) -> Any:
    """The related manager of an instance. Raises `UnknownField`, and `TypeError` for a relation to one row."""
    model = type(instance)
    descriptor = getattr(model, name, None)
    if isinstance(descriptor, ReverseManyToOneDescriptor):
        return getattr(instance, name)
    choices = dict(relations(model))
    if name in choices:
        raise TypeError(
            f'{model.__name__}.{name} leads to one row at most: load it with `await adj.load(instance, "{name}")`.'
        )
    raise UnknownRelation(model=model.__name__, path=name, part=name, choices=choices, kind="relation")


def relation_statement(instance: Model, name: str) -> Statement:
    """The statement of an instance's related manager."""
    try:
        return statement_of_manager(manager_of(instance, name))
    except SynchronousOnlyOperation:
        # A generic relation asks for its content type, the first time that a process does.
        return statement_of(_by_natural_key(instance, name))


def _by_natural_key(instance: Model, name: str) -> QuerySet[Any, Any]:
    """The rows of a generic relation, whose content type is looked up by the same query."""
    relation: Any = type(instance)._meta.get_field(name)
    model = instance._meta.concrete_model if relation.for_concrete_model else type(instance)
    if model is None:
        raise TypeError(f"{type(instance).__name__} is abstract and has no rows")
    type_name, key_name = relation.content_type_field_name, relation.object_id_field_name
    hinted = relation.related_model._default_manager.db_manager(hints={"instance": instance})
    queryset: QuerySet[Any, Any] = hinted.filter(
        **{
            f"{type_name}__app_label": model._meta.app_label,
            f"{type_name}__model": model._meta.model_name,
            key_name: instance.pk,
        }
    )
    return queryset


def checked_manager(source: Any, name: object) -> tuple[Model, Any]:
    """A related manager and its instance. Raises `TypeError` for anything else."""
    instance = getattr(source, "instance", None)
    if name is None and isinstance(instance, Model) and hasattr(source, "get_queryset"):
        return instance, source
    given = type(source).__name__ if name is None else f"{type(source).__name__} and {name!r}"
    raise TypeError(
        "related() takes an instance and the name of its relation, or a related manager such as author.books, "
        f"not {given}."
    )


def write_alias(model: type[Model], instance: Model) -> str:
    """The database that a related manager writes to."""
    alias: str = router.db_for_write(model, instance=instance)
    return alias


def call_manager(make_manager: Callable[[], Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a method of a related manager. Raises `UnsupportedRelation` where its relation does not allow it."""
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
