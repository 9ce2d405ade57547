"""Random chains: each asked cold, then again and again from the plan cache with other values."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import pytest
from django.db.models import Model
from hypothesis import HealthCheck, given, settings

import adj
from adj.settings import alias_settings
from tests.parity.chains import ROOTS, Drawn, drawn_chains
from tests.parity.oracle import Session
from tests.parity.tally import TALLY, Tally
from tests.shop.models import Author, Book, OrderLine, Review

# How many chains start from each model. A number in the environment is for a longer hunt.
CHAINS_PER_MODEL = int(os.environ.get("ADJ_TEST_CHAINS", "180"))

# A chain takes the time of its queries. Any: pyright takes the members for instances of their metaclass.
_EVERY_CHECK: Any = list(HealthCheck)


@pytest.mark.parametrize("model", ROOTS)
def test_a_random_chain_is_djangos(model: type[Model]) -> None:
    compare_chains(model, "default", CHAINS_PER_MODEL)


@pytest.mark.parametrize("model", [Author, Book, OrderLine, Review])
def test_a_random_chain_is_djangos_on_postgresql(model: type[Model], postgres: str) -> None:
    compare_chains(model, postgres, CHAINS_PER_MODEL // 4, alias_settings(postgres).engine)


def test_two_thousand_chains_were_compared_and_most_were_answered_from_the_cache() -> None:
    tallies = [compare_chains(model, "default", CHAINS_PER_MODEL) for model in ROOTS]
    hits = sum(tally.hits for tally in tallies)
    others = sum(tally.misses + tally.refusals + tally.uncacheable for tally in tallies)
    assert sum(tally.chains for tally in tallies) >= min(2_000, CHAINS_PER_MODEL * len(ROOTS))
    assert hits > others


@cache
def compare_chains(model: type[Model], alias: str, count: int, engine: str = "") -> Tally:
    """Compare random chains from one model, and return how they fared; once per session and engine."""
    before = TALLY.copy(adj.plan_cache)
    with Session(alias) as session:

        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            derandomize="CI" in os.environ,
            suppress_health_check=_EVERY_CHECK,
            print_blob=True,
        )
        @given(drawn_chains(model))
        def check(drawn: Drawn) -> None:
            TALLY.chains += 1
            session.compare(drawn.chain.build, *drawn.value_sets, finish=drawn.finish)

        run_all: Any = check
        run_all()
    return TALLY.copy(adj.plan_cache).since(before)
