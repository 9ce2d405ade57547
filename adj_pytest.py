"""The pytest plugin of adj, which pytest loads by itself: tests in a transaction of Django's, and fixtures.

pytest loads it before it knows of any Django project, and in projects that have none. So nothing of adj or Django is
imported here before a project's tests have set Django's test environment up, or have asked for a fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from adj.testing import AssertNumQueries, CountQueries


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    """After a fixture that has begun a test's transaction, as `db` does, let asynchronous code find it.

    And close adj's connections before the fixture that has made the test databases drops them.
    """
    result = yield
    if _may_be_testing():
        from adj.testing.pytest_support import close_before_databases_are_dropped, share_what_a_fixture_began

        share_what_a_fixture_began(fixturedef)
        if fixturedef.argname == "django_db_setup":
            close_before_databases_are_dropped(fixturedef)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """After a test, close the connections of loops that go on: the next test may not be allowed to use a database."""
    result = yield
    if "adj.execution.databases" in sys.modules and _may_be_testing():
        from adj.execution.databases import close_all

        close_all()
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Give the fixture `adj_db`, which asks for pytest-django's `db` where that plugin is."""
    plugin = WithDjangoPlugin() if config.pluginmanager.has_plugin("django") else WithoutDjangoPlugin()
    config.pluginmanager.register(plugin, "adj-sandbox")


@pytest.fixture
def adj_count_queries() -> CountQueries:
    """`adj.testing.count_queries`: how many queries does a block send?"""
    from adj.testing import count_queries

    return count_queries


@pytest.fixture
def adj_assert_num_queries() -> AssertNumQueries:
    """`adj.testing.assert_num_queries`: a block has to send so many queries."""
    from adj.testing import assert_num_queries

    return assert_num_queries


class WithDjangoPlugin:
    """The fixture `adj_db` on a test database of pytest-django's."""

    @pytest.fixture
    def adj_db(self, db: None) -> Generator[None]:
        """Every event loop of the test is in a sandbox of adj's native engine; see `adj.testing.native_sandbox`.

        `db` makes the databases and allows the test to use them; what synchronous fixtures write there, the sandbox
        does not see.
        """
        yield from _sandbox()


class WithoutDjangoPlugin:
    """The fixture `adj_db` on the databases as the settings have them."""

    @pytest.fixture
    def adj_db(self) -> Generator[None]:
        """Every event loop of the test is in a sandbox of adj's native engine; see `adj.testing.native_sandbox`."""
        yield from _sandbox()


def _sandbox() -> Generator[None]:
    from adj.testing.sandbox import sandbox_everywhere

    with sandbox_everywhere():
        yield


def _may_be_testing() -> bool:
    """Whether Django's test environment can have been set up."""
    return "django.test.utils" in sys.modules
