"""Methods of a project's QuerySet class on managers of `AsyncManager.from_queryset()`, and on their queries."""

from __future__ import annotations

from typing import Final

from mypy.plugin import AttributeContext
from mypy.types import CallableType, Instance, ProperType, Type, TypeType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.types import map_to_base
from adj_mypy.calls.call import Call

MANAGER: Final = "adj.models.managers.ManagerFromQuerySet"
QUERY: Final = "adj.models.managers.QueryFromQuerySet"
FROM_QUERYSET: Final = frozenset({MANAGER, QUERY})
_QUERYSET: Final = "django.db.models.query.QuerySet"


def from_queryset(call: Call) -> Type:
    """`AsyncManager.from_queryset(BookQuerySet)`: the result has the QuerySet class as a type argument."""
    arguments = call.arguments("queryset_class")
    source = get_proper_type(arguments[0].type) if arguments else None
    result = get_proper_type(call.result)
    if (
        not isinstance(source, CallableType)
        or not isinstance(result, TypeType)
        or not isinstance(result.item, Instance)
    ):
        return call.result
    queryset = get_proper_type(source.ret_type)
    return TypeType.make_normalized(result.item.copy_modified(args=[*result.item.args[:-1], queryset]))


def read(attribute: str, context: AttributeContext) -> Type:
    """Return the type of a method of the QuerySet class: a query method, or a terminal method with the prefix `a`."""
    receiver, api = get_proper_type(context.type), Api(context.api)
    queryset = _queryset_of(receiver)
    if queryset is None or not isinstance(receiver, Instance):
        return context.default_attr_type
    is_step = queryset.type.get(attribute) is not None
    name = attribute if is_step else attribute.removeprefix("a")
    if queryset.type.get(name) is None:
        return context.default_attr_type
    method = get_proper_type(api.member(queryset, name, context.context))
    if not isinstance(method, CallableType):
        return context.default_attr_type
    returned = get_proper_type(method.ret_type)
    if not is_step:
        return method.copy_modified(ret_type=api.coroutine(returned))
    if _is_coroutine(returned):
        return method
    query = _query(api, receiver, queryset, returned)
    return context.default_attr_type if query is None else method.copy_modified(ret_type=query)


def own(attribute: str, context: AttributeContext) -> Type | None:
    """Return the type of a method that the project's QuerySet class itself defines; None for Django's methods."""
    queryset = _queryset_of(get_proper_type(context.type))
    defining = None if queryset is None else queryset.type.get_containing_type_info(attribute)
    if defining is None or defining.fullname.startswith("django."):
        return None
    return read(attribute, context)


def _queryset_of(receiver: ProperType) -> Instance | None:
    """Return the QuerySet class whose methods a manager or a query has."""
    if not isinstance(receiver, Instance):
        return None
    for name in (MANAGER, QUERY):
        base = map_to_base(receiver, name)
        queryset = None if base is None or not base.args else get_proper_type(base.args[-1])
        if isinstance(queryset, Instance):
            return queryset
    return None


def _is_coroutine(returned: ProperType) -> bool:
    return isinstance(returned, Instance) and returned.type.fullname in {"typing.Coroutine", "typing.AsyncIterator"}


def _query(api: Api, receiver: Instance, queryset: Instance, returned: ProperType) -> Type | None:
    """Return the query that a method returns; None if it does not return a QuerySet."""
    base = map_to_base(returned, _QUERYSET) if isinstance(returned, Instance) else None
    info = api.info(QUERY)
    if base is None or info is None or not isinstance(returned, Instance):
        return None
    if returned.type is not queryset.type:
        return Instance(info, [*base.args, queryset])
    if receiver.type.has_base(QUERY):
        return receiver
    return Instance(info, [receiver.args[0], receiver.args[0], queryset])
