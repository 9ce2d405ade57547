"""Copies operands, one method for each class of values.

Private Django API used here: `Expression.__dict__`, `Expression._constructor_args`, `Expression.identity`,
`tree.Node.children`, `QuerySet._query`, `QuerySet._result_cache`, `Query.clone`.
"""

from __future__ import annotations

import copy
import types
from collections import deque
from collections.abc import (
    Callable,
    Collection,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    ValuesView,
)
from typing import Any, TypeAlias, cast

from django.db.models import F, FilteredRelation, Model, Q, QuerySet
from django.db.models.expressions import BaseExpression, Expression, OuterRef
from django.db.models.lookups import Lookup
from django.db.models.sql.query import Query
from django.utils.functional import LazyObject, Promise

from adj.compiler.keys.container_copies import COPIED_BY_COPY, ITEMS, KEYS, VALUES, VIEWS, copied_dict, copied_list
from adj.compiler.keys.lazy import is_cast_at_once, text_of, unwrapped
from adj.django_types import AnyManager
from adj.statement.clauses import DjangoQuerySet
from adj.statement.structure import PLAIN_TYPES, HasStatement, StatementHolder

STEADY_TYPES = frozenset({*PLAIN_TYPES, bool, types.NoneType, F, OuterRef} - {dict})
"""Types of immutable values."""

_BUILT_BY_DJANGO = frozenset({"source_expressions", "cases", "extra", "bilateral_transforms"})
"""Lists and dicts that an expression creates for itself: they are not shared, so that only their members matter."""


def is_steady(value: Any) -> bool:
    """Whether a value cannot change, which saves a `Snapshot`.

    A Django expression holds only its constructor arguments. The loops are written out because this is a hot path.
    """
    copier = _COPIERS[type(value)]
    if copier is not Snapshot.djangos:
        return copier is None
    args, kwargs = value._constructor_args
    for argument in args:
        if type(argument) not in STEADY_TYPES and not is_steady(argument):
            return False
    if kwargs:
        for argument in kwargs.values():
            if type(argument) not in STEADY_TYPES and not is_steady(argument):
                return False
    return True


class Snapshot:
    """Copies the operands of one clause. An object that occurs twice is copied once, as identity may matter."""

    __slots__ = ("drained", "has_text", "source", "taken")

    def __init__(self, source: HasStatement | None) -> None:
        self.source = source
        # By id, with a reference to the original, so that ids are not reused while the clause is copied.
        self.taken: dict[int, tuple[object, Any]] = {}
        self.drained: dict[int, tuple[object, list[object]]] = {}
        self.has_text = False

    # -- conditions ------------------------------------------------------------------------------------------------

    def argument(self, argument: object) -> object:
        """A positional argument of `filter()`; a `(path, operand)` pair, which Django accepts, becomes a Q."""
        is_pair = isinstance(argument, tuple) and len(argument) == 2 and isinstance(argument[0], str)
        return self.q(Q(argument)) if is_pair else self.value(argument)

    def lookups(self, pairs: Mapping[str, object]) -> dict[str, object]:
        """`path=operand` pairs, copied in Django's order: the first of two that share an iterator drains it."""
        if len(pairs) < 2:
            return {path: self.operand(path, operand) for path, operand in pairs.items()}
        taken = {path: self.operand(path, pairs[path]) for path in sorted(pairs)}
        return {path: taken[path] for path in pairs}

    def operand(self, path: str, operand: object) -> object:
        """The right-hand side of a lookup: iterators are drained, and lazy texts cast where Django does so at once."""
        if type(operand) in STEADY_TYPES:
            return operand
        copier = _COPIERS[type(operand)]
        if copier is Snapshot.iterator:
            taken: object = self._drained(cast("Iterator[object]", operand))
        else:
            taken = operand if copier is None else copier(self, operand)
        if type(taken) is not list and path.endswith("__in"):
            taken = self._members_of(operand, taken)
        if self.has_text:
            self.has_text = False
            return self._with_texts(path, taken)
        return taken

    def _members_of(self, operand: object, taken: object) -> object:
        """The right-hand side of `in` as a list, which can have a plan."""
        if type(taken) is set and isinstance(operand, Iterable):
            # Django sends the members in the order of the user's set; a copied set may have another order.
            return list(operand)
        return list(taken) if isinstance(taken, VIEWS) else taken

    def _drained(self, iterator: Iterator[object]) -> list[object]:
        items: list[object] = self.value(list(iterator))
        self.drained[id(iterator)] = iterator, items
        return items

    def _with_texts(self, path: str, operand: object) -> object:
        if self.source is None:
            return operand
        model = self.source.statement.model
        if isinstance(operand, Promise):
            return text_of(operand) if is_cast_at_once(model, path) else operand
        if not isinstance(operand, (list, tuple, set, frozenset)):
            return operand
        if type(operand) in (list, tuple, set, frozenset) and is_cast_at_once(model, path, of_members=True):
            return type(operand)([text_of(item) if isinstance(item, Promise) else item for item in operand])
        return operand

    # -- values ----------------------------------------------------------------------------------------------------

    def value(self, value: object) -> Any:
        """Any operand of a clause."""
        copier = _COPIERS[type(value)]
        return value if copier is None else copier(self, value)

    def q(self, node: Q) -> Q:
        """A Q. Always a copy, since `add()` would change a Q whose structure is already part of a key."""
        if (seen := self.taken.get(id(node))) is not None:
            return seen[1]  # type: ignore[no-any-return]
        children: list[object] = []
        for child in node.children:
            if isinstance(child, tuple) and len(child) == 2:
                children.append((child[0], self.operand(*child)))
            elif isinstance(child, Q):
                children.append(self.q(child))
            else:
                children.append(self.value(child))
        attributes = node.__dict__.copy()
        attributes["children"] = children
        attributes.pop("identity", None)
        copied: Q = object.__new__(type(node))
        copied.__dict__ = attributes
        self.taken[id(node)] = node, copied
        return copied

    def djangos(self, node: object) -> object:
        """A Django expression that keeps its constructor arguments."""
        return node if is_steady(node) else self.node(node)

    def node(self, node: object) -> Any:
        """An expression; not copied unless something in it is."""
        if (seen := self.taken.get(id(node))) is not None:
            return seen[1]
        changed: dict[str, object] = {}
        attributes = node.__dict__
        for name, value in attributes.items():
            # Cached attributes are fields, constants or the identity.
            if type(value) in STEADY_TYPES or name in ("_constructor_args", "identity"):
                continue
            if (taken := self._attribute(node, name, value)) is not value:
                changed[name] = taken
        # Last, since they share objects with the attributes.
        if (arguments := attributes.get("_constructor_args")) is not None:
            taken = self._arguments(*arguments)
            if taken is not None:
                changed["_constructor_args"] = taken
        copied = node
        if changed:
            copied = copy.copy(node)
            copied.__dict__.update(changed)
            copied.__dict__.pop("identity", None)
        self.taken[id(node)] = node, copied
        return copied

    def _attribute(self, node: object, name: str, value: object) -> object:
        if name in _BUILT_BY_DJANGO and isinstance(value, (list, dict)) and type(value) in (list, dict):
            return self._members(value)
        if name == "rhs" and isinstance(node, Lookup) and isinstance(value, Iterator):
            return self._drained(value)
        # A subquery cloned its Query when it was created.
        return value if isinstance(value, Query) else self.value(value)

    def _members(self, container: list[object] | dict[object, object]) -> object:
        """A list or dict with copied members; not copied unless one of them is."""
        if isinstance(container, dict):
            copied = {name: self.value(value) for name, value in container.items()}
            return container if all(copied[name] is value for name, value in container.items()) else copied
        taken = list(map(self.value, container))
        return container if all(map(_is, taken, container)) else taken

    def _arguments(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[object, object] | None:
        """An expression's constructor arguments, by which it is compared; None if none of them is copied."""
        if STEADY_TYPES.issuperset(map(type, args)) and STEADY_TYPES.issuperset(map(type, kwargs.values())):
            return None
        taken = [self._argument(value) for value in args]
        named = {name: self._argument(value) for name, value in kwargs.items()}
        if all(map(_is, taken, args)) and all(named[name] is value for name, value in kwargs.items()):
            return None
        return tuple(taken), named

    def _argument(self, value: object) -> object:
        if type(value) not in STEADY_TYPES and (drained := self.drained.get(id(value))) is not None:
            return drained[1]
        return value if isinstance(value, Query) else self.value(value)

    # -- queries ---------------------------------------------------------------------------------------------------

    def queryset(self, queryset: DjangoQuerySet) -> object:
        """A Django QuerySet with a cloned Query, all instance attributes, and without cached rows."""
        if (seen := self.taken.get(id(queryset))) is not None:
            return seen[1]
        # Reading `query` applies a related manager's deferred filter, as Django does at this point.
        query = queryset.query.clone()
        copied: Any = object.__new__(type(queryset))
        copied.__dict__.update(queryset.__dict__, _query=query, _result_cache=None)
        self.taken[id(queryset)] = queryset, copied
        return copied

    def query(self, query: Query) -> Query:
        """A Query by itself."""
        return query.clone()

    def holder(self, holder: AnyManager) -> object:
        """An adj manager, whose rows may change. A query is immutable."""
        return holder.all()

    # -- instances and containers ----------------------------------------------------------------------------------

    def lazy(self, proxy: object) -> object:
        """A lazy object, replaced by its object unless that is a plain value, which the field handles, as in Django."""
        value = unwrapped(proxy)
        copier = _COPIERS[type(value)]
        if copier is Snapshot.iterator:
            return self._drained(value)
        return proxy if copier is None and not hasattr(value, "resolve_expression") else self.value(value)

    def iterator(self, iterator: object) -> object:
        """An iterator that is not the operand of a lookup. It may be infinite, so it is not drained."""
        return iterator

    def text(self, promise: object) -> object:
        """A lazy text. The lookup determines when it is translated."""
        self.has_text = True
        return promise

    def instance(self, instance: Model) -> object:
        """An instance with copied attributes; the lookup decides which of them it reads."""
        if (seen := self.taken.get(id(instance))) is not None:
            return seen[1]
        copied: Any = object.__new__(type(instance))
        copied.__dict__ = instance.__dict__.copy()
        self.taken[id(instance)] = instance, copied
        return copied

    def sequence(self, items: MutableSequence[object]) -> MutableSequence[object]:
        """A list, a deque and the like."""
        if (seen := self.taken.get(id(items))) is not None:
            return cast("MutableSequence[object]", seen[1])
        copied = (
            items[:] if type(items) is list else copied_list(items) if isinstance(items, list) else copy.copy(items)
        )
        self.taken[id(items)] = items, copied
        # Not by the methods of a subclass, which may return other members.
        members = list.__iter__(items) if isinstance(items, list) else iter(items)
        for index, item in enumerate(members):
            if (taken := self.value(item)) is not item:
                if isinstance(copied, list):
                    list.__setitem__(copied, index, taken)
                else:
                    copied[index] = taken
        return copied

    def fixed(self, items: tuple[object, ...]) -> tuple[object, ...]:
        """A tuple, which may contain mutable members."""
        if STEADY_TYPES.issuperset(map(type, items)):
            return items
        taken = list(map(self.value, items))
        if all(map(_is, taken, items)):
            return items
        # Not by the constructor of a named tuple, which may have other parameters.
        return tuple(taken) if type(items) is tuple else tuple.__new__(type(items), taken)

    def unordered(self, items: set[object] | frozenset[object]) -> object:
        """A set; a list if members are copied, since copies of unsaved instances are not hashable."""
        if STEADY_TYPES.issuperset(map(type, items)):
            return items if type(items) is frozenset else copy.copy(items)
        members = list(items)
        taken = list(map(self.value, members))
        return copy.copy(items) if all(map(_is, taken, members)) else taken

    def view(self, items: Collection[Any]) -> object:
        """A view of a dict, replaced by a view of a new dict."""
        members: list[Any] = [*self.sequence(list(items))]
        if type(items) is KEYS:
            return dict.fromkeys(members).keys()
        if type(items) is VALUES:
            return dict(enumerate(members)).values()
        return dict(members).items() if type(items) is ITEMS else members

    def mapping(self, mapping: dict[object, object]) -> object:
        """A dict: JSON, or options."""
        if (seen := self.taken.get(id(mapping))) is not None:
            return seen[1]
        copied = copy.copy(mapping) if type(mapping) in COPIED_BY_COPY else copied_dict(mapping)
        self.taken[id(mapping)] = mapping, copied
        had_text = self.has_text
        # Not by the methods of a subclass, which may return other members.
        for name, value in dict.items(mapping):
            if (taken := self.value(value)) is not value:
                dict.__setitem__(copied, name, taken)
        # JSON is serialized when the query runs, and lazy texts with it.
        self.has_text = had_text
        return copied

    def buffer(self, value: object) -> object:
        """Any other mutable value."""
        return copy.copy(value)


def _is(one: object, other: object) -> bool:
    return one is other


Copier: TypeAlias = Callable[[Snapshot, Any], Any]

_COPIERS_BY_CLASS: tuple[tuple[type | tuple[type, ...], Copier], ...] = (
    (LazyObject, Snapshot.lazy),
    (Promise, Snapshot.text),
    (Q, Snapshot.q),
    (QuerySet, Snapshot.queryset),
    (Query, Snapshot.query),
    (Model, Snapshot.instance),
    ((BaseExpression, FilteredRelation, F), Snapshot.node),
    ((list, deque), Snapshot.sequence),
    (tuple, Snapshot.fixed),
    ((set, frozenset), Snapshot.unordered),
    ((KeysView, ValuesView, ItemsView), Snapshot.view),
    (dict, Snapshot.mapping),
    (Iterator, Snapshot.iterator),
    ((bytearray, MutableSequence, MutableSet, MutableMapping), Snapshot.buffer),
)


class _Copiers(dict[type, "Copier | None"]):
    """The copier for each class seen so far; None for classes whose objects are not copied."""

    def __missing__(self, value_type: type) -> Copier | None:
        if len(self) >= _MAXIMUM:
            self.clear()
        copier = self[value_type] = _copier_of(value_type)
        return copier


def _copier_of(value_type: type) -> Copier | None:
    if value_type in STEADY_TYPES:
        return None
    if issubclass(value_type, StatementHolder):
        is_manager = isinstance(getattr(value_type, "statement", None), property)
        return Snapshot.holder if is_manager else None
    if issubclass(value_type, Expression) and value_type.__module__.startswith("django."):
        return Snapshot.djangos
    return next((copier for classes, copier in _COPIERS_BY_CLASS if issubclass(value_type, classes)), None)


_MAXIMUM = 4_096
_COPIERS = _Copiers()
