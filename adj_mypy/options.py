"""The plugin's options: `[mypy.plugins.adj]` in an ini file, `[tool.adj-mypy]` in `pyproject.toml`."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NoReturn, cast

from adj_mypy.boundary.usage import exit_with_usage

INI_SECTION = "mypy.plugins.adj"
TOML_SECTION = "tool.adj-mypy"


@dataclass(frozen=True, slots=True)
class PluginOptions:
    """The switches of a project.

    `loaded_relations`: rows know which relations and columns are loaded. `strict_values`: values must have the field's
    type, without Django's conversions. `debug`: notes say where the plugin falls back to a general type, and exceptions
    in hooks are printed with their tracebacks.
    """

    loaded_relations: bool = True
    strict_values: bool = False
    debug: bool = False

    def as_data(self) -> dict[str, bool]:
        """Return the options for mypy's cache."""
        return asdict(self)


def read_options(config_file: str | None) -> PluginOptions:
    """Read the options from mypy's configuration file; exit with a message if they are invalid."""
    if config_file is None or not Path(config_file).is_file():
        return PluginOptions()
    path = Path(config_file)
    return _checked(path, _toml(path) if path.suffix.lower() == ".toml" else _ini(path))


def _toml(path: Path) -> Mapping[str, object]:
    with path.open("rb") as file:
        section: object = tomllib.load(file).get("tool", {}).get("adj-mypy", {})
    if not isinstance(section, dict):
        _refuse(path, "expected a table of options")
    return cast("Mapping[str, object]", section)


def _ini(path: Path) -> Mapping[str, object]:
    parser = configparser.RawConfigParser()
    parser.read(path, encoding="utf-8")
    if not parser.has_section(INI_SECTION):
        return {}
    states = parser.BOOLEAN_STATES
    return {name: states.get(value.lower(), value) for name, value in parser.items(INI_SECTION)}


def _checked(path: Path, items: Mapping[str, object]) -> PluginOptions:
    known = [field.name for field in fields(PluginOptions)]
    chosen: dict[str, bool] = {}
    for name, value in items.items():
        if name not in known:
            _refuse(path, f'unknown option "{name}"; options are: {", ".join(known)}')
        if not isinstance(value, bool):
            _refuse(path, f'"{name}" must be true or false; got {value!r}')
        chosen[name] = value
    return PluginOptions(**chosen)


def _refuse(path: Path, problem: str) -> NoReturn:
    section = TOML_SECTION if path.suffix.lower() == ".toml" else INI_SECTION
    exit_with_usage(f"{path.name}, section [{section}]: {problem}.")
