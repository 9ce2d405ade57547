"""Tools for a project's tests: an async `TestCase`, transactions that are rolled back, and query counts.

The pytest plugin is the module `adj_pytest`, which pytest loads first.
"""

from __future__ import annotations

from adj.compiler.plans.trust import raise_on_mismatch
from adj.engines.watching.query_log import CountedQuery
from adj.execution.databases import close_all
from adj.testing.case import AdjTestCase
from adj.testing.commits import capture_on_commit
from adj.testing.counting import AssertNumQueries, CountedQueries, CountQueries, assert_num_queries, count_queries
from adj.testing.sandbox import native_sandbox

# A difference that `settings.ADJ_VERIFY` finds fails the test.
raise_on_mismatch(True)

__all__ = [
    "AdjTestCase",
    "AssertNumQueries",
    "CountQueries",
    "CountedQueries",
    "CountedQuery",
    "assert_num_queries",
    "capture_on_commit",
    "close_all",
    "count_queries",
    "native_sandbox",
]
