"""`make django-stubs-suite`: django-stubs' own cases have the same outcome with adj's plugin around the one of theirs.

The cases come from django-stubs' repository at a pinned commit; nothing of them is kept here. Each case of
`tests/typecheck` is a small project; mypy checks it with either plugin, and has to print the same. `tests/assert_type`
is one project. What differs is in `DIFFERENT`, with its reason; a case there that has become the same is an error too.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
import yaml

ROOT: Final = Path(__file__).parents[1]
REPOSITORY: Final = "https://github.com/typeddjango/django-stubs"
COMMIT: Final = "8b6e6d0b145a0de9dc4a9ebc9c732f828abd2d80"
PLUGINS: Final = {"django-stubs": "mypy_django_plugin.main", "adj": "adj_mypy.plugin"}
DIFFERENT: Final[Mapping[str, str]] = {}
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


def main() -> int:
    """Run all cases, or those whose name contains a text. The status is 1 if one of them differs unexpectedly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the cases and the caches are kept")
    parser.add_argument("--repository", default=REPOSITORY, help="another copy of django-stubs' repository")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose path and name contain this")
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    source = clone(options.repository, folder / "source")
    cases = [case for case in read_cases(source) if options.only in case.name]
    outcomes = [compare(case, folder) for case in cases]
    if options.only in ASSERT_TYPE:
        outcomes.append(compare_assert_type(source, folder))
    print(f"{len(outcomes)} cases, {len(DIFFERENT)} known to differ, {outcomes.count(False)} unexpected")  # noqa: T201
    return 0 if all(outcomes) and cases else 1


def clone(repository: str, folder: Path) -> Path:
    """The repository's files at the pinned commit."""
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", repository, str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "checkout", "--quiet", COMMIT], check=True)
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
    return Case(name, {**files, "mysettings.py": settings, "main.py": rendered(case["main"])}, configuration, key)


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


def compare(case: Case, folder: Path) -> bool:
    """Whether both plugins say the same of a case, or it is known that they do not."""
    project = folder / "case"
    shutil.rmtree(project, ignore_errors=True)
    for path, text in case.files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
    printed: dict[str, str] = {}
    for name, plugin in PLUGINS.items():
        (project / "mypy.ini").write_text(case.configuration.replace("{plugin}", plugin), encoding="utf-8")
        printed[name] = run(project, project, folder / "caches" / f"{name}-{case.cache}", "main.py")
    return judge(case.name, printed)


ASSERT_TYPE: Final = "assert_type"


def compare_assert_type(source: Path, folder: Path) -> bool:
    """Whether both plugins say the same of the folder whose files assert types."""
    printed: dict[str, str] = {}
    django = DJANGO.format(settings="scripts.django_tests_settings")
    for name, plugin in PLUGINS.items():
        path = folder / f"{name}.ini"
        path.write_text(CONFIGURATION.format(plugin=plugin, mypy="", django=django), encoding="utf-8")
        printed[name] = run(source, path.parent, folder / "caches" / name, "tests/assert_type", config=path)
    return judge(ASSERT_TYPE, printed)


def run(cwd: Path, project: Path, cache: Path, *paths: str, config: Path | None = None) -> str:
    """What mypy prints; its status alone where it does not start, which each plugin words in its own way."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(cwd), str(ROOT)]), "MYPYPATH": str(project)}
    command = [sys.executable, "-m", "mypy", f"--config-file={config or project / 'mypy.ini'}"]
    options = [f"--cache-dir={cache}", "--hide-error-context", "--no-error-summary"]
    result = subprocess.run(
        [*command, *options, *paths], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    is_crash = "INTERNAL ERROR" in result.stderr and "Error constructing plugin instance" not in result.stdout
    if result.returncode == 2 and not is_crash:
        return "status 2"
    return f"status {result.returncode}\n{result.stdout}{result.stderr if is_crash else ''}"


def judge(name: str, printed: Mapping[str, str]) -> bool:
    """Whether a case is as it should be; what is not is printed."""
    same = printed["django-stubs"] == printed["adj"]
    if same != (name in DIFFERENT):
        return True
    print(f"{name}: {'the same, and listed as different' if same else 'different'}")  # noqa: T201
    before, after = (printed[plugin].splitlines() for plugin in PLUGINS)
    lines = [*difflib.unified_diff(before, after, lineterm="", n=0)][2:]
    print("\n".join(f"    {line}" for line in lines), flush=True)  # noqa: T201
    return False


if __name__ == "__main__":
    sys.exit(main())
