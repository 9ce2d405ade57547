"""Clusters of our own by PostgreSQL's programs: made in a temporary folder, restarted, copied, deleted."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.programs import Command, give, run, service_account, temporary_folder
from tests.servers.server import Server, probe

CLUSTER_SETTINGS = """
listen_addresses = ''
port = 5432
fsync = off
full_page_writes = off
"""
REPLICA_SETTINGS = """
hot_standby = on
"""


@contextmanager
def package_cluster(programs: Path, origin: str) -> Generator[Server]:
    """Use the package's programs where its folder is; for root, from a copy.

    The package's own `get_server` makes root's cluster work by adding a system user and by opening every folder above
    the virtual environment to it, which is not ours to do: a home folder may be among them.
    """
    account = service_account()
    if account is None:
        with private_cluster(programs, origin) as server:
            yield server
        return
    with temporary_folder(account) as home:
        package = programs.parents[1]
        # The programs find their libraries in the folder next to the package.
        copies = [(programs.parent, home / package.name / programs.parent.name)]
        copies += [(libs, home / libs.name) for libs in package.parent.glob(f"{package.name}.libs")]
        for source, copy in copies:
            shutil.copytree(source, copy, symlinks=True)
        give(home, account)
        with private_cluster(home / programs.relative_to(package.parent), origin) as server:
            yield server


@contextmanager
def private_cluster(programs: Path, origin: str) -> Generator[Server]:
    """A server of our own on a Unix socket, in a temporary folder that is deleted at block exit."""
    account = service_account()
    with temporary_folder(account) as home:
        initdb: Command = [programs / "initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        run([*initdb, "--no-sync", f"--pgdata={home / 'data'}"], home, account)
        with _started(programs, home, CLUSTER_SETTINGS, origin) as server:
            yield server


@contextmanager
def replica_of(primary: Server) -> Generator[Server]:
    """A streaming replica of a cluster of our own, which may be read while it follows; deleted at block exit."""
    account, programs = service_account(), _programs_of(Path(primary.host))
    with temporary_folder(account) as home:
        backup: Command = [programs / "pg_basebackup", f"--host={primary.host}", f"--port={primary.port}"]
        # Leaves `standby.signal` and `primary_conninfo`, by which it follows.
        backup += [f"--username={primary.user}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        run([*backup, f"--pgdata={home / 'data'}"], home, account)
        with _started(programs, home, REPLICA_SETTINGS, f"a replica of {primary.origin}") as server:
            yield server


def restart(server: Server) -> None:
    """Restart a cluster of our own, which ends every session."""
    home = Path(server.host)
    run([*_pg_ctl(_programs_of(home), home), "--mode=fast", "restart"], home, service_account())


def stop(server: Server) -> None:
    """Stop a cluster of our own, which ends every session."""
    home = Path(server.host)
    run([*_pg_ctl(_programs_of(home), home), "--mode=fast", "stop"], home, service_account())


def start(server: Server) -> None:
    """Start a cluster of our own that was stopped."""
    home = Path(server.host)
    run([*_pg_ctl(_programs_of(home), home), "start"], home, service_account())


@contextmanager
def _started(programs: Path, home: Path, settings: str, origin: str) -> Generator[Server]:
    """The cluster in a folder, running, on a socket in the same folder."""
    account, pg_ctl = service_account(), _pg_ctl(programs, home)
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.write(f"{settings}unix_socket_directories = '{home}'\n")
    run([*pg_ctl, "start"], home, account)
    try:
        yield probe(Server(host=str(home), port=5432, user="postgres", password="", version=0, origin=origin))
    finally:
        run([*pg_ctl, "--mode=immediate", "stop"], home, account)


def _pg_ctl(programs: Path, home: Path) -> Command:
    return [programs / "pg_ctl", f"--pgdata={home / 'data'}", "--wait", "--timeout=60", f"--log={home / 'log'}"]


def _programs_of(home: Path) -> Path:
    """The folder of the programs that run a cluster."""
    options = (home / "data" / "postmaster.opts").read_text()
    return Path(shlex.split(options)[0]).parent
