"""Runs the scenes on PostgreSQL, and compares values with the types that mypy revealed for them."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, TypedDict

import adj
from adj.testing import native_sandbox
from typecheck_tests.generated.revealed import Reader
from typecheck_tests.generated.rows import rows_problem

_MONITORING: Final[Any] = getattr(sys, "monitoring", None)
"""New in Python 3.12."""

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

    def started(self, code: CodeType, _: int) -> Any:
        """Remember a function of the services; a callback of `sys.monitoring`, which calls it once for each."""
        path = Path(code.co_filename)
        if path.parent == _CLINIC / "services":
            self.called.add(f"{path.name}:{code.co_qualname}")
        return _MONITORING.DISABLE


def run(revealed: Mapping[str, str]) -> Outcome:
    """Make the hospital and run all scenes; `revealed` are types by file name and line."""
    # mypy checks the hospital with the plugin, and this module without it.
    importlib.import_module(f"{_PACKAGE}.data").load()
    watch = Watch(revealed)
    for module in _modules("services"):
        vars(module)["reveal_type"] = watch
    scenes = dict(_scenes())
    with _monitored(watch):
        failures = asyncio.run(_run_all(scenes))
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


@contextmanager
def _monitored(watch: Watch) -> Iterator[None]:
    """Watch which functions are called, from Python 3.12 on: before, greenlets lose the functions of `setprofile()`."""
    if _MONITORING is None:
        yield
        return
    tool, start = _MONITORING.PROFILER_ID, _MONITORING.events.PY_START
    _MONITORING.use_tool_id(tool, "hospital")
    _MONITORING.register_callback(tool, start, watch.started)
    _MONITORING.set_events(tool, start)
    try:
        yield
    finally:
        _MONITORING.free_tool_id(tool)
