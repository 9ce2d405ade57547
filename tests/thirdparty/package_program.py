"""`python -m tests.thirdparty.package_program cachalot|sentry|prometheus|pool|tenants threads|auto`: a package.

Prints what the package has seen of adj's queries. A process for each, as the packages patch Django for good. The
database is that of `ADJ_PACKAGES_POSTGRES`, a JSON object for `DATABASES`; its table `auth_group` is created again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextvars import ContextVar
from typing import Any

BACKENDS = {
    "prometheus": "django_prometheus.db.backends.postgresql",
    "pool": "dj_db_conn_pool.backends.postgresql",
    "tenants": "django_tenants.postgresql_backend",
}
TENANTS = ("adj_red", "adj_blue")
_tenant: ContextVar[str] = ContextVar("tenant", default="")


def session() -> dict[str, str]:
    """What a project with tenants writes."""
    return {"search_path": f"{_tenant.get()}, public"} if _tenant.get() else {}


def main() -> None:
    """Set Django and the package up, and let the package look on."""
    package, engine = sys.argv[1:]
    database = json.loads(os.environ["ADJ_PACKAGES_POSTGRES"])
    seen: list[Any] = []
    if package == "sentry":
        _begin_sentry(seen)
    from django.conf import settings

    settings.configure(
        SECRET_KEY="the tests keep no secrets",  # noqa: S106
        INSTALLED_APPS=[
            *("django.contrib.contenttypes", "django.contrib.auth"),
            *(["cachalot"] if package == "cachalot" else []),
        ],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        DATABASES={"default": {**database, "ENGINE": BACKENDS.get(package, database["ENGINE"])}},
        ADJ={"default": {"engine": engine, **({"session": session} if package == "tenants" else {})}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
    )
    import django

    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS auth_group CASCADE")
        cursor.execute("CREATE TABLE auth_group (id serial PRIMARY KEY, name varchar(150))")
        for tenant in TENANTS if package == "tenants" else ():
            cursor.execute(f"DROP SCHEMA IF EXISTS {tenant} CASCADE")
            cursor.execute(f"CREATE SCHEMA {tenant}")
            cursor.execute(f"CREATE TABLE {tenant}.auth_group (LIKE public.auth_group INCLUDING ALL)")
            cursor.execute(f"INSERT INTO {tenant}.auth_group (name) VALUES ('{tenant}')")
    connection.close()
    print(json.dumps(asyncio.run(_WATCHED[package](seen))))  # noqa: T201  # the answer


def _begin_sentry(seen: list[Any]) -> None:
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        traces_sample_rate=1.0,
        integrations=[DjangoIntegration()],
        default_integrations=False,
        before_send_transaction=lambda event, hint: seen.append(event),
    )


async def _queries() -> None:
    from django.contrib.auth.models import Group

    from adj import atomic, q

    await q(Group).filter(name="a").acount()
    await q(Group).run()
    async with atomic():
        await q(Group).filter(name="a").aupdate(name="a")


async def _sentry(seen: list[Any]) -> list[str]:
    import sentry_sdk

    with sentry_sdk.start_transaction(name="queries", op="test"):
        await _queries()
    words = [span["description"].split()[0] for event in seen for span in event["spans"] if span["op"] == "db"]
    # Connecting is a span as well.
    return [word for word in words if word.isupper()]


async def _prometheus(seen: list[Any]) -> bool:
    from prometheus_client import REGISTRY

    def executed() -> float:
        return REGISTRY.get_sample_value("django_db_execute_total", {"alias": "default", "vendor": "postgresql"}) or 0

    before = executed()
    await _queries()
    # What prepares a new connection is counted as well.
    return executed() - before >= 3


async def _pool(seen: list[Any]) -> list[int]:
    from django.contrib.auth.models import Group

    from adj import q

    return await asyncio.gather(*(q(Group).acount() for _ in range(20)))


async def _cachalot(seen: list[Any]) -> list[list[str]]:
    from django.contrib.auth.models import Group

    from adj import atomic, q

    found: list[list[str]] = []

    async def look() -> None:
        found.append([group.name async for group in Group.objects.order_by("name")])
        found.append([group.name for group in await q(Group).order_by("name").run()])

    await q(Group).acreate(name="a")
    await look()
    await q(Group).filter(name="a").aupdate(name="b")
    await look()
    await q(Group).acopy([Group(id=77, name="copied")])
    await look()
    async with atomic():
        await q(Group).filter(name="b").aupdate(name="c")
    await look()
    return found


async def _tenants(seen: list[Any]) -> bool:
    from django.contrib.auth.models import Group
    from django.db import connection

    import adj
    from adj import atomic, q

    def names() -> list[str]:
        return list(Group.objects.values_list("name", flat=True))

    def stray(*, asks: bool) -> None:
        # What code tells the backend itself has to end with its call.
        places: Any = connection
        places.set_schema(TENANTS[0])
        if asks:
            assert names() == [TENANTS[0]]

    async def ask(number: int) -> bool:
        tenant = (*TENANTS, "")[number % 3]
        _tenant.set(tenant)
        found = [await q(Group).values_list("name", flat=True).run(), await adj.run_sync(names)]
        async with atomic():
            found.append([group.name for group in await q(Group).run()])
        async with adj.native():
            found.append([group.name async for group in Group.objects.all()])
        await adj.run_sync(stray, asks=number % 2 == 0)
        return found == [[tenant] if tenant else []] * 4

    return all(await asyncio.gather(*(asyncio.create_task(ask(number)) for number in range(200))))


_WATCHED = {"tenants": _tenants, "cachalot": _cachalot, "sentry": _sentry, "prometheus": _prometheus, "pool": _pool}

if __name__ == "__main__":
    main()
