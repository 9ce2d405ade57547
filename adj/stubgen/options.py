"""The options of generated stubs: `[tool.adj.stubs]` in `pyproject.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, cast

SECTION: Final = "tool.adj.stubs"

Lookups = Literal["few", "common", "all"]
Values = Literal["typed", "dict"]


class InvalidOptions(ValueError):  # named as Django's ImproperlyConfigured is
    """`[tool.adj.stubs]` has an unknown option, or an option has a wrong value."""


@dataclass(frozen=True, slots=True)
class StubOptions:
    """What is generated, and where.

    - `apps`: the labels of the apps whose models are included; all installed apps by default.
    - `place`: the folder of the stubs, which will contain `adj-stubs`.
    - `lookups`: the lookups of a model's own fields that are listed as keywords.
    - `values`: `dict` declares the rows of `values()` as plain dicts, for zuban.
    - `depth`: the number of relations that listed paths may cross, 0 to 2. Longer paths are listed if used in a source.
    - `sources`: the folders whose Python files are searched for paths.

    Folders are relative to `root`, the folder of `pyproject.toml`.
    """

    root: Path
    apps: tuple[str, ...] | None = None
    place: str = "typings"
    lookups: Lookups = "common"
    values: Values = "typed"
    depth: int = 1
    sources: tuple[str, ...] = (".",)

    @property
    def folder(self) -> Path:
        """The folder of the stub package."""
        return self.root / self.place / "adj-stubs"

    @property
    def source_folders(self) -> tuple[Path, ...]:
        """The folders that are searched for paths."""
        return tuple(self.root / source for source in self.sources)


def read_options(start: Path) -> StubOptions:
    """Read the options from the nearest `pyproject.toml`, in a folder or in one above it; without one, the defaults.

    Raises `InvalidOptions`.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return checked_options(folder, _table_of(path))
    return StubOptions(start)


def _table_of(path: Path) -> Mapping[str, Any]:
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidOptions(f"{path} cannot be read: {error}.") from None
    for name in SECTION.split("."):
        table = table.get(name, {})
        if not isinstance(table, dict):
            raise InvalidOptions(f"[{SECTION}] in {path} has to be a table.")
    return cast("Mapping[str, Any]", table)


def checked_options(root: Path, table: Mapping[str, Any]) -> StubOptions:
    """Return the options of a table. Raises `InvalidOptions`."""
    names = [field.name for field in fields(StubOptions) if field.name != "root"]
    for name, value in table.items():
        if name not in _RULES:
            raise InvalidOptions(f'[{SECTION}] has no option "{name}". Choices are: {", ".join(sorted(names))}.')
        is_right, expected = _RULES[name]
        if not is_right(value):
            raise InvalidOptions(f'"{name}" in [{SECTION}] expects {expected}; got {value!r}.')
    # Any: `_RULES` has checked the types.
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    return StubOptions(root, **values)


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _one_of(*choices: str) -> tuple[Callable[[object], bool], str]:
    return lambda value: value in choices, " or ".join(f'"{choice}"' for choice in choices)


_RULES: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "apps": (_is_list_of_text, "a list of app labels"),
    "place": (lambda value: isinstance(value, str) and bool(value), "the path of a folder"),
    "lookups": _one_of("few", "common", "all"),
    "values": _one_of("typed", "dict"),
    "depth": (lambda value: type(value) is int and 0 <= value <= 2, "0, 1 or 2"),
    "sources": (_is_list_of_text, "a list of folders"),
}
