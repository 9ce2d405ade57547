"""Behind pgbouncer in transaction mode (P37): no session of its own lasts longer than a transaction."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

import adj
from adj import atomic, q
from tests.running import run
from tests.servers import service_account
from tests.shop.models import Book, Country, Review

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed (Debian's package of that name)")


@pytest.fixture
def bounced(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """The alias `postgres` through a pgbouncer of two server connections."""
    settings = connections.settings[postgres]
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="adj-", dir="/tmp") as name:
        folder = Path(name)
        users = folder / "users.txt"
        users.write_text(f'"{settings["USER"]}" "{settings["PASSWORD"]}"\n')
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            "[databases]\n"
            f"* = host={settings['HOST']} port={settings['PORT']}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n"
        )
        process = subprocess.Popen(
            [str(PROGRAM), str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_account(folder),
        )
        try:
            wait_for(port)
            connections[postgres].close()
            monkeypatch.setitem(settings, "HOST", "127.0.0.1")
            monkeypatch.setitem(settings, "PORT", str(port))
            yield postgres
        finally:
            process.terminate()
            process.wait(timeout=10)


def as_account(folder: Path) -> dict[str, Any]:
    """For root, who may not run pgbouncer: as whom to run it."""
    # The one that runs PostgreSQL, since the folder with its socket may be its own.
    account = service_account()
    if account is None:
        return {}
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until somebody listens at a port."""
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "pgbouncer does not start"
            time.sleep(0.05)
        else:
            return


def test_everything_works_on_two_server_connections_for_ten_of_ours(bounced: str) -> None:
    async def work(number: int) -> None:
        for _ in range(5):
            assert await q(Book).using(bounced).filter(pages__gt=number).order_by("pk")[:3].run()
            async with q(Review).using(bounced).stream(1) as rows:
                assert await anext(rows) is not None
            async with atomic(bounced, set_local={"adj.tenant": str(number)}):
                await adj.run_sync(Country.objects.using(bounced).create, code=f"+{number}", name="x")
                async with atomic(bounced):
                    assert await q(Country).using(bounced).filter(code=f"+{number}").aexists()
                assert await adj.run_sync(tenant, bounced) == str(number)
                await adj.set_rollback(using=bounced)
            async with adj.native(bounced):
                assert not await Country.objects.using(bounced).filter(code=f"+{number}").aexists()

    async def main() -> None:
        await asyncio.gather(*map(work, range(10)))

    run(main())


def tenant(alias: str) -> str:
    """The setting of this transaction."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting('adj.tenant', true)")
        value: str = cursor.fetchone()[0]
        return value


def test_a_cancelled_query_leaves_its_server_connection_free(bounced: str) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            for _ in range(5):
                with pytest.raises(adj.QueryTimeout):
                    await q(Book).using(bounced).extra(where=["pg_sleep(30) IS NOT NULL"]).timeout(0.1).run()
            assert await q(Book).using(bounced).acount() > 0

    run(main())
