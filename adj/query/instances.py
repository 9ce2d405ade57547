"""`await adj.save(book)` and the other methods of instances: Django's own synchronous methods on adj's engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

from django.db import router
from django.db.models import Model, QuerySet
from django.db.models.base import ModelBase

from adj.compiler.keys.lazy import unwrapped
from adj.engines.threads.unsent_writes import call_keeping_transaction
from adj.execution.databases import executor_for
from adj.query.async_query import AsyncQuery
from adj.statement.text import NotedCall, call_text
from adj.typevars import Instance

P = ParamSpec("P")
T = TypeVar("T")


async def save(
    instance: Model,
    *,
    force_insert: bool | tuple[ModelBase, ...] = False,
    force_update: bool = False,
    using: str | None = None,
    update_fields: Iterable[str] | None = None,
) -> None:
    """Save an instance as `instance.save()` does, with its overrides, signals and parent models.

    It is written to the alias `using`, by default the router's choice, and joins that alias's transaction. Raises
    Django's own errors: `IntegrityError` for a violated constraint, `ValueError` for `update_fields` that the model
    does not have. Raises `TypeError` for a value that is not an instance.
    """
    instance = _checked(instance, "save")
    options = _options(force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields)
    with NotedCall(call_text, "save", instance, options):
        alias = _alias_of_writes(instance, using)
        await _run(alias, partial(call_keeping_transaction, alias, (), instance.save, **options))


async def delete(instance: Model, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
    """Delete an instance as `instance.delete()` does, with its signals and cascades.

    Returns the number of deleted rows, in total and by model label. Raises `ProtectedError` and `RestrictedError` if a
    relation forbids it, and `ValueError` for an unsaved instance.
    """
    instance = _checked(instance, "delete")
    options = _options(using=using, keep_parents=keep_parents)
    with NotedCall(call_text, "delete", instance, options):
        return await _run(_alias_of_writes(instance, using), instance.delete, **options)


async def refresh(
    instance: Instance,
    using: str | None = None,
    fields: Iterable[str] | None = None,
    from_queryset: QuerySet[Instance] | AsyncQuery[Instance, Instance] | None = None,
) -> None:
    """Reload an instance as `instance.refresh_from_db()` does: all fields that are loaded, or the named `fields`.

    `from_queryset` is the QuerySet or query that reads the row, as in
    `adj.refresh(book, from_queryset=q(Book).select_for_update())`. Raises the model's `DoesNotExist` if the row no
    longer exists.
    """
    instance = _checked(instance, "refresh")
    source = from_queryset.queryset if isinstance(from_queryset, AsyncQuery) else from_queryset
    # A router may choose another replica for each call, so it is called once.
    alias = using or (router.db_for_read(type(instance), instance=instance) if source is None else source.db)
    options = _options(using=alias, fields=fields, from_queryset=source)
    with NotedCall(call_text, "refresh", instance, _options(using=using, fields=fields, from_queryset=from_queryset)):
        await _run(alias, instance.refresh_from_db, **options)


async def validate(
    instance: Model,
    exclude: Iterable[str] | None = None,
    validate_unique: bool = True,
    validate_constraints: bool = True,
) -> None:
    """Validate an instance as `instance.full_clean()` does: its fields, `clean()`, unique fields and constraints.

    `exclude` are the names of fields that are not validated. Raises Django's `ValidationError`, with messages by field.
    """
    instance = _checked(instance, "validate")
    options: dict[str, Any] = {} if exclude is None else {"exclude": exclude}
    if not validate_unique:
        options["validate_unique"] = False
    if not validate_constraints:
        options["validate_constraints"] = False
    with NotedCall(call_text, "validate", instance, options):
        await _run(_alias_of_writes(instance, None), instance.full_clean, **options)


def _checked(instance: Instance, name: str) -> Instance:
    """The instance, or that of a lazy object such as `request.user`. Raises `TypeError` for any other value."""
    value: Any = unwrapped(instance)
    if isinstance(value, Model):
        return cast("Instance", value)
    got = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
    raise TypeError(f"adj.{name}() expects a model instance; got {got}.")


def _options(**options: object) -> dict[str, Any]:
    """The options that are set: a project's own `save()` need not accept the others."""
    return {name: value for name, value in options.items() if value is not None and value is not False}


def _alias_of_writes(instance: Model, using: str | None) -> str:
    return using or router.db_for_write(type(instance), instance=instance)


async def _run(alias: str, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    executor = await executor_for(alias)
    return await executor.run(method, *args, **kwargs)
