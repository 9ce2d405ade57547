"""Every public name of Django's QuerySet, Manager, RawQuerySet and Model has a fate in adj, and adj keeps to it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import django
import pytest
from django.db.models import Manager, Model, QuerySet
from django.db.models.query import RawQuerySet

import adj
from adj import AsyncQuery, AsyncRawQuery, RelatedQuery, q, related
from adj.models.mixin import AsyncManager, AsyncModel
from adj.queryset_names import (
    MANAGER_SURFACE,
    MODEL_SURFACE,
    RAW_SURFACE,
    RELATED_SURFACE,
    RELATED_WRITES,
    SURFACE,
    Fate,
    Instead,
    Kept,
    Property,
    Refused,
    Same,
)
from tests.diary.models import Entry
from tests.shop.models import Author, Book, Tag

# What every class statement leaves behind.
MACHINERY = {"__dict__", "__doc__", "__firstlineno__", "__init__", "__module__", "__static_attributes__", "__weakref__"}
# Names that only newer releases of Django have.
NEWER: Mapping[str, tuple[int, int]] = {"fetch_mode": (6, 1), "totally_ordered": (6, 1), "set_base": (6, 1)}
# Names that only older releases have, and the release that does not.
GONE: Mapping[str, tuple[int, int]] = {"get_prefetch_queryset": (6, 0)}


def public_names(kind: type) -> list[str]:
    """The names of a class that a user may use, the operators that it defines among them."""
    operators = {name for name in vars(kind) if name.startswith("__")} - MACHINERY
    return sorted(operators | {name for name in dir(kind) if not name.startswith("_")})


QUERYSET_NAMES = public_names(QuerySet)
MANAGER_NAMES = [name for name in public_names(Manager) if name not in {*QUERYSET_NAMES, "__slotnames__"}]
RAW_NAMES = public_names(RawQuerySet)
MODEL_NAMES = [name for name in public_names(Model) if not name.startswith("__")]
# A foreign key that may be NULL, both sides of a many-to-many relation, a generic relation.
RELATIONS = ((Author(pk=1), "edited_books"), (Book(pk=1), "tags"), (Tag(pk=1), "books"), (Book(pk=1), "notes"))


def related_names() -> list[str]:
    """What Django's related managers have beside the names of their models' managers."""
    known = {*QUERYSET_NAMES, *MANAGER_NAMES, "__slotnames__"}
    found: set[str] = set()
    for instance, name in RELATIONS:
        kind = getattr(type(instance), name).related_manager_cls
        own = {method for method in vars(kind) if not method.startswith("_")} | ({"__call__"} & vars(kind).keys())
        found |= own - known
    return sorted(found)


def known_here(surface: Mapping[str, Fate]) -> set[str]:
    """The names of a map that this release of Django should have."""
    here = django.VERSION[:2]
    return {name for name in surface if NEWER.get(name, (0, 0)) <= here < GONE.get(name, (99, 0))}


@pytest.mark.parametrize("name", QUERYSET_NAMES)
def test_a_name_of_queryset_has_a_fate_that_holds(name: str) -> None:
    assert name in SURFACE, f"adj/queryset_names.py does not know QuerySet.{name} of Django {django.__version__}"
    check(SURFACE[name], name, AsyncQuery, q(Book))


@pytest.mark.parametrize("name", MANAGER_NAMES)
def test_a_name_of_manager_has_a_fate_that_holds(name: str) -> None:
    assert name in MANAGER_SURFACE, (
        f"Django {django.__version__} has Manager.{name}, which adj/queryset_names.py does not know"
    )
    check(MANAGER_SURFACE[name], name, AsyncQuery, q(Book))


@pytest.mark.parametrize("name", [*related_names(), *sorted(RELATED_WRITES)])
def test_a_name_of_related_managers_has_a_fate_that_holds(name: str) -> None:
    fate = Same() if name in RELATED_WRITES else RELATED_SURFACE.get(name)
    assert fate is not None, (
        f"Django {django.__version__} has RelatedManager.{name}, which adj/queryset_names.py does not know"
    )
    check(fate, name, RelatedQuery, related(Author(pk=1), "edited_books"))


@pytest.mark.parametrize("name", RAW_NAMES)
def test_a_name_of_raw_queryset_has_a_fate_that_holds(name: str) -> None:
    assert name in RAW_SURFACE, (
        f"Django {django.__version__} has RawQuerySet.{name}, which adj/queryset_names.py does not know"
    )
    check(RAW_SURFACE[name], name, AsyncRawQuery, q(Book).raw("SELECT 1 AS id"))


def test_the_maps_hold_no_name_that_django_does_not_have() -> None:
    assert known_here(SURFACE) <= set(QUERYSET_NAMES)
    assert known_here(MANAGER_SURFACE) <= set(MANAGER_NAMES)
    assert known_here(RAW_SURFACE) <= set(RAW_NAMES)
    assert known_here(RELATED_SURFACE) <= set(related_names())
    assert known_here(MODEL_SURFACE) <= set(MODEL_NAMES)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_name_of_a_model_has_a_fate_that_holds(name: str) -> None:
    assert name in MODEL_SURFACE, (
        f"Django {django.__version__} has Model.{name}, which adj/queryset_names.py does not know"
    )
    match MODEL_SURFACE[name]:
        case Same():
            assert getattr(AsyncModel, name) is not getattr(Model, name)
            assert own_arguments(getattr(AsyncModel, name)) == own_arguments(getattr(Model, name))
        case Instead(replacement):
            (called,) = re.findall(r"adj\.(\w+)", replacement)
            assert inspect.iscoroutinefunction(getattr(adj, called))
        case Kept():
            assert getattr(AsyncModel, name) == getattr(Model, name) or inspect.ismethod(getattr(Model, name))
        case fate:
            raise AssertionError(f"{fate} says nothing about Model.{name}")


# Each function of adj, and the method of Django's whose arguments it has.
FUNCTIONS = {"save": "save", "delete": "delete", "refresh": "refresh_from_db", "validate": "full_clean"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_for_instances_takes_what_django_takes(name: str) -> None:
    assert own_arguments(getattr(adj, name)) == own_arguments(getattr(Model, FUNCTIONS[name]))


def own_arguments(method: Any) -> list[tuple[str, Any, Any]]:
    """The arguments of a method; Django 5.2 takes those of `save()` by position as well, and warns of it."""
    return [argument for argument in arguments(method) if argument[1] is not inspect.Parameter.VAR_POSITIONAL]


@pytest.mark.parametrize("name", MANAGER_NAMES)
def test_a_manager_of_adjs_has_what_a_manager_has(name: str) -> None:
    assert hasattr(Entry.aobjects, name)
    if callable(getattr(Manager, name)):
        assert arguments(getattr(AsyncManager, name)) == arguments(getattr(Manager, name))


@pytest.mark.parametrize("name", sorted(name for name, fate in SURFACE.items() if isinstance(fate, Same)))
def test_a_manager_of_adjs_has_every_method_of_a_query(name: str) -> None:
    if name in known_here(SURFACE):
        ours, theirs = getattr(AsyncManager, name), getattr(AsyncQuery, name)
        assert name in OTHER_ARGUMENTS or arguments(ours) == arguments(theirs)


def check(fate: Fate, name: str, kind: type, query: Any) -> None:
    """A fate is kept by a class and by a query of it."""
    match fate:
        case Same():
            assert callable(inspect.getattr_static(kind, name)) or isinstance(
                inspect.getattr_static(kind, name), classmethod
            )
        case Property():
            assert isinstance(inspect.getattr_static(kind, name), property)
        case Kept():
            raise AssertionError(f"a query has nothing that stays Django's, as {name} would")
        case Instead() | Refused() if name.startswith("__"):
            check_refused_operator(name, kind)
        case Instead(replacement):
            with pytest.raises(AttributeError, match=re.escape(replacement)):
                getattr(query, name)
            assert_names_something(replacement, kind)
        case Refused(reason):
            with pytest.raises(AttributeError, match=re.escape(reason)):
                getattr(query, name)


def check_refused_operator(name: str, kind: type) -> None:
    """An operator that is refused says so; pickling, calling and indexing of raw rows are simply not there."""
    method = vars(kind).get(name)
    if name in {"__getstate__", "__setstate__", "__call__"} or (kind is AsyncRawQuery and name == "__getitem__"):
        assert method is None
        return
    assert method is not None, f"{kind.__name__}.{name} is refused, but nothing says so"
    with pytest.raises(TypeError, match=r"await|async for"):
        method(q(Book))


def assert_names_something(replacement: str, kind: type) -> None:
    """The methods of a query that an advice names exist."""
    for called in re.findall(r"query\.(\w+)", replacement):
        assert hasattr(kind, called), f"{replacement} names {called}, which {kind.__name__} does not have"


# -- arguments ---------------------------------------------------------------------------------------------------------

# Where adj's argument list is another one on purpose.
OTHER_ARGUMENTS: Mapping[str, str] = {
    "__and__": "an operator",
    "__or__": "an operator",
    "__xor__": "an operator",
    "__getitem__": "an operator",
    "__class_getitem__": "typing's own",
    "__deepcopy__": "Python's own",
    "__repr__": "Python's own",
    "__aiter__": "Python's own",
    "resolve_expression": "passes everything on",
}


def callables() -> Iterator[str]:
    """The names of methods whose arguments have to be Django's."""
    for name, fate in SURFACE.items():
        if isinstance(fate, Same) and name in QUERYSET_NAMES and name not in OTHER_ARGUMENTS:
            yield name


@pytest.mark.parametrize("name", sorted(callables()))
def test_a_method_takes_what_django_takes(name: str) -> None:
    ours, theirs = (arguments(getattr(kind, name)) for kind in (AsyncQuery, QuerySet))
    assert ours == theirs


def arguments(method: Any) -> list[tuple[str, Any, Any]]:
    """The arguments of a method: name (where it can be given by name), kind and whether there is a default."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return [
        (
            "" if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD} else parameter.name,
            parameter.kind,
            parameter.default if isinstance(parameter.default, bool | str | int | type(None)) else "default",
        )
        for parameter in parameters
    ]


def test_the_reference_has_every_public_name_of_a_query() -> None:
    page = Path(__file__).parents[2] / "docs/reference/api.md"
    listed = re.findall(r":: AsyncQuery\.(\w+)", page.read_text())
    between_adj_and_django = {"statement", "structure", "resolve_expression"}
    assert sorted(listed) == sorted({name for name in dir(AsyncQuery) if name[0] != "_"} - between_adj_and_django)
