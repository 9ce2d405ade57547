"""`python -m benchmarks.typing_cost`: what mypy's run costs with adj's plugin, beside django-stubs' plugin alone.

A generated project of 30 models in 3 apps and 3,000 lines of queries is checked without a cache, again from the cache,
and once more after a field of one model has another name. The two plugins take turns, and the CPU time of mypy counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.page import write_table

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "mypy-cost.md"
BEGIN: Final = "<!-- the table: written by `python -m benchmarks.typing_cost --write` -->\n"
END: Final = "<!-- end of the table -->\n"

PLUGINS: Final[Mapping[str, str]] = {"django-stubs": "mypy_django_plugin.main", "adj": "adj_mypy.plugin"}
STEPS: Final = ("cold", "warm", "one field renamed")
APPS: Final = ("people", "books", "orders")
MODELS_OF_AN_APP: Final = 10
FILES_OF_AN_APP: Final = 10
LINES_OF_A_FILE: Final = 100
FIELDS: Final = (
    "title = models.CharField(max_length=100)",
    "pages = models.IntegerField()",
    "weight = models.FloatField()",
    "published = models.DateField()",
    "summary = models.TextField()",
    "in_print = models.BooleanField()",
    "price = models.DecimalField(max_digits=8, decimal_places=2)",
    "rating = models.IntegerField(null=True)",
)
RENAMED: Final = ("in_print", "is_in_print")

CONFIGURATION: Final = """\
[mypy]
plugins = {plugin}
[mypy.plugins.django-stubs]
django_settings_module = settings
"""
SETTINGS: Final = f"""\
SECRET_KEY = "only for type checks"
INSTALLED_APPS = {list(APPS)!r}
USE_TZ = True
"""
FUNCTION: Final = """\

async def find_{number}() -> None:
    row = (
        await q({model})
        .filter(title="x", parent__pages__gt=3)
        .exclude(rating__isnull=True)
        .order_by("-pages", "parent__weight")
        .values("title", "pages", "parent__published")
        .aget()
    )
    print(row["title"], row["pages"] + 1)
    counted = await q({model}).annotate(children=Count("id"), most=Max("pages")).filter(children__gt=2).aget()
    print(counted.title)
    titles = await q({model}).values_list("title", "weight", "parent__title").afirst()
    if titles is not None:
        print(titles[0].upper(), titles[1] + 1.0)
    async for found in q({model}).select_related("parent").filter(pk__in=[1, 2]):
        print(found.parent.title, found.published.year)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """The seconds of one run of mypy."""

    cpu: float
    wall: float


def main() -> None:
    """Measure, print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.typing_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of all runs (default: 5)")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        lines = generate(project)
        samples = measure(project, options.rounds)
    table = report(samples, lines, options.rounds)
    print(table)  # noqa: T201
    if options.write:
        write_table(PAGE, table, BEGIN, END)


def generate(project: Path) -> int:
    """Write the project, and give the number of lines that query."""
    (project / "settings.py").write_text(SETTINGS, encoding="utf-8")
    for name, plugin in PLUGINS.items():
        (project / f"{name}.ini").write_text(CONFIGURATION.format(plugin=plugin), encoding="utf-8")
    lines = 0
    for before, app in zip((None, *APPS), APPS, strict=False):
        (project / app).mkdir()
        (project / app / "__init__.py").touch()
        (project / app / "models.py").write_text("\n".join(models(app, before)) + "\n", encoding="utf-8")
        for number in range(FILES_OF_AN_APP):
            text = queries(app, number)
            (project / app / f"queries_{number}.py").write_text(text, encoding="utf-8")
            lines += text.count("\n")
    return lines


def models(app: str, before: str | None) -> Iterator[str]:
    """The models of an app: each has the one before it as its parent, and one of the app before."""
    yield "from django.db import models\n"
    for number in range(MODELS_OF_AN_APP):
        name = model_name(app, number)
        yield f"\nclass {name}(models.Model):"
        yield from (f"    {field}" for field in FIELDS)
        parent = model_name(app, max(number - 1, 0))
        yield f'    parent = models.ForeignKey("{app}.{parent}", models.CASCADE, related_name="of_{name.lower()}")'
        if before is not None:
            yield f'    other = models.ForeignKey("{before}.{model_name(before, number)}", models.CASCADE, null=True)'


def model_name(app: str, number: int) -> str:
    """The name of a model's class."""
    return f"{app.title()}{number}"


def queries(app: str, file: int) -> str:
    """A file of queries about the models of an app."""
    names = [model_name(app, number) for number in range(MODELS_OF_AN_APP)]
    text = (
        f"from django.db.models import Count, Max\n\nfrom adj import q\nfrom {app}.models import {', '.join(names)}\n"
    )
    number = 0
    while text.count("\n") < LINES_OF_A_FILE:
        text += "\n" + FUNCTION.format(number=number, model=names[(file + number) % len(names)])
        number += 1
    return text


def measure(project: Path, rounds: int) -> dict[tuple[str, str], list[Spent]]:
    """What each step took, by plugin and step; the first round, which fills the system's own caches, does not count."""
    samples: dict[tuple[str, str], list[Spent]] = {(plugin, step): [] for plugin in PLUGINS for step in STEPS}
    changed = project / APPS[0] / "models.py"
    before = changed.read_text(encoding="utf-8")
    for number in range(rounds + 1):
        for plugin in PLUGINS:
            with tempfile.TemporaryDirectory() as cache:
                for step in STEPS:
                    text = before.replace(*RENAMED, 1) if step == STEPS[-1] else before
                    changed.write_text(text, encoding="utf-8")
                    spent = run(project, plugin, cache)
                    if number:
                        samples[plugin, step].append(spent)
    return samples


def run(project: Path, plugin: str, cache: str) -> Spent:
    """One run of mypy. Raises `RuntimeError` when it gives no verdict."""
    command = [sys.executable, "-m", "mypy", f"--config-file={plugin}.ini", f"--cache-dir={cache}", *APPS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), str(ROOT)])}
    # An installed package has its bytecode, as django-stubs has here; a checkout has none where nothing may write it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(project / "bytecode")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode not in {0, 1} or (plugin == "adj" and result.returncode):
        raise RuntimeError(result.stdout + result.stderr)
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def report(samples: Mapping[tuple[str, str], list[Spent]], lines: int, rounds: int) -> str:
    """The table: medians, and how adj compares."""
    rows = [
        "| mypy | django-stubs' plugin | adj's plugin | more | relative to cold |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    cold = median(spent.cpu for spent in samples["adj", STEPS[0]])
    for step in STEPS:
        one, other = samples["django-stubs", step], samples["adj", step]
        mine, theirs = median(spent.cpu for spent in other), median(spent.cpu for spent in one)
        more = median(a.cpu / b.cpu - 1 for a, b in zip(other, one, strict=True))
        clock = [f"{median(spent.wall for spent in each):.2f} s" for each in (one, other)]
        texts = [f"{seconds:.2f} s ({wall})" for seconds, wall in zip((theirs, mine), clock, strict=True)]
        rows.append(f"| {step} | {texts[0]} | {texts[1]} | {more:+.0%} | {mine / cold:.0%} |")
    versions = ", ".join(f"{name} {version(name)}" for name in ("mypy", "Django", "django-stubs"))
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    machine = f"Python {platform.python_version()}, {versions}, {platform.machine()}, {load}"
    about = f"{machine}; {rounds} rounds, {lines:,} lines."
    return "\n".join([*rows, "", about])


if __name__ == "__main__":
    main()
