"""`make django-stubs-suite`: django-stubs' own cases have the same outcome with adj's plugin around the one of theirs.

The cases come from django-stubs' repository at a pinned tag; nothing of them is kept here. Each case of
`tests/typecheck` is a small project; mypy checks it with either plugin, and has to print the same. `tests/assert_type`
is one project. What differs is in `DIFFERENT`, with its reason; a case there that has become the same is an error too.

Both plugins check a case at the same time. Each run creates a cache for all cases with the same settings, because
mypy would not notice that a module of a plugin has changed.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

import jinja2
import yaml

ROOT: Final = Path(__file__).parents[1]
REPOSITORY: Final = "https://github.com/typeddjango/django-stubs"
TAG: Final = "6.1.0"
PLUGINS: Final = {"django-stubs": "mypy_django_plugin.main", "adj": "adj_mypy.plugin"}
_NOT_STARTED: Final = "status 2"
_CLASS: Final = "an error prints the type of a model's class, which mypy writes with its additional type variable"
DIFFERENT: Final[Mapping[str, str]] = {
    "views/generic/test_detail.yml::generic_detail_view_wrong": _CLASS,
    "views/generic/test_list.yml::generic_list_view_wrong": _CLASS,
}
"""The cases that differ: why."""

CONFIGURATION: Final = """\
[mypy]
plugins = {plugin}
disallow_any_generics = False
strict = True
strict_equality_for_none = True
warn_unreachable = True
enable_error_code = deprecated, exhaustive-match, explicit-override, ignore-without-code, possibly-undefined
show_traceback = True
pretty = False
{mypy}
{django}
"""
DJANGO: Final = "[mypy.plugins.django-stubs]\ndjango_settings_module = {settings}\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A project of some files, and what of them is checked."""

    name: str
    files: Mapping[str, str]
    configuration: str
    cache: str
    """Cases of one cache have the same settings."""

    target: str = "main.py"
    environment: Mapping[str, str] = field(default_factory=dict)


class Outcome(Enum):
    """What the two plugins say of a case."""

    SAME = "the same"
    LISTED = "different, as listed"
    UNEXPECTED = "not as listed"
    UNCHECKED = "neither starts"
    """As where a case needs a library that is not installed."""


def main() -> int:
    """Run all cases, or those whose name contains a text. The status is 1 if one of them differs unexpectedly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the cases and the caches are kept")
    parser.add_argument("--repository", default=REPOSITORY, help="where django-stubs' repository is")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose path and name contain this")
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    source = clone(options.repository, folder / "source")
    shutil.rmtree(folder / "caches", ignore_errors=True)
    cases = [case for case in [*read_cases(source), assert_type(source)] if options.only in case.name]
    outcomes = [compare(case, folder, f"{number}/{len(cases)}") for number, case in enumerate(cases, 1)]
    different, unexpected = outcomes.count(Outcome.LISTED), outcomes.count(Outcome.UNEXPECTED)
    verdict = f"{unexpected} of them not as listed" if unexpected else "all listed"
    unchecked = f"; {outcomes.count(Outcome.UNCHECKED)} do not start with either plugin"
    print(f"{len(cases)} cases, {different + unexpected} differ, {verdict}{unchecked}")  # noqa: T201
    return int(bool(unexpected) or not cases)


def clone(repository: str, folder: Path) -> Path:
    """The repository's files at the pinned tag."""
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", repository, str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "checkout", "--quiet", TAG], check=True)
    return folder


def read_cases(source: Path) -> Iterator[Case]:
    """The cases of all files, one for each set of parameters."""
    for path in sorted((source / "tests" / "typecheck").rglob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            for number, parameters in enumerate(case.get("parametrized") or [{}]):
                name = f"{path.relative_to(source / 'tests' / 'typecheck')}::{case['case']}"
                yield read_case(f"{name}[{number}]" if parameters else name, case, parameters)


def read_case(name: str, case: Mapping[str, Any], parameters: Mapping[str, Any]) -> Case:
    """A case as its project; what it expects does not matter, because the two plugins are compared."""

    def rendered(text: str) -> str:
        return jinja2.Template(text).render(**parameters) if parameters else text

    files = {file["path"]: rendered(file.get("content") or "") for file in case.get("files", ())}
    settings = settings_of(case)
    own = case.get("mypy_config") or ""
    mypy, _, sections = own.partition("[mypy]\n")[2].partition("[") if own.startswith("[mypy]\n") else ("", "", "")
    django = own if not own.startswith("[mypy]\n") else f"[{sections}" * bool(sections)
    if "[mypy.plugins.django-stubs]" not in django:
        django += "\n" + DJANGO.format(settings="mysettings")
    configuration = CONFIGURATION.format(plugin="{plugin}", mypy=mypy, django=django)
    key = hashlib.blake2b(f"{settings}{configuration}".encode(), digest_size=6).hexdigest()
    files |= {"mysettings.py": settings, "main.py": rendered(case["main"])}
    environment = dict(variable.split("=", 1) for variable in case.get("env", ()))
    return Case(name, files, configuration, key, environment=environment)


def settings_of(case: Mapping[str, Any]) -> str:
    """The settings module of a case."""
    settings = str(case.get("custom_settings") or "")
    if case.get("installed_apps"):
        settings += f"INSTALLED_APPS = {tuple(case['installed_apps'])!r}\n"
    if "SECRET_KEY" not in settings:
        settings = 'SECRET_KEY = "1"\n' + settings
    if case.get("monkeypatch"):
        settings = "import django_stubs_ext\ndjango_stubs_ext.monkeypatch()\n" + settings
    return settings


def assert_type(source: Path) -> Case:
    """The folder whose files assert types, as one case."""
    folders = [source / "scripts", source / "tests" / "assert_type"]
    paths = [source / "tests" / "__init__.py", *(path for folder in folders for path in folder.rglob("*.py"))]
    files = {str(path.relative_to(source)): path.read_text(encoding="utf-8") for path in paths}
    django = DJANGO.format(settings="scripts.django_tests_settings")
    configuration = CONFIGURATION.format(plugin="{plugin}", mypy="", django=django)
    return Case("assert_type", files, configuration, "assert_type", target="tests/assert_type")


def compare(case: Case, folder: Path, progress: str) -> Outcome:
    """Run mypy with both plugins on a case."""
    project = folder / "case"
    write(case, project, int(progress.partition("/")[0]))
    with ThreadPoolExecutor() as threads:
        inner, outer = threads.map(lambda name: run(case, project, name, folder / "caches"), PLUGINS)
    outcome = judge(case.name, inner, outer)
    reason = f": {DIFFERENT[case.name]}" if outcome is Outcome.LISTED else ""
    print(f"{progress} {case.name}: {outcome.value}{reason} ({inner.splitlines()[0]})", flush=True)  # noqa: T201
    if outcome is Outcome.UNEXPECTED:
        lines = [*difflib.unified_diff(inner.splitlines(), outer.splitlines(), lineterm="", n=0)][2:]
        print("\n".join(f"    {line}" for line in lines), flush=True)  # noqa: T201
    return outcome


def write(case: Case, project: Path, time: int) -> None:
    """Replace the files of the last case with those of this one.

    Each case has another modification time: mypy compares files with its cache by path, size and second.
    """
    shutil.rmtree(project, ignore_errors=True)
    configurations = {f"{name}.ini": case.configuration.replace("{plugin}", path) for name, path in PLUGINS.items()}
    for path, text in {**case.files, **configurations}.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
        os.utime(project / path, (time, time))


def run(case: Case, project: Path, plugin: str, caches: Path) -> str:
    """What mypy prints; its status alone where it does not start, which each plugin words in its own way."""
    paths = {"PYTHONPATH": os.pathsep.join([str(project), str(ROOT)]), "MYPYPATH": str(project)}
    environment = {**os.environ, **paths, **case.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    options = [f"--config-file={plugin}.ini", f"--cache-dir={caches / plugin / case.cache}", "--no-error-summary"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--hide-error-context", case.target],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    is_crash = "INTERNAL ERROR" in result.stderr and "Error constructing plugin instance" not in result.stdout
    if result.returncode == 2 and not is_crash:
        return _NOT_STARTED
    return f"status {result.returncode}\n{result.stdout}{result.stderr if is_crash else ''}"


def judge(name: str, inner: str, outer: str) -> Outcome:
    """Whether a case is as it should be."""
    if (inner == outer) == (name in DIFFERENT):
        return Outcome.UNEXPECTED
    if inner == _NOT_STARTED:
        return Outcome.UNCHECKED
    return Outcome.LISTED if name in DIFFERENT else Outcome.SAME


if __name__ == "__main__":
    sys.exit(main())
