"""The wheel works where only its dependencies are installed."""

from __future__ import annotations

import json
from pathlib import Path

from repository_tests.environments import Environment

FIRST_QUERY = """
import asyncio, os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.core.management import call_command

from adj import q
from library.models import Book


async def main():
    await q(Book).acreate(title="Solaris")
    return [book.title for book in await q(Book).run()]


call_command("migrate", run_syncdb=True, verbosity=0)
print(asyncio.run(main()))
"""

DISTRIBUTIONS = """
import json, re
from importlib.metadata import distributions

print(json.dumps([re.sub("[-_.]+", "-", found.name).lower() for found in distributions()]))
"""

TYPED_QUERY = """
from adj import q
from library.models import Book

reveal_type(q(Book).values("title"))
q(Book).filter(titel="Solaris")
"""

MYPY = """
[mypy]
plugins = adj_mypy.plugin
[mypy.plugins.django-stubs]
django_settings_module = settings
"""


def test_a_first_query_runs_on_sqlite(plain: Environment, project: Path) -> None:
    (project / "first_query.py").write_text(FIRST_QUERY)
    ended = plain.run("-W", "error", "first_query.py", cwd=project)
    assert (ended.returncode, ended.stdout) == (0, "['Solaris']\n"), ended.stderr


def test_adj_brings_only_what_it_needs(plain: Environment, project: Path) -> None:
    ended = plain.run("-c", DISTRIBUTIONS, cwd=project)
    assert set(json.loads(ended.stdout)) <= {"adj", "asgiref", "django", "sqlparse", "typing-extensions", "tzdata"}


def test_the_demo_says_what_it_needs(plain: Environment, project: Path) -> None:
    ended = plain.run("-m", "adj", "demo", cwd=project)
    assert ended.returncode == 1
    assert 'pip install "adj[demo]"' in ended.stderr


def test_pytest_loads_the_plugin(with_tools: Environment, project: Path) -> None:
    ended = with_tools.run("-W", "error", "-m", "pytest", "--fixtures", "-q", cwd=project)
    assert "fixtures defined from adj_pytest" in ended.stdout, ended.stdout + ended.stderr


def test_mypy_runs_the_plugin(with_tools: Environment, project: Path) -> None:
    (project / "mypy.ini").write_text(MYPY)
    (project / "typed_query.py").write_text(TYPED_QUERY)
    ended = with_tools.run("-m", "mypy", "typed_query.py", cwd=project)
    revealed, error, total = ended.stdout.splitlines()
    assert "TypedDict({'title': str})" in revealed, ended.stdout + ended.stderr
    assert 'Book has no field "titel"' in error
    assert error.endswith("[adj-lookup]")
    assert total.startswith("Found 1 error")
