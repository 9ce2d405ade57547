"""`AdjTestCase`: Django's `TestCase` with async fixtures and assertions."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar
from unittest import TestResult

from django.test import TestCase

from adj.execution.databases import close_all
from adj.testing.commits import capture_on_commit
from adj.testing.counting import CountedQueries, assert_num_queries

P = ParamSpec("P")
T = TypeVar("T")


class AdjTestCase(TestCase):
    """A `TestCase` with fixtures and assertions for async tests.

    In any `TestCase`, adj's queries run in the test's transaction; this class is not needed for that. `asyncSetUp()`,
    `asyncTearDown()`, `addAsyncCleanup()` and `enterAsyncContext()` work as in `unittest.IsolatedAsyncioTestCase`, on
    the test's event loop. They are not called for synchronous tests.
    """

    _async_cleanups: AsyncExitStack | None = None

    def __call__(self, result: TestResult | None = None) -> None:
        """Run the test."""
        self._wrap_async_test()
        super().__call__(result)

    def debug(self) -> None:
        """Run the test without collecting its errors."""
        self._wrap_async_test()
        super().debug()

    async def asyncSetUp(self) -> None:  # unittest's name
        """Prepare an async test; called after `setUp()`."""

    async def asyncTearDown(self) -> None:  # unittest's name
        """Clean up after an async test; called before `tearDown()`, if `asyncSetUp()` succeeded."""

    def addAsyncCleanup(  # noqa: N802  # unittest's name
        self, function: Callable[P, Awaitable[object]], /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Await a function at the end of the test, even if it failed; the last function is called first."""
        self._cleanups_of_async_test().push_async_callback(function, *args, **kwargs)

    async def enterAsyncContext(self, context: AbstractAsyncContextManager[T]) -> T:  # noqa: N802  # unittest's name
        """Enter an async context manager, and leave it at the end of the test."""
        return await self._cleanups_of_async_test().enter_async_context(context)

    def assertNumQueriesAsync(  # noqa: N802  # as Django names its own
        self, num: int, *, using: str | None = None
    ) -> AbstractAsyncContextManager[CountedQueries]:
        """`async with self.assertNumQueriesAsync(2):`, see `assert_num_queries()`."""
        return assert_num_queries(num, using=using)

    def captureOnCommitAsync(  # noqa: N802  # as Django names its own
        self, *, using: str | None = None, execute: bool = False
    ) -> AbstractAsyncContextManager[list[Callable[[], object]]]:
        """`async with self.captureOnCommitAsync() as functions:`, see `capture_on_commit()`."""
        return capture_on_commit(using, execute=execute)

    @classmethod
    def tearDownClass(cls) -> None:
        """Close the databases of event loops that still exist, so that test databases can be dropped."""
        close_all()
        super().tearDownClass()

    def _cleanups_of_async_test(self) -> AsyncExitStack:
        if self._async_cleanups is None:
            raise RuntimeError(
                "Async cleanups require an async test, `async def test_...`. Use addCleanup() in synchronous tests."
            )
        return self._async_cleanups

    def _wrap_async_test(self) -> None:
        """Wrap an async test in its fixtures; not earlier, since test cases are pickled for parallel runs."""
        name = self.id().rpartition(".")[2]
        method = getattr(self, name)
        if iscoroutinefunction(method):
            # Django turns it into a synchronous function.
            setattr(self, name, self._with_async_fixtures(method))

    def _with_async_fixtures(self, method: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
        @functools.wraps(method)
        async def wrapper() -> None:
            async with AsyncExitStack() as self._async_cleanups:
                await self.asyncSetUp()
                try:
                    await method()
                finally:
                    await self.asyncTearDown()

        return wrapper
