"""Probation and verification: a plan that differs from Django is found, counted, logged and not used again."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import CharField, Func
from django.test import override_settings

from adj import PlanMismatch, plan_cache, pure, q
from adj.compiler.plans.prepared import Ready
from adj.compiler.plans.proof import are_same, difference
from adj.compiler.plans.trust import raise_on_mismatch
from adj.settings import probation_runs, verified_share
from tests.running import run
from tests.shop.models import Book
from tests.unit.asking import prepared

FIRST, THEN = "first", "then"
spoken: list[str] = [FIRST]


@pure
class Lying(Func):
    """Says that its SQL depends on nothing but itself, which is not true."""

    output_field: Any = CharField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        return f"'{spoken[0]}'", ()


@pytest.fixture(autouse=True)
def _fresh() -> Generator[None]:
    spoken[0] = FIRST
    run(q(Book).acount())
    plan_cache.clear()
    yield
    plan_cache.clear()


@contextmanager
def settings(*, verify: float = 0, probation: int = 2) -> Iterator[None]:
    with override_settings(ADJ_VERIFY=verify, ADJ_PROBATION_RUNS=probation):
        yield


@contextmanager
def production() -> Iterator[None]:
    """Where a difference does not raise."""
    raise_on_mismatch(False)
    try:
        yield
    finally:
        raise_on_mismatch(True)


def ask(number: int) -> Any:
    return q(Book).annotate(said=Lying()).filter(pages=number)


def said(number: int) -> str:
    found = prepared(ask(number))
    assert isinstance(found, Ready)
    return FIRST if f"'{FIRST}'" in found.sql else THEN


def test_a_distrusted_structure_stays_uncacheable_after_its_place_in_the_cache_is_gone() -> None:
    with override_settings(ADJ_PLAN_CACHE_SIZE=4), settings(), production():
        assert said(1) == FIRST
        spoken[0] = THEN
        assert said(2) == THEN
        assert plan_cache.stats().mismatches == 1
        for name in ("pages", "weight", "title", "isbn", "price", "rating"):
            prepared(q(Book).filter(**{name: 1}))
        before = plan_cache.stats()
        assert [said(3), said(4)] == [THEN, THEN]
        after = plan_cache.stats()
    assert after.uncacheable == before.uncacheable + 2
    assert after.mismatches == 1


@pytest.mark.parametrize("runs_before", [0, 1])
def test_a_wrong_plan_is_detected_during_probation(runs_before: int, caplog: pytest.LogCaptureFixture) -> None:
    with settings(), production(), caplog.at_level(logging.ERROR, "adj.plans"):
        for number in range(1 + runs_before):
            assert said(number) == FIRST
        spoken[0] = THEN
        assert said(90) == THEN
        stats = plan_cache.stats()
        assert stats.mismatches == 1
        assert [said(number) for number in range(3)] == [THEN] * 3
        assert plan_cache.stats().uncacheable == stats.uncacheable + 3
        assert plan_cache.stats().mismatches == 1
    (record,) = caplog.records
    assert "q(Book).annotate(said=Lying(...)).filter(pages=...)" in record.message
    assert "90" not in record.message


def test_a_difference_on_probation_raises_nothing_even_in_tests() -> None:
    with settings():
        assert said(1) == FIRST
        spoken[0] = THEN
        assert said(2) == THEN


def test_probation_ends_after_two_runs_with_other_values() -> None:
    with settings(), production():
        # The plan's own values again tell nothing new.
        assert [said(1), said(1), said(1), said(2)] == [FIRST] * 4
        found = prepared(ask(1))
        assert isinstance(found, Ready)
        assert found.plan.trust.left == 1
        said(3)
        assert found.plan.trust.left == 0
        spoken[0] = THEN
        assert said(4) == FIRST
        assert plan_cache.stats().mismatches == 0


def test_probation_can_be_longer_or_left_out() -> None:
    with settings(probation=5):
        said(1)
        found = prepared(ask(1))
        assert isinstance(found, Ready)
        assert found.plan.trust.left == 5
    with settings(probation=0), production():
        assert said(1) == FIRST
        spoken[0] = THEN
        assert said(2) == FIRST


def test_verification_finds_what_differs_later() -> None:
    with settings(probation=0), production():
        assert [said(1), said(2)] == [FIRST] * 2
        spoken[0] = THEN
        with override_settings(ADJ_VERIFY=1):
            assert said(3) == THEN
        assert said(4) == THEN
        assert plan_cache.stats().mismatches == 1


def test_verification_raises_in_tests() -> None:
    with settings(verify=1):
        assert said(1) == FIRST
        spoken[0] = THEN
        with pytest.raises(PlanMismatch, match="the SQL differs") as caught:
            said(2)
        assert caught.value.query == "q(Book).annotate(said=Lying(...)).filter(pages=...)"


def test_a_share_of_the_runs_is_compared() -> None:
    compiled = []

    @pure
    class Counted(Func):
        output_field: Any = CharField()

        def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
            compiled.append(self)
            return "'x'", ()

    with settings(verify=0.25, probation=0):
        for number in range(400):
            q(Book).annotate(x=Counted()).filter(pages=number).sql()
    # Two for the plan; of the others a quarter. The chance of a run outside these bounds is one in a million.
    assert 50 < len(compiled) - 2 < 160


@pytest.mark.parametrize("share", [-0.1, 1.5, "1", True, None])
def test_a_wrong_share_is_refused(share: object) -> None:
    with override_settings(ADJ_VERIFY=share), pytest.raises(ImproperlyConfigured, match="ADJ_VERIFY must be a number"):
        verified_share()


@pytest.mark.parametrize("runs", [-1, 1.5, "1", True, None])
def test_a_wrong_length_of_the_probation_is_refused(runs: object) -> None:
    expected = pytest.raises(ImproperlyConfigured, match="ADJ_PROBATION_RUNS must be 0 or a positive integer")
    with override_settings(ADJ_PROBATION_RUNS=runs), expected:
        probation_runs()


class Wrapped:
    """Like a driver's wrapper of JSON, whose text is shortened."""

    dumps = None

    def __init__(self, obj: object) -> None:
        self.obj = obj

    def __repr__(self) -> str:
        return "Wrapped(...)"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1, 2], [1, 2], True),
        ([1, 2], (1, 2), False),
        ([1, True], [1, 1], False),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        (Wrapped({"a": 1}), Wrapped({"a": 1}), True),
        (Wrapped({"a": 1}), Wrapped({"a": 2}), False),
        (Wrapped({"a": 1}), Wrapped({"a": 1.0}), False),
    ],
)
def test_parameters_are_compared_to_the_ground(one: object, other: object, same: bool) -> None:
    assert are_same(one, other) is same


def test_a_difference_says_what_differs_and_no_value() -> None:
    assert difference("a", (1,), "a", (1,)) is None
    assert difference("a", (1,), "b", (1,)) == "the SQL differs"
    assert difference("a", (1,), "a", (1, 2)) == "1 parameters instead of 2"
    assert difference("a", (1, "secret"), "a", (1, 7)) == "parameter 1 differs (str, and int from Django)"
