"""Run three queries at once, and roll a transaction back, on one thread: `python examples/native.py`.

Needs a PostgreSQL server that libpq's variables name (PGHOST, PGUSER, ...), or one at 127.0.0.1 without a password.
Creates a database and drops it at the end.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import django
import psycopg
from django.conf import settings

NAME = f"adj_example_{os.getpid()}"
SERVER = {"host": os.environ.get("PGHOST", "127.0.0.1"), "user": os.environ.get("PGUSER", "postgres")}

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": NAME,
            "HOST": SERVER["host"],
            "PORT": os.environ.get("PGPORT", "5432"),
            "USER": SERVER["user"],
            "PASSWORD": os.environ.get("PGPASSWORD", ""),
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes"],
    USE_TZ=True,
)
django.setup()

# These import models, which Django must have set up.
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connections  # noqa: E402
from django.db.models import Func, IntegerField, Value  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402

import adj  # noqa: E402
from adj import atomic, q  # noqa: E402


class Sleep(Func):
    """`pg_sleep(seconds)`, which returns 1."""

    template = "(SELECT 1 FROM pg_sleep(%(expressions)s))"
    output_field: Any = IntegerField()


async def three_at_once() -> None:
    """Run three queries of 0.2 seconds at the same time."""
    slow = q(ContentType).values_list(Sleep(Value(0.2)), flat=True)[:1]
    start = time.perf_counter()
    await asyncio.gather(slow.run(), slow.run(), slow.run())
    print(f"three queries of 0.2 s: {time.perf_counter() - start:.2f} s, {threading.active_count()} thread")


async def one_transaction() -> None:
    """Roll back a savepoint that failed, a signal's writes, a callback and Django's own `asave()` with one error."""
    seen: list[str] = []

    def receiver(instance: ContentType, **kwargs: object) -> None:
        count = ContentType.objects.filter(model=instance.model).count()
        seen.append(f"the signal sees {count} row of {instance.model}")

    async def committed() -> None:
        seen.append("committed, which must not happen")

    post_save.connect(receiver, sender=ContentType)
    try:
        async with atomic():
            await ContentType(app_label="example", model="one").asave()
            try:
                async with atomic():
                    await ContentType(app_label="example", model="one").asave()
            except IntegrityError:
                seen.append("the savepoint is rolled back")
            await adj.on_commit(committed)
            inside = await q(ContentType).filter(app_label="example").acount()
            seen.append(f"inside: {inside} row, {threading.active_count()} thread")
            raise ZeroDivisionError
    except ZeroDivisionError:
        seen.append(f"after: {await q(ContentType).filter(app_label='example').acount()} rows")
    finally:
        post_save.disconnect(receiver, sender=ContentType)
    print("\n".join(seen))


async def main() -> None:
    """Run both examples."""
    await adj.run_sync(call_command, "migrate", verbosity=0)
    await three_at_once()
    await one_transaction()


if __name__ == "__main__":
    with psycopg.connect(**SERVER, dbname="postgres", autocommit=True) as server:  # type: ignore[arg-type]  # no timeout
        server.execute(f"CREATE DATABASE {NAME}")
        try:
            asyncio.run(main())
        finally:
            connections.close_all()
            server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
