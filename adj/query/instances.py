"""`await adj.save(book)`, and what else a model instance can do: Django's own synchronous methods on adj's engine."""

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
from adj.typevars import M

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
    """Write an instance to the database, as `instance.save()` does: with its overrides, signals and parents.

    It goes where the router sends writes of this instance, unless `using` names an alias, and joins the transaction
    there. Raises what Django raises: `IntegrityError` for what the database refuses, `ValueError` for `update_fields`
    that the model does not have, and `TypeError` for what is no instance.
    """
    instance = _checked(instance, "save")
    given = _given(force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields)
    with NotedCall(call_text, "save", instance, given):
        alias = _alias_of_writes(instance, using)
        await _run(alias, partial(call_keeping_transaction, alias, (), instance.save, **given))


async def delete(instance: Model, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
    """Delete an instance and what its relations say has to go with it, as `instance.delete()` does.

    Returns how many rows were deleted, and how many of each model, by label. Raises `ProtectedError` and
    `RestrictedError` where a relation forbids it, and `ValueError` for an instance that is not saved.
    """
    instance = _checked(instance, "delete")
    given = _given(using=using, keep_parents=keep_parents)
    with NotedCall(call_text, "delete", instance, given):
        return await _run(_alias_of_writes(instance, using), instance.delete, **given)


async def refresh(
    instance: M,
    using: str | None = None,
    fields: Iterable[str] | None = None,
    from_queryset: QuerySet[M] | AsyncQuery[M, M] | None = None,
) -> None:
    """Read an instance anew, as `instance.refresh_from_db()` does: all fields that are loaded, or those named.

    `from_queryset`, a QuerySet or a query of adj, says where to look and how, as in
    `adj.refresh(book, from_queryset=q(Book).select_for_update())`. Raises the model's `DoesNotExist` when the row is
    gone.
    """
    instance = _checked(instance, "refresh")
    source = from_queryset.queryset if isinstance(from_queryset, AsyncQuery) else from_queryset
    # A router may choose another replica each time it is asked; this asks it once.
    alias = using or (router.db_for_read(type(instance), instance=instance) if source is None else source.db)
    given = _given(using=alias, fields=fields, from_queryset=source)
    with NotedCall(call_text, "refresh", instance, _given(using=using, fields=fields, from_queryset=from_queryset)):
        await _run(alias, instance.refresh_from_db, **given)


async def validate(
    instance: Model,
    exclude: Iterable[str] | None = None,
    validate_unique: bool = True,
    validate_constraints: bool = True,
) -> None:
    """Check an instance as `instance.full_clean()` does: its fields, `clean()`, unique fields and constraints.

    `exclude` names fields that need no check. Raises Django's `ValidationError`, which has the messages by field.
    """
    instance = _checked(instance, "validate")
    given: dict[str, Any] = {} if exclude is None else {"exclude": exclude}
    if not validate_unique:
        given["validate_unique"] = False
    if not validate_constraints:
        given["validate_constraints"] = False
    with NotedCall(call_text, "validate", instance, given):
        await _run(_alias_of_writes(instance, None), instance.full_clean, **given)


def _checked(instance: M, name: str) -> M:
    """The instance, or the one that a lazy object such as `request.user` stands for. Raises `TypeError` otherwise."""
    found: Any = unwrapped(instance)
    if isinstance(found, Model):
        return cast("M", found)
    words = f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"
    raise TypeError(f"adj.{name}() takes one instance of a model, not {words}.")


def _given(**options: Any) -> dict[str, Any]:
    """The options that say something: a project's own `save()` need not take those that nobody uses."""
    return {name: value for name, value in options.items() if value is not None and value is not False}


def _alias_of_writes(instance: Model, using: str | None) -> str:
    return using or router.db_for_write(type(instance), instance=instance)


async def _run(alias: str, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    executor = await executor_for(alias)
    return await executor.run(method, *args, **kwargs)
