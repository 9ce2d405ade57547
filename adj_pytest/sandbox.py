"""The fixture `adj_db`, in two forms: pytest-django makes the databases for tests that ask for its fixture `db`."""

from __future__ import annotations

from collections.abc import Generator

import pytest


class WithDjangoPlugin:
    """On a test database of pytest-django's."""

    @pytest.fixture
    def adj_db(self, db: None) -> Generator[None]:
        """Every event loop of the test is in a sandbox of adj's native engine; see `adj.testing.native_sandbox`.

        `db` makes the databases and allows the test to use them; what synchronous fixtures write there, the sandbox
        does not see.
        """
        yield from _sandbox()


class WithoutDjangoPlugin:
    """On the databases as the settings have them."""

    @pytest.fixture
    def adj_db(self) -> Generator[None]:
        """Every event loop of the test is in a sandbox of adj's native engine; see `adj.testing.native_sandbox`."""
        yield from _sandbox()


def _sandbox() -> Generator[None]:
    from adj.testing.sandbox import sandbox_everywhere

    with sandbox_everywhere():
        yield
