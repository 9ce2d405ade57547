"""adj's pytest plugin: makes adj's queries join the transactions of Django's test fixtures, and adds fixtures.

pytest loads it in every environment, also without a Django project. Therefore it imports adj and Django only after a
project's tests have set up Django's test environment, or have requested a fixture.
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
    """Let async code use the transaction that a fixture such as `db` has begun.

    Also close adj's connections before the fixture that has created the test databases drops them.
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
    """Close the connections of event loops that outlive a test: the next one may not be allowed to use a database."""
    result = yield
    if "adj.execution.databases" in sys.modules and _may_be_testing():
        from adj.execution.databases import close_all

        close_all()
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixture `adj_db`, which requests pytest-django's `db` if that plugin is installed."""
    plugin = WithDjangoPlugin() if config.pluginmanager.has_plugin("django") else WithoutDjangoPlugin()
    config.pluginmanager.register(plugin, "adj-sandbox")


@pytest.fixture
def adj_count_queries() -> CountQueries:
    """`adj.testing.count_queries()`, which counts the queries of a block."""
    from adj.testing import count_queries

    return count_queries


@pytest.fixture
def adj_assert_num_queries() -> AssertNumQueries:
    """`adj.testing.assert_num_queries()`, which checks the number of queries of a block."""
    from adj.testing import assert_num_queries

    return assert_num_queries


class WithDjangoPlugin:
    """The fixture `adj_db` with pytest-django's test databases."""

    @pytest.fixture
    def adj_db(self, db: None) -> Generator[None]:
        """Run every event loop of the test in a sandbox of the native engine; see `adj.testing.native_sandbox()`.

        `db` creates the databases and allows the test to use them. The sandbox does not see what synchronous fixtures
        write in their transaction.
        """
        yield from _sandbox()


class WithoutDjangoPlugin:
    """The fixture `adj_db` with the databases of the settings."""

    @pytest.fixture
    def adj_db(self) -> Generator[None]:
        """Run every event loop of the test in a sandbox of the native engine; see `adj.testing.native_sandbox()`."""
        yield from _sandbox()


def _sandbox() -> Generator[None]:
    from adj.testing.sandbox import sandbox_everywhere

    with sandbox_everywhere():
        yield


def _may_be_testing() -> bool:
    """Whether Django's test environment may have been set up."""
    return "django.test.utils" in sys.modules
