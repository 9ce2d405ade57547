"""`make mypy-real-projects`: a project that does not use adj sees nothing of adj's plugin.

Three packages from PyPI are checked with django-stubs' plugin alone and with adj's before it, under mypy's defaults and
under `--strict`. What mypy prints has to be the same to the byte, with what it reveals of their models.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PLUGINS: Final = {
    "django-stubs": "mypy_django_plugin.main",
    "adj": "adj_mypy.plugin, mypy_django_plugin.main",
}
FLAGS: Final = ((), ("--strict", "--warn-unreachable"))
CONTRIB: Final = ("admin", "auth", "contenttypes", "messages", "sessions", "sites")
CONFIGURATION: Final = """\
[mypy]
plugins = {plugins}
show_column_numbers = True
[mypy.plugins.django-stubs]
django_settings_module = settings
"""
SETTINGS: Final = """\
SECRET_KEY = "only for type checks"
INSTALLED_APPS = {apps!r}
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]
SITE_ID = 1
USE_TZ = True
ROOT_URLCONF = ""
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution of one version: the package in it, its apps, what is checked of it, and models that it has."""

    requirement: str
    name: str
    apps: tuple[str, ...]
    models: tuple[str, ...]
    parts: tuple[str, ...] = ("",)
    also: tuple[str, ...] = ()


PACKAGES: Final = (
    Package(
        "django-allauth==65.21.1",
        "allauth",
        ("allauth", "allauth.account", "allauth.socialaccount", "allauth.usersessions"),
        ("account.models.EmailAddress", "socialaccount.models.SocialToken", "usersessions.models.UserSession"),
        ("account", "core", "decorators.py", "usersessions", "utils.py"),
        ("requests", "pyjwt[crypto]", "python3-openid", "requests-oauthlib"),
    ),
    Package(
        "django-oauth-toolkit==3.4.1",
        "oauth2_provider",
        ("oauth2_provider",),
        ("models.Application", "models.AccessToken", "models.RefreshToken"),
    ),
    Package("django-waffle==5.0.0", "waffle", ("waffle",), ("models.Flag", "models.Switch", "models.Sample")),
)


def main() -> int:
    """Check every package, and say how many lines mypy printed. The status is 1 if one of them has changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the packages and what mypy prints are kept")
    folder = parser.parse_args().folder.resolve()
    same = [is_same(package, folder / package.name) for package in PACKAGES]
    return 0 if all(same) else 1


def is_same(package: Package, folder: Path) -> bool:
    """Whether both plugins say the same of a package."""
    prepare(package, folder)
    verdicts = [check(package, folder, flags) for flags in FLAGS]
    return all(verdicts)


def prepare(package: Package, folder: Path) -> None:
    """Install a package, and copy its sources to where they count as the project's own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", package.requirement, *package.also]
    subprocess.run([*install, "--target", str(folder / "installed"), "--no-compile"], check=True)
    shutil.copytree(
        folder / "installed" / package.name,
        folder / "project" / package.name,
        ignore=shutil.ignore_patterns("migrations", "tests"),
    )
    project = folder / "project"
    apps = [*(f"django.contrib.{app}" for app in CONTRIB), *package.apps]
    (project / "settings.py").write_text(SETTINGS.format(apps=apps), encoding="utf-8")
    (project / "revealed.py").write_text("\n".join(revealing(package)), encoding="utf-8")
    for name, plugins in PLUGINS.items():
        (project / f"{name}.ini").write_text(CONFIGURATION.format(plugins=plugins), encoding="utf-8")


def revealing(package: Package) -> list[str]:
    """Code that asks for the types of rows, of managers, and of what these give.

    Not of a model's class itself: `reveal_type(Book)` shows the type variable that the plugin has given it.
    """
    lines = sorted({f"import {package.name}.{model.rpartition('.')[0]}" for model in package.models})
    for model in (f"{package.name}.{model}" for model in package.models):
        lines += [f"reveal_type({model}())", f"reveal_type({model}.objects)"]
        lines += [f"reveal_type({model}.objects.filter(pk=1).first())", f"reveal_type([*{model}.objects.all()])"]
        lines += [f"def of_{model.rpartition('.')[2]}(row: {model}) -> None:", "    reveal_type(row)"]
        lines += ["    reveal_type((row, row.pk, type(row)))"]
    return [*lines, ""]


def check(package: Package, folder: Path, flags: tuple[str, ...]) -> bool:
    """Whether mypy prints the same with both plugins."""
    printed = {name: run(package, folder, name, flags) for name in PLUGINS}
    for name, text in printed.items():
        (folder / f"{name}{''.join(flags)}.txt").write_text(text, encoding="utf-8")
    same = printed["adj"] == printed["django-stubs"]
    lines = printed["adj"].count("\n")
    verdict = f"the same {lines} lines" if same else f"DIFFERENT, see {folder}"
    print(f"{package.requirement} {' '.join(flags) or '(defaults)'}: {verdict}")  # noqa: T201
    return same


def run(package: Package, folder: Path, plugin: str, flags: tuple[str, ...]) -> str:
    """What mypy prints of a package. Raises `RuntimeError` when it gives no verdict."""
    installed = [str(folder / "project"), str(folder / "installed"), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(installed)}
    command = [sys.executable, "-m", "mypy", f"--config-file={plugin}.ini", f"--cache-dir={folder / 'cache' / plugin}"]
    parts = [str(Path(package.name) / part) for part in package.parts]
    result = subprocess.run(
        [*command, *flags, *parts, "revealed.py"],
        cwd=folder / "project",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in {0, 1} or "INTERNAL ERROR" in result.stderr:
        raise RuntimeError(f"{package.requirement} with {plugin}: {result.stdout}{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
