"""Runs PostgreSQL's programs, which refuse to run as root: for root, as another account."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

if sys.platform != "win32":
    import pwd

Command: TypeAlias = list[str | Path]


class ProgramFailed(RuntimeError):
    """One of the programs ended with an error."""


def service_account() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL's programs; None for ourselves."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    known = {account.pw_name: account for account in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


@contextmanager
def temporary_folder(account: pwd.struct_passwd | None) -> Generator[Path]:
    # In /tmp, not in TMPDIR: the path of a Unix socket must be short, and the account must be able to get there.
    with tempfile.TemporaryDirectory(prefix="adj-", dir="/tmp", ignore_cleanup_errors=True) as name:
        home = Path(name)
        give(home, account)
        yield home


def give(folder: Path, account: pwd.struct_passwd | None) -> None:
    if account is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def run(command: Command, home: Path, account: pwd.struct_passwd | None) -> None:
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
