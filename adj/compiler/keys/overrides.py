"""Which methods a project's QuerySet, Manager or Query overrides; inspected before anything is built.

Every attribute that Django's class defines is compared. Additional attributes do not matter; if a class overrides one,
its own code has to run.

Private Django API used here: `QuerySet._query`, `QuerySet._iterable_class`, `QuerySet._sticky_filter`,
`QuerySet._defer_next_filter`, `Manager._db`, `Manager._hints`, `Manager._queryset_class`, and the methods of QuerySet
named in `_BY_ANSWER` and `_WRITTEN`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias, cast

from django.db import DJANGO_VERSION_PICKLE_KEY
from django.db.models import Manager, Model, QuerySet
from django.db.models.manager import BaseManager
from django.db.models.sql.query import Query

from adj.compiler.slots.project_code import is_replaced
from adj.django_types import AnyManager, PrivateManager, PrivateQuerySet
from adj.djangos import is_djangos
from adj.hydrate.layout import shape_of
from adj.statement.clauses import DjangoQuerySet
from adj.statement.shapes import Answer

MethodNames: TypeAlias = frozenset[str]

# Attributes that a class may override without any effect on queries.
_HARMLESS = frozenset(
    {
        *("__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__"),
        *("__class_getitem__", "__classcell__", "__dict__", "__dir__", "__doc__", "__firstlineno__", "__format__"),
        *("__getstate__", "__init_subclass__", "__module__", "__orig_bases__", "__parameters__", "__qualname__"),
        *("__reduce__", "__reduce_ex__", "__repr__", "__setstate__", "__sizeof__", "__slots__"),
        *("__static_attributes__", "__str__", "__subclasshook__", "__type_params__", "__weakref__"),
        *("_abc_impl", "as_manager"),
    }
)

_BY_ANSWER: Mapping[Answer, MethodNames] = {
    Answer.ROWS: frozenset(),
    Answer.GET: frozenset({"get", "aget"}),
    Answer.FIRST: frozenset({"first", "afirst"}),
    Answer.LAST: frozenset({"last", "alast"}),
    # Django's methods call get().
    Answer.EARLIEST: frozenset({"earliest", "aearliest", "_earliest", "get"}),
    Answer.LATEST: frozenset({"latest", "alatest", "_earliest", "get"}),
    Answer.COUNT: frozenset({"count", "acount"}),
    Answer.EXISTS: frozenset({"exists", "aexists"}),
    Answer.AGGREGATE: frozenset({"aggregate", "aaggregate"}),
    Answer.UPDATE: frozenset({"update", "aupdate"}),
    Answer.DELETE: frozenset({"delete", "adelete", "_raw_delete"}),
}

IN_BULK: MethodNames = frozenset({"in_bulk", "ain_bulk"})
CONTAINS: MethodNames = frozenset({"contains", "acontains", "exists"})
ITERATOR: MethodNames = frozenset({"iterator", "aiterator"})
EXPLAIN: MethodNames = frozenset({"explain", "aexplain"})
ASYNC_ITERATION: MethodNames = frozenset({"__aiter__"})

# Methods that Django calls when adj lets it write.
_WRITTEN: MethodNames = frozenset(
    {
        *("create", "acreate", "get_or_create", "aget_or_create", "update_or_create", "aupdate_or_create"),
        *("bulk_create", "abulk_create", "bulk_update", "abulk_update", "raw"),
        *("_batched_insert", "_check_bulk_create_options", "_extract_model_params", "_insert"),
        *("_prepare_for_bulk_create", "_update"),
    }
)

TERMINAL: MethodNames = frozenset().union(
    *_BY_ANSWER.values(), IN_BULK, CONTAINS, ITERATOR, EXPLAIN, ASYNC_ITERATION, _WRITTEN
)
"""Terminal methods: a class that overrides one still builds queries as Django does."""

_NONE: MethodNames = frozenset()
_METHODS: MethodNames = frozenset({"__getattr__", *(name for base in QuerySet.__mro__ for name in vars(base))})
# The attributes of a QuerySet instance.
_ATTRIBUTES: MethodNames = frozenset({*vars(QuerySet()), DJANGO_VERSION_PICKLE_KEY})
_QUERY_METHODS: MethodNames = frozenset(
    name
    for base in Query.__mro__
    for name, member in vars(base).items()
    if callable(member) and not isinstance(member, type)
)

# All methods that a manager copies from its QuerySet class share one code object.
_PROXY: object = Manager.filter.__code__


# Not of a package that has replaced it, before or after this import.
_GET_QUERYSET: object = BaseManager.get_queryset if is_djangos(BaseManager.get_queryset) else None


def _is_proxy(member: object) -> bool:
    return getattr(member, "__code__", None) is _PROXY


_MANAGER_METHODS: MethodNames = frozenset(
    {"all", *(name for base in Manager.__mro__ for name, member in vars(base).items() if _is_proxy(member))}
)


# -- QuerySets ---------------------------------------------------------------------------------------------------------


def overridden(queryset_class: type) -> MethodNames:
    """The attributes of Django's QuerySet that a class overrides."""
    if queryset_class is QuerySet:
        return _replaced_on(QuerySet)
    return _of_queryset(queryset_class).replaced()


def overridden_terminals(queryset_class: type) -> MethodNames:
    """The terminal methods that a class overrides."""
    return overridden(queryset_class) & TERMINAL


def builds_plainly(queryset_class: type) -> bool:
    """Whether a class builds queries as Django does; it may override terminal methods and add others."""
    return overridden(queryset_class) <= TERMINAL


class _Own:
    """The names that the project's classes override; computed again when one of the classes changes.

    Tests and packages may set methods on classes at any time.
    """

    __slots__ = ("_classes", "_contents", "_find", "_names", "_replaced")

    def __init__(self, project_class: type, djangos: type, find: Callable[[Sequence[type]], MethodNames]) -> None:
        self._classes = [base for base in project_class.__mro__ if base not in djangos.__mro__]
        self._contents = [vars(base) for base in self._classes]
        self._find = find
        self._names: list[tuple[str, ...]] | None = None
        self._replaced = _NONE

    def replaced(self) -> MethodNames:
        """The Django names that the classes override now."""
        # Called for every query: the comparison runs without Python calls.
        names = [*map(tuple, self._contents)]
        if names != self._names:
            # In this order, since threads may do this at the same time.
            self._replaced = self._find(self._classes)
            self._names = names
        return self._replaced


@lru_cache(maxsize=1_024)
def _of_queryset(queryset_class: type) -> _Own:
    return _Own(queryset_class, QuerySet, _overridden)


def _overridden(own: Sequence[type]) -> MethodNames:
    return frozenset(name for base in own for name in vars(base)) & _METHODS - _HARMLESS | _replaced_on(QuerySet)


@lru_cache(maxsize=16)
def _replaced_on(djangos: type) -> MethodNames:
    """The methods and properties of a class of Django that a package has replaced, before the first query."""
    return frozenset(
        name
        for base in djangos.__mro__
        for name, member in vars(base).items()
        if name not in _HARMLESS and is_replaced(member.fget if isinstance(member, property) else member)
    )


def django_reason(queryset: DjangoQuerySet) -> str | None:
    """Why a QuerySet takes the Django path; None if adj may build on it and run it.

    Checks its class, its instance attributes, its Query and its iterable class.
    """
    private = cast("PrivateQuerySet", queryset)
    queryset_class: type = type(queryset)
    if not (own := overridden(queryset_class)) <= TERMINAL:
        return _class_reason(queryset_class.__name__, own)
    attributes = queryset.__dict__
    if not attributes.keys() <= _ATTRIBUTES:
        return f"{queryset_class.__name__} sets its own attributes: {_listed(attributes.keys() - _ATTRIBUTES)}"
    if private._sticky_filter or private._defer_next_filter:
        return f"{queryset_class.__name__} has a pending sticky or deferred filter"
    if (reason := query_reason(private._query)) is not None:
        return reason
    iterable = queryset._iterable_class
    return None if shape_of(iterable) is not None else f"{iterable.__name__} makes the rows"


@lru_cache(maxsize=1_024)
def _class_reason(name: str, own: MethodNames) -> str:
    return f"{name} overrides {_listed(own - TERMINAL)}"


def is_patched(queryset: DjangoQuerySet) -> bool:
    """Whether methods were set on a QuerySet instance."""
    return not queryset.__dict__.keys().isdisjoint(_METHODS)


# -- Queries -----------------------------------------------------------------------------------------------------------


def query_reason(query: object) -> str | None:
    """Why a Query takes the Django path; None for Django's classes."""
    query_class = type(query)
    if not query_class.__module__.startswith(("django.", "adj.")):
        return f"{query_class.__name__} is a Query of the project"
    if query.__dict__.keys().isdisjoint(_QUERY_METHODS):
        return None
    return f"{query_class.__name__} overrides methods: {_listed(query.__dict__.keys() & _QUERY_METHODS)}"


# -- managers ----------------------------------------------------------------------------------------------------------


def own_methods(manager: AnyManager) -> MethodNames:
    """The methods of Django's Manager that a manager overrides, other than `get_queryset()`."""
    manager_class: type = type(manager)
    attributes = manager.__dict__
    own = (
        _replaced_on(Manager) & _MANAGER_METHODS if manager_class is Manager else _of_manager(manager_class).replaced()
    )
    if _MANAGER_METHODS.isdisjoint(attributes):
        return own
    # A many-to-many manager has a boolean attribute `reverse`.
    return own.union(name for name in _MANAGER_METHODS.intersection(attributes) if callable(attributes[name]))


@lru_cache(maxsize=1_024)
def _of_manager(manager_class: type) -> _Own:
    return _Own(manager_class, Manager, _own_methods)


def _own_methods(classes: Sequence[type]) -> MethodNames:
    """The methods that a class outside Django and adj defines first; Django generates classes for related managers."""
    own: set[str] = set()
    seen: set[str] = set()
    for one in classes:
        for name in _MANAGER_METHODS.intersection(vars(one)) - seen:
            seen.add(name)
            if not one.__module__.startswith(("django.", "adj.")) and not _is_proxy(vars(one)[name]):
                own.add(name)
    return frozenset(own) | (_replaced_on(Manager) & _MANAGER_METHODS)


def starts_plain(manager: AnyManager) -> bool:
    """Whether a manager returns all rows from the router's database and does not override query methods."""
    return begins_with_every_row(manager) and not own_methods(manager)


def begins_with_every_row(manager: AnyManager) -> bool:
    """Whether a manager always returns all rows from the router's database."""
    return _gives_every_row(manager) and builds_plainly(queryset_class_of(manager))


def _gives_every_row(manager: AnyManager) -> bool:
    return (
        type(manager).get_queryset is _GET_QUERYSET
        and "get_queryset" not in manager.__dict__
        and manager._db is None
        and not cast("PrivateManager", manager)._hints
    )


def terminals_of_every_row(manager: AnyManager) -> MethodNames | None:
    """The terminal methods that a manager's QuerySets override; None if the manager changes more than these."""
    if not _gives_every_row(manager) or own_methods(manager):
        return None
    own = overridden(queryset_class_of(manager))
    return own if own <= TERMINAL else None


def has_plain_manager(model: type[Model]) -> bool:
    """Whether a model's default manager always returns all rows."""
    return starts_plain(model._default_manager)


def queryset_class_of(manager: AnyManager) -> type[DjangoQuerySet]:
    """The class of a manager's QuerySets, unless its `get_queryset()` returns another one."""
    return cast("PrivateManager", manager)._queryset_class


# -- terminal methods --------------------------------------------------------------------------------------------------


def method_names(answer: Answer) -> MethodNames:
    """The methods that may be overridden to change a terminal method."""
    return _BY_ANSWER.get(answer) or frozenset({answer.value, f"a{answer.value}"})


def has_own_async(source: DjangoQuerySet | AnyManager, name: str) -> bool:
    """Whether a QuerySet or a manager overrides the asynchronous variant of a method."""
    asynchronous = f"a{name}"
    if isinstance(source, QuerySet):
        return asynchronous in overridden(type(source)) or asynchronous in source.__dict__
    return asynchronous in own_methods(source)


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)
    return f"{', '.join(shown[:3])}{' and others' if len(shown) > 3 else ''}"
