"""Runs uvicorn in a separate process, at a Unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.asgi.client import Answer, get_all

APPLICATION = "tests.asgi.application:application"
"""The project of the tests."""

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
"""The time that a server may take to start, and to end."""


@dataclass(frozen=True, slots=True)
class Served:
    """An application that uvicorn serves."""

    socket: Path

    def get(self, targets: list[str], at_once: int) -> list[Answer]:
        """The answers to GET requests, in their order; so many are sent at the same time."""
        return asyncio.run(get_all(self.socket, targets, at_once))


@contextmanager
def served(application: str, options: Mapping[str, Any]) -> Generator[Served]:
    """Let uvicorn serve an application, until the block ends. The application reads its options by `options_of_server`.

    Raises `AssertionError` with what the server has printed, which is errors and warnings only.
    """
    # In /tmp, not in TMPDIR: the path of a Unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="adj-", dir="/tmp") as name:
        here, log = Served(Path(name) / "socket"), Path(name) / "log"
        process = _start(application, here.socket, log, options)
        try:
            _wait_for(here.socket, process, log)
            yield here
        except BaseException as error:
            error.add_note(f"The server has printed:\n{log.read_text()}")
            raise
        finally:
            _end(process)
        assert not (printed := log.read_text()), printed


def options_of_server() -> dict[str, Any]:
    """In the server's process: the options that it was started with."""
    options: dict[str, Any] = json.loads(os.environ["ADJ_TEST_ASGI"])
    return options


def _start(application: str, socket: Path, log: Path, options: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvicorn", application, f"--uds={socket}"]
    # Django does not know the lifespan protocol.
    command += ["--lifespan=off", "--no-access-log", "--log-level=warning"]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "ADJ_TEST_ASGI": json.dumps(options)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _wait_for(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while not socket.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, "uvicorn does not start"
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
