"""The settings that type checkers need to find the stubs, and their addition to `pyproject.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adj.stubgen.options import StubOptions


@dataclass(frozen=True, slots=True)
class Setting:
    """A table of `pyproject.toml` that a checker needs; None if it finds the stubs without one."""

    checker: str
    table: str | None = None
    values: Mapping[str, object] | None = None

    @property
    def lines(self) -> list[str]:
        """The table, as text."""
        values = self.values or {}
        return [f"[{self.table}]", *(f"{name} = {_toml(value)}" for name, value in values.items())]

    def missing(self, document: Mapping[str, Any]) -> Mapping[str, object]:
        """Return the values that a document does not have."""
        found: Any = document
        for name in (self.table or "").split("."):
            found = found.get(name, {}) if isinstance(found, dict) else {}
        values = self.values or {}
        return {name: value for name, value in values.items() if not _contains(found.get(name), value)}

    def is_new(self, document: Mapping[str, Any]) -> bool:
        """Whether a document has none of the table, so that it can be appended."""
        found: Any = document
        for name in (self.table or "").split("."):
            if not isinstance(found, dict) or name not in found:
                return True
            found = found[name]
        return False


def settings(options: StubOptions) -> tuple[Setting, ...]:
    """Return what each checker needs."""
    place = options.place
    pyrights = "pyright, Pylance, basedpyright"
    return (
        # basedpyright reads the table too, and refuses a file with one for each.
        Setting(pyrights) if place == "typings" else Setting(pyrights, "tool.pyright", {"stubPath": place}),
        Setting("ty", "tool.ty.environment", {"extra-paths": [place]}),
        Setting("ty", "tool.ty.src", {"exclude": [place]}),
        Setting("pyrefly", "tool.pyrefly", {"search-path": [place, "."], "project-excludes": [f"{place}/**"]}),
        Setting("zuban", "tool.zuban", {"mypy_path": [place]}),
    )


def described(options: StubOptions) -> list[str]:
    """Return the settings of all checkers, as lines for a terminal."""
    lines = ["Settings for pyproject.toml, by type checker:"]
    for setting in settings(options):
        if setting.table is None:
            lines.append(f"# {setting.checker}: no settings are needed")
        else:
            lines += [f"# {setting.checker}", *setting.lines]
    return lines


def configure(options: StubOptions) -> list[str]:
    """Add missing tables to `pyproject.toml`; return lines that say what was added and what is left to the user.

    A table that exists is not changed: its comments and its order are the user's.
    """
    path = options.root / "pyproject.toml"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    document = tomllib.loads(text)
    report: list[str] = []
    added: list[str] = []
    for setting in settings(options):
        missing = setting.missing(document)
        if setting.table is None or not missing:
            continue
        if setting.is_new(document):
            added += ["", *setting.lines]
            report.append(f"{path.name}: added [{setting.table}] for {setting.checker}")
        else:
            values = ", ".join(f"{name} = {_toml(value)}" for name, value in missing.items())
            report.append(f"{path.name}: add to [{setting.table}] for {setting.checker}: {values}")
    if added:
        before = text.rstrip("\n")
        path.write_text("\n".join([*([before] if before else []), *added, ""]).lstrip("\n"), encoding="utf-8")
    return report or [f"{path.name}: all settings are there"]


def _contains(found: object, value: object) -> bool:
    if isinstance(value, list):
        return isinstance(found, list) and all(item in found for item in value)
    return found == value


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return f'"{value}"'
