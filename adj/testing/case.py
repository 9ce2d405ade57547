"""`AdjTestCase`: Django's `TestCase` with what asynchronous tests need around them."""

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
    """A `TestCase` whose asynchronous tests may prepare, and count, in coroutines.

    Queries run in the test's transaction, as in any `TestCase`: this class is not needed for that. `asyncSetUp()`,
    `asyncTearDown()`, `addAsyncCleanup()` and `enterAsyncContext()` are those of `unittest.IsolatedAsyncioTestCase`,
    and run on the test's own event loop; they belong to asynchronous tests, and a synchronous one passes them by.
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
        """Prepare an asynchronous test; called after `setUp()`."""

    async def asyncTearDown(self) -> None:  # unittest's name
        """Tidy up after an asynchronous test; called before `tearDown()`, if `asyncSetUp()` succeeded."""

    def addAsyncCleanup(  # noqa: N802  # unittest's name
        self, function: Callable[P, Awaitable[object]], /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Await a function at the end of the test, the last one first, whether it failed or not."""
        self._cleanups_of_async_test().push_async_callback(function, *args, **kwargs)

    async def enterAsyncContext(self, context: AbstractAsyncContextManager[T]) -> T:  # noqa: N802  # unittest's name
        """Enter an asynchronous context manager, which is left at the end of the test."""
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
        """Close what loops that go on have opened, so that a test database can be dropped."""
        close_all()
        super().tearDownClass()

    def _cleanups_of_async_test(self) -> AsyncExitStack:
        if self._async_cleanups is None:
            raise RuntimeError("this is for asynchronous tests, `async def test_...`; others have addCleanup().")
        return self._async_cleanups

    def _wrap_async_test(self) -> None:
        """Put the coroutines around an asynchronous test; now and not before, as tests are sent to other processes."""
        name = self.id().rpartition(".")[2]
        method = getattr(self, name)
        if iscoroutinefunction(method):
            # Django makes a synchronous one of it.
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
