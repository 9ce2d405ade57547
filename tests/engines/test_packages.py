"""Packages that patch or wrap how Django executes statements see those of adj's queries: each in the way they do it.

`tests/thirdparty/check_packages.py` tries the packages themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from itertools import count
from typing import Any

import pytest
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper
from django.db.models.sql.compiler import SQLCompiler, SQLUpdateCompiler

import adj
from adj import atomic, q
from adj.compiler.django.dialect import dialect_for
from adj.errors import UnsupportedFeature
from tests.engines.places import Place
from tests.engines.sessions import native_engine
from tests.running import run
from tests.shop.models import Country

_codes = (f"{number:02d}" for number in count(10))


async def everything(alias: str) -> list[Any]:
    """One query of each sort, each about another country, and what they find."""
    code = next(_codes)
    countries = q(Country).using(alias)
    await countries.acreate(code=code, name="new")
    found: list[Any] = [await countries.filter(code=code).acount(), (await countries.aget(code=code)).name]
    found.append(await countries.filter(code=code).aupdate(name=f"renamed {code}"))
    async with atomic(alias):
        found.append(len(await countries.filter(name=f"renamed {code}").values_list("code", flat=True).run()))
    async with countries.filter(code=code).stream(chunk_size=1) as rows:
        found.append([row.pk == code async for row in rows])
    return found


FOUND = [1, "new", 1, 1, [True]]


@contextmanager
def patched_compilers(seen: list[str]) -> Generator[None]:
    """As django-cachalot and django-silk do."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (SQLCompiler, SQLUpdateCompiler):

            def wrapped(original: Callable[..., Any] = kind.execute_sql) -> Callable[..., Any]:
                @wraps(original)
                def execute_sql(self: Any, *args: Any, **kwargs: Any) -> Any:
                    seen.append(type(self).__name__)
                    return original(self, *args, **kwargs)

                return execute_sql

            patch.setattr(kind, "execute_sql", wrapped())
        yield


def test_compilers_that_a_package_patches_execute_every_statement(place: Place) -> None:
    seen: list[str] = []

    async def main() -> None:
        assert await everything(place.alias) == FOUND
        assert not seen
        with patched_compilers(seen):
            assert await everything(place.alias) == FOUND
        assert seen.count("SQLUpdateCompiler") >= 1
        assert seen.count("SQLCompiler") >= 4
        del seen[:]
        assert await everything(place.alias) == FOUND
        assert not seen

    run(main())


def test_what_would_go_past_them_is_refused_or_takes_another_way(native: Place) -> None:
    async def main() -> None:
        with patched_compilers([]):
            with pytest.raises(UnsupportedFeature, match=r"replaces execute_sql\(\) of Django's compilers"):
                await q(Country).using(native.alias).filter(code="zz").returning("name").aupdate(name="x")
            assert await q(Country).using(native.alias).acopy([Country(code="zz", name="copied")]) == 1

    run(main())


def test_cursors_that_a_package_patches_see_every_statement(place: Place) -> None:
    """As sentry-sdk does."""
    seen: list[str] = []
    original = CursorWrapper.execute

    @wraps(original)
    def execute(self: Any, sql: Any, params: Any = None) -> Any:
        seen.append(str(sql))
        return original(self, sql, params)

    async def main() -> None:
        assert await everything(place.alias) == FOUND
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CursorWrapper, "execute", execute)
            assert await everything(place.alias) == FOUND
        for start in ("SELECT COUNT(*)", "UPDATE", "INSERT INTO"):
            assert [sql for sql in seen if sql.startswith(start)], start
        assert len([sql for sql in seen if sql.startswith("SELECT")]) >= 4
        del seen[:]
        assert await everything(place.alias) == FOUND
        assert not seen

    run(main())


def test_a_wrapper_that_is_installed_with_each_connection_sees_every_statement(place: Place) -> None:
    """As packages for tracing do on `connection_created`; the pool keeps such connections."""
    seen: list[str] = []

    def noted(execute: Any, sql: str, *args: Any) -> Any:
        seen.append(sql)
        return execute(sql, *args)

    def install(connection: Any, **kwargs: Any) -> None:
        if connection.alias == place.alias and noted not in connection.execute_wrappers:
            connection.execute_wrappers.append(noted)

    async def main() -> None:
        await adj.run_sync(connections.close_all)
        assert await everything(place.alias) == FOUND
        for start in ("SELECT COUNT(*)", "UPDATE", "INSERT INTO"):
            assert [sql for sql in seen if sql.startswith(start)], start
        if place.engine == "psycopg":
            pool: Any = (await native_engine(place.alias))._pool
            assert len(pool._idle) == 1

    if place.engine == "django":
        pytest.skip("its connection is Django's own, and was made before")
    connection_created.connect(install)
    try:
        run(main())
    finally:
        connection_created.disconnect(install)


def test_both_wrappers_see_a_statement(native: Place) -> None:
    """One that came with the connection, and one of the code around the query."""
    first: list[str] = []
    second: list[str] = []

    def to(seen: list[str]) -> Callable[..., Any]:
        def noted(execute: Any, sql: str, *args: Any) -> Any:
            seen.append(sql)
            return execute(sql, *args)

        return noted

    one = to(first)

    def install(connection: Any, **kwargs: Any) -> None:
        connection.execute_wrappers.append(one)

    async def main() -> None:
        with connections[native.alias].execute_wrapper(to(second)):
            await q(Country).using(native.alias).acount()
        assert [sql for sql in first if "COUNT" in sql] == [sql for sql in second if "COUNT" in sql] != []

    connection_created.connect(install)
    try:
        run(main())
    finally:
        connection_created.disconnect(install)


def test_django_s_own_functions_are_judged_once() -> None:
    async def main() -> None:
        await q(Country).acount()
        dialect = dialect_for("default")
        assert dialect.plain_execution == tuple(kind.execute_sql for kind in dialect.compilers)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dialect, "execution_reason", None)
            await q(Country).acount()

    run(main())
