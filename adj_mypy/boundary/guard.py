"""Run every hook of the plugin so that an exception in it never ends mypy.

If a hook raises, django-stubs' hook runs instead if there is one, and otherwise mypy's own result stands. The first
exception of a run is reported as a note at the line that was being checked, because skipping checks silently would
look like code without errors.

Private API of mypy used here: `mypy.errors` (`CompileError`, and of `Errors`: `file`, `report`,
`prefer_simple_messages`, `ignored_lines`), the attribute `errors` of the checker and of the semantic analyzer,
`mypy.typeanal` (`TypeAnalyser.lookup_qualified`, `analyze_type_with_type_info`).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

from mypy.errors import CompileError, Errors
from mypy.nodes import Context, TypeInfo
from mypy.plugin import (
    AnalyzeTypeContext,
    AttributeContext,
    ClassDefContext,
    DynamicClassDefContext,
    FunctionContext,
    FunctionSigContext,
    MethodContext,
    MethodSigContext,
)
from mypy.typeanal import TypeAnalyser
from mypy.types import Type

from adj_mypy.boundary.types import any_type

REPORT_TO: Final = "https://example.org/adj/issues"

HookContext: TypeAlias = (
    AnalyzeTypeContext
    | AttributeContext
    | ClassDefContext
    | DynamicClassDefContext
    | FunctionContext
    | FunctionSigContext
    | MethodContext
    | MethodSigContext
)
C = TypeVar("C", bound=HookContext)
R = TypeVar("R")
T = TypeVar("T")


class Guard:
    """Runs hooks, and remembers whether a skipped check was reported in this run."""

    def __init__(self, *, debug: bool) -> None:
        self._debug, self._has_reported = debug, False

    def choose(
        self,
        name: str,
        fullname: str,
        of_django: Callable[[str], Callable[[C], R] | None],
        of_adj: Callable[[str, Callable[[C], R] | None], Callable[[C], R] | None],
    ) -> Callable[[C], R] | None:
        """Return adj's hook for a full name, guarded. `name` is the method that mypy called."""
        inner = self.value(name, partial(of_django, fullname), None)
        hook = self.value(name, partial(of_adj, fullname, inner), inner)
        return None if hook is None else partial(self._run, name, hook, inner)

    def value(self, name: str, compute: Callable[[], T], otherwise: T) -> T:
        """Return a value that mypy requests without a position in the code."""
        try:
            return compute()
        except Exception as error:  # noqa: BLE001  # a plugin must never end mypy
            self._report(name, error, None)
            return otherwise

    def _run(self, name: str, hook: Callable[[C], R], inner: Callable[[C], R] | None, context: C) -> R:
        try:
            return hook(context)
        except CompileError:
            # mypy's own way to exit.
            raise
        except Exception as error:  # noqa: BLE001  # as above
            self._report(name, error, context)
        if inner is not None and inner is not hook:
            return self._run(name, inner, None, context)
        return cast("R", _default(context))

    def _report(self, name: str, error: Exception, context: HookContext | None) -> None:
        if self._debug:
            traceback.print_exception(error)
        if self._has_reported:
            return
        self._has_reported = True
        text = f"adj's check was skipped here: {_described(error)} in {name}; please report it at {REPORT_TO}"
        if context is None:
            _print(text)
        else:
            _note(text, _errors(context), _place(context))


def _described(error: Exception) -> str:
    """Return the exception in words, with the line that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = "/".join(Path(frame.filename).parts[-3:])
    return f"{type(error).__name__}: {error} ({place}:{frame.lineno})"


def _note(text: str, errors: Errors, place: Context) -> None:
    """Print a note at a line: as one of mypy's messages if mypy shows it there, and on stderr if not."""
    is_ignored = place.line in errors.ignored_lines.get(errors.file, {})
    if is_ignored or errors.prefer_simple_messages():
        _print(f"{errors.file}:{place.line}: note: {text}")
    else:
        errors.report(place.line, place.column, text, severity="note")


def _print(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201  # mypy cannot print messages without a position


def _errors(context: HookContext) -> Errors:
    api: Any = context.api
    return cast("Errors", (api.api if isinstance(context, AnalyzeTypeContext) else api).errors)


def _place(context: HookContext) -> Context:
    if isinstance(context, ClassDefContext):
        return context.cls
    return context.call if isinstance(context, DynamicClassDefContext) else context.context


def _default(context: HookContext) -> object:
    """Return the result without a hook; hooks for classes return None, or whether they have finished."""
    match context:
        case AttributeContext():
            return context.default_attr_type
        case FunctionContext() | MethodContext():
            return context.default_return_type
        case FunctionSigContext() | MethodSigContext():
            return context.default_signature
        case AnalyzeTypeContext():
            return _annotation(context)
        case _:
            return True


def _annotation(context: AnalyzeTypeContext) -> Type:
    """Return the type that an annotation names, or the first argument of an alias such as `Loaded[Book, ...]`."""
    analyser, written = cast("TypeAnalyser", context.api), context.type
    symbol = analyser.lookup_qualified(written.name, written)
    if symbol is not None and isinstance(symbol.node, TypeInfo):
        return analyser.analyze_type_with_type_info(symbol.node, written.args, written, False)
    return context.api.analyze_type(written.args[0]) if written.args else any_type()
