"""The plan cache: bounded, counted, safe under threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.test import override_settings

from adj import CacheStats, plan_cache, q
from adj.compiler.plans.cache import PlanCache
from tests.running import run
from tests.shop.models import Book
from tests.unit.asking import counted, sql_of


def cache_of(size: int) -> PlanCache[str]:
    return PlanCache(lambda: size)


# -- the bound ---------------------------------------------------------------------------------------------------------


def test_a_plan_is_found_under_its_key() -> None:
    cache = cache_of(3)
    cache.store(("a",), "plan")
    assert cache.get(("a",)) == "plan"
    assert cache.get(("b",)) is None
    assert len(cache) == 1


def test_the_plan_unused_for_longest_goes_first() -> None:
    cache = cache_of(3)
    for key in "abc":
        cache.store(key, key)
    cache.get("a")
    cache.store("d", "d")
    assert [cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]


def test_storing_again_makes_a_plan_the_one_used_last() -> None:
    cache = cache_of(2)
    for key in ("a", "b", "a", "c"):
        cache.store(key, f"plan of {key}")
    assert cache.get("b") is None
    assert cache.get("a") == "plan of a"


def test_storing_under_a_key_replaces_its_plan() -> None:
    cache = cache_of(2)
    cache.store("a", "old")
    cache.store("a", "new")
    assert cache.get("a") == "new"
    assert len(cache) == 1


@pytest.mark.parametrize("size", [1, 2, 7])
def test_there_are_never_more_plans_than_the_maximum(size: int) -> None:
    cache = cache_of(size)
    for number in range(20):
        cache.store(number, str(number))
        assert len(cache) <= size
    assert cache.stats().size == size == cache.stats().maximum


def test_the_size_is_read_at_first_use_and_again_after_clear() -> None:
    sizes = iter([2, 5])
    cache: PlanCache[str] = PlanCache(lambda: next(sizes))
    assert cache.maximum == cache.maximum == 2
    cache.clear()
    assert cache.maximum == 5


def test_clear_forgets_plans_and_counts() -> None:
    cache = cache_of(4)
    cache.store("a", "a")
    cache.count_hit()
    cache.count_miss()
    cache.count_refusal()
    cache.count_uncacheable()
    assert cache.stats() == CacheStats(1, 1, 1, 1, 0, 1, 4)
    cache.clear()
    assert cache.stats() == CacheStats(0, 0, 0, 0, 0, 0, 4)
    assert cache.get("a") is None


# -- the plans of the process ------------------------------------------------------------------------------------------


def test_the_cache_holds_at_most_1024_plans(empty_plan_cache: None) -> None:
    assert plan_cache.maximum == 1_024
    for number in range(1_100):
        query = q(Book).values_list("pk").alias(**{f"n{number}": Q(pages=number)}).filter(**{f"n{number}": True})
        sql_of(query)
    assert len(plan_cache) == 1_024
    assert plan_cache.stats().misses == 1_100


def test_a_changed_setting_changes_the_size_and_drops_the_plans(empty_plan_cache: None) -> None:
    sql_of(q(Book).filter(pages=1))
    with override_settings(ADJ_PLAN_CACHE_SIZE=2):
        assert len(plan_cache) == 0
        for name in ("title", "isbn", "pages", "rating"):
            sql_of(q(Book).order_by(name))
        assert plan_cache.stats().size == plan_cache.stats().maximum == 2
    assert plan_cache.maximum == 1_024
    assert len(plan_cache) == 0


@pytest.mark.parametrize("setting", [{"USE_TZ": False}, {"TIME_ZONE": "Asia/Tokyo"}])
def test_settings_that_plans_have_read_drop_them(setting: dict[str, Any], empty_plan_cache: None) -> None:
    sql_of(q(Book).filter(pages=1))
    with override_settings(**setting):
        assert len(plan_cache) == 0
        sql_of(q(Book).filter(pages=1))
    assert len(plan_cache) == 0


def test_a_wrong_size_is_said_at_the_first_query(empty_plan_cache: None) -> None:
    with (
        override_settings(ADJ_PLAN_CACHE_SIZE=0),
        pytest.raises(ImproperlyConfigured, match="a positive integer; got 0"),
    ):
        sql_of(q(Book).filter(pages=1))


COUNTED: list[tuple[str, Callable[[], Any], dict[str, int]]] = [
    ("miss", lambda: [sql_of(q(Book).filter(pages=1))], {"misses": 1}),
    ("hit", lambda: [sql_of(q(Book).filter(pages=pages)) for pages in (1, 2, 3)], {"misses": 1, "hits": 2}),
    (
        "refusal",
        lambda: [sql_of(q(Book).filter(title__matches=text)) for text in ("a", "b*", "c*")],
        {"misses": 1, "refusals": 1, "hits": 1},
    ),
    ("no key", lambda: [sql_of(q(Book).extra(where=["pages = %s"], params=[1]))] * 1, {"uncacheable": 1}),
    ("no query", lambda: [sql_of(q(Book).none())], {"uncacheable": 1}),
    (
        "objection",
        lambda: [sql_of(q(Book).filter(Q(pages=2**70) | Q(title="x"))) for _ in range(2)],
        {"uncacheable": 2},
    ),
    (
        "one query, three runs",
        lambda: [sql_of(query) for query in [q(Book).filter(pages=1)] * 3],
        {"misses": 1, "hits": 2},
    ),
]


@pytest.mark.parametrize(("ask", "expected"), [pytest.param(ask, counts, id=name) for name, ask, counts in COUNTED])
def test_every_query_is_counted_once(ask: Callable[[], Any], expected: dict[str, int], empty_plan_cache: None) -> None:
    before = plan_cache.stats()
    ask()
    assert counted(before) == expected


def test_running_counts_as_asking_for_sql_does(empty_plan_cache: None) -> None:
    async def ask() -> None:
        for pages in (96, 220):
            await q(Book).filter(pages=pages).run()
            await q(Book).filter(pages=pages).acount()

    run(ask())
    assert plan_cache.stats() == CacheStats(
        hits=2, misses=2, refusals=0, uncacheable=0, mismatches=0, size=2, maximum=1_024
    )


# -- threads -----------------------------------------------------------------------------------------------------------

THREADS = 12


def together(work: Callable[[int], Any]) -> list[Any]:
    """Call a function on many threads at the same time."""
    barrier = threading.Barrier(THREADS)

    def start(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start, range(THREADS)))


def test_many_threads_storing_and_reading_lose_nothing() -> None:
    cache = cache_of(16)

    def work(thread: int) -> int:
        found = 0
        for number in range(400):
            key = (thread * 7 + number) % 24
            cache.store(key, f"plan {key}")
            plan = cache.get(key)
            assert plan in {f"plan {key}", None}
            found += plan is not None
            cache.count_hit()
            assert len(cache) <= 16 + 1
        return found

    assert sum(together(work)) > 0
    assert cache.stats().hits == THREADS * 400
    assert cache.stats().size == 16


def test_many_threads_counting_count_right() -> None:
    cache = cache_of(1)

    def work(thread: int) -> None:
        for _ in range(500):
            cache.count_hit()
            cache.count_miss()
            cache.count_refusal()
            cache.count_uncacheable()

    together(work)
    each = THREADS * 500
    expected = CacheStats(hits=each, misses=each, refusals=each, uncacheable=each, mismatches=0, size=0, maximum=1)
    assert cache.stats() == expected


def test_clearing_while_others_store_leaves_a_cache_that_works() -> None:
    cache = cache_of(8)

    def work(thread: int) -> None:
        for number in range(300):
            if thread == 0 and number % 10 == 0:
                cache.clear()
            cache.store((thread, number), "plan")
            cache.get((thread, number - 1))

    together(work)
    assert len(cache) <= 8
    cache.store("last", "plan")
    assert cache.get("last") == "plan"


def test_many_threads_compiling_the_same_and_other_queries_get_their_own_answers(empty_plan_cache: None) -> None:
    """P36, at the compiler: each thread's parameters are its own, whichever thread created the plan."""

    def work(thread: int) -> None:
        for number in range(40):
            pages = thread * 1_000 + number
            assert sql_of(q(Book).filter(pages=pages, title=f"{thread}"))[1] == (pages, f"{thread}")
            text = f"{pages}*" if number % 3 else f"{pages}"
            expected = f"{pages}%" if number % 3 else f"{pages}"
            assert sql_of(q(Book).filter(title__matches=text))[1] == (expected,)

    together(work)
    stats = plan_cache.stats()
    assert stats.hits + stats.misses + stats.refusals == THREADS * 40 * 2
    assert stats.size == 2
