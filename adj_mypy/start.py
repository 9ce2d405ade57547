"""Where a query starts: `q()`, and the shortcuts that take what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from django.db.models import Manager
from django.db.models.manager import BaseManager
from mypy.types import CallableType, Instance, Type, TypeType, get_proper_type

from adj_mypy import compat
from adj_mypy.call import MANAGER, QUERY, Call, Query, named_model
from adj_mypy.project import ModelClass, model_info
from adj_mypy.state import OPEN, State, row_type, state_of

_PLAIN: Final = frozenset(
    {
        "django.db.models.manager.Manager",
        "django.db.models.manager.BaseManager",
        "django.db.models.query.QuerySet",
        QUERY,
        MANAGER,
    }
)
"""Classes that add no names of their own to the rows' columns."""


def q(call: Call) -> Type:
    """Rows of a model carry their own columns. Those of a manager or a QuerySet of the project's are not known."""
    result = get_proper_type(call.result)
    if not isinstance(result, Instance) or result.type.fullname != QUERY:
        return call.result
    source = _source(call)
    model = call.project.model_of(result.args[0])
    if model is None or source is None or state_of(call.project, result.args[1]) is not None:
        return call.result
    known = names_of_source(source, model)
    first = named_model(call.project, call.api, model, State(annotations=known)) if known else result.args[0]
    row = row_type(call.project, call.api, model, State()) if _is_class(source) else result.args[1]
    return result.copy_modified(args=[first, row])


def query_of_source(call: Call) -> Query | None:
    """The query of a shortcut's first argument, as far as its conditions need it."""
    source = get_proper_type(_source(call))
    if source is None:
        return None
    if _is_class(source):
        row = _class_of(source)
        model = call.project.model_of(row)
        return (
            None
            if model is None or row is None
            else Query(model, State(annotations=names_of_source(source, model)), row)
        )
    query = _mapped(source, QUERY) or _mapped(source, "django.db.models.query.QuerySet")
    manager = _mapped(source, "django.db.models.manager.BaseManager")
    row = query.args[0] if query is not None else manager.args[0] if manager is not None else None
    model = call.project.model_of(row)
    if model is None or row is None:
        return None
    known = (state_of(call.project, row) or State()).annotations
    return Query(model, State(annotations={**known, **names_of_source(source, model)}), row)


def _source(call: Call) -> Type | None:
    types = call.context.arg_types
    return types[0][0] if types and types[0] else None


def _mapped(source: Type, fullname: str) -> Instance | None:
    return compat.map_to_base(source, fullname) if isinstance(source, Instance) else None


def _class_of(source: Type) -> Type | None:
    if isinstance(source, TypeType):
        return source.item
    return source.ret_type if isinstance(source, CallableType) else None


def names_of_source(source: Type, model: ModelClass) -> Mapping[str, Type]:
    """The names that rows have beside their columns: managers and QuerySets of the project's may annotate."""
    proper = get_proper_type(source)
    if _is_class(proper):
        return dict.fromkeys(_names_of_default(model), compat.any_type())
    is_plain = isinstance(proper, Instance) and proper.type.fullname in _PLAIN
    return {} if is_plain else {OPEN: compat.any_type()}


@cache
def _names_of_default(model: Any) -> tuple[str, ...]:
    """The annotations of the default manager's rows, which its `get_queryset()` tells."""
    manager = model._default_manager
    if type(manager).get_queryset in {Manager.get_queryset, BaseManager.get_queryset}:
        return ()
    try:
        return tuple(manager.get_queryset().query.annotations)
    except Exception:  # noqa: BLE001  # the project's code may need more than the plugin has
        return (OPEN,)


def _is_class(typ: Type) -> bool:
    """Whether the argument is a model's class, and no manager of it."""
    proper = get_proper_type(typ)
    return model_info(proper) is None and not isinstance(proper, Instance)
