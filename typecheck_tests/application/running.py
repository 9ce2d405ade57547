"""Runs the scenes on PostgreSQL, and compares values with the types that mypy revealed for them."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, Final, TypedDict

import adj
from adj.testing import native_sandbox
from typecheck_tests.generated.revealed import Reader
from typecheck_tests.generated.rows import rows_problem

_PACKAGE: Final = "typecheck_tests.application.clinic"
_CLINIC: Final = Path(__file__).parent / "clinic"


class Outcome(TypedDict):
    """What a run gives."""

    failures: dict[str, str]
    """The traceback of each scene that failed."""

    problems: list[str]
    """Values that do not have the revealed type."""

    seen: list[str]
    """The places of `reveal_type()` that were reached, `wards.py:12`."""

    called: list[str]
    """The functions that were called, `wards.py:occupied`."""

    scenes: list[str]


class Watch:
    """Stands in for `reveal_type()`."""

    def __init__(self, revealed: Mapping[str, str]) -> None:
        self._revealed = revealed
        self.problems: list[str] = []
        self.seen: set[str] = set()
        self.called: set[str] = set()

    def __call__(self, value: Any) -> Any:
        caller: Any = sys._getframe(1)  # noqa: SLF001  # where it is called
        place = f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno}"
        self.seen.add(place)
        if text := self._revealed.get(place):
            problem = rows_problem(Reader(text).read(), value)
            if problem is not None:
                self.problems.append(f"{place}: {text}: {problem}")
        return value

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """Remember the functions of the services; a profiler of `sys.setprofile()`."""
        if event == "call" and _is_of_services(frame.f_code):
            self.called.add(f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_qualname}")


def run(revealed: Mapping[str, str]) -> Outcome:
    """Make the hospital and run all scenes; `revealed` are types by file name and line."""
    # mypy checks the hospital with the plugin, and this module without it.
    importlib.import_module(f"{_PACKAGE}.data").load()
    watch = Watch(revealed)
    for module in _modules("services"):
        vars(module)["reveal_type"] = watch
    scenes = dict(_scenes())
    sys.setprofile(watch.profile)
    try:
        failures = asyncio.run(_run_all(scenes))
    finally:
        sys.setprofile(None)
    return Outcome(
        failures=failures,
        problems=watch.problems,
        seen=sorted(watch.seen),
        called=sorted(watch.called),
        scenes=list(scenes),
    )


async def _run_all(scenes: Mapping[str, Callable[[], Coroutine[Any, Any, None]]]) -> dict[str, str]:
    failures: dict[str, str] = {}
    try:
        for name, scene in scenes.items():
            try:
                async with native_sandbox():
                    await scene()
            except Exception:  # noqa: BLE001  # the test shows it
                failures[name] = traceback.format_exc()
    finally:
        await adj.close()
    return failures


def _modules(package: str) -> Iterator[ModuleType]:
    for path in sorted((_CLINIC / package).glob("[a-z]*.py")):
        yield importlib.import_module(f"{_PACKAGE}.{package}.{path.stem}")


def _scenes() -> Iterator[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    for module in _modules("scenes"):
        for name, value in vars(module).items():
            if inspect.iscoroutinefunction(value) and value.__module__ == module.__name__:
                yield name, value


@cache
def _is_of_services(code: CodeType) -> bool:
    return Path(code.co_filename).parent == _CLINIC / "services"
