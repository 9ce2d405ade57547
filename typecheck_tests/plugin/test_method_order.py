"""The tables of methods that cannot follow earlier ones agree with Django."""

from __future__ import annotations

import inspect
import re

import pytest
from django.db.models import QuerySet

from adj_mypy.calls import method_order


def source_of(name: str) -> str:
    """The source of Django's method for a method of a query."""
    method = getattr(QuerySet, name, None)
    return "" if method is None else inspect.getsource(getattr(QuerySet, name.removeprefix("a"), method))


def asynchronous(name: str) -> str:
    """The name of Django's method on a query: `aupdate` for `update`."""
    return f"a{name}" if hasattr(QuerySet, f"a{name}") else name


def test_the_methods_after_a_combination_are_djangos() -> None:
    refused = re.findall(r'_not_support_combined_queries\("(\w+)"\)', inspect.getsource(QuerySet))
    assert {asynchronous(name) for name in refused} == method_order.NOT_AFTER_COMBINING


# They filter, order or reverse.
BY_OTHERS = {"aget", "aget_or_none", "alast", "dates", "datetimes", "page", "exclude", "filter"}


@pytest.mark.parametrize("name", sorted(method_order.NOT_AFTER_SLICE - BY_OTHERS))
def test_django_refuses_a_method_after_a_slice(name: str) -> None:
    assert "is_sliced" in source_of(name)


def test_no_method_is_missing_that_django_refuses_after_a_slice() -> None:
    methods = [name for name, _ in inspect.getmembers(QuerySet, inspect.isfunction) if not name.startswith("_")]
    sync = [name for name in methods if "is_sliced" in inspect.getsource(getattr(QuerySet, name))]
    assert {asynchronous(name) for name in sync} <= method_order.NOT_AFTER_SLICE
