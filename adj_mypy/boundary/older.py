"""Make up for what older versions of mypy lack.

Before 1.20 mypy does not replace the default of a type variable if it is another variable: `AsyncQuery[Book]` would
have rows of type `M`.

Private API of mypy used here: `mypy.typeanal` (`TypeAnalyser.analyze_type_with_type_info`), `mypy.version`.
"""

from __future__ import annotations

from typing import Final, cast

from mypy.nodes import TypeInfo
from mypy.plugin import AnalyzeTypeContext
from mypy.typeanal import TypeAnalyser
from mypy.types import Type
from mypy.version import __version__

LEAVES_DEFAULTS: Final = tuple(map(int, __version__.split(".")[:2])) < (1, 20)


def query_annotation(info: TypeInfo, context: AnalyzeTypeContext) -> Type:
    """Return the type of a query class in an annotation: its rows are its model, unless they are given."""
    written = context.type.args
    arguments = [*written, *written] if len(written) == 1 and LEAVES_DEFAULTS else written
    return cast("TypeAnalyser", context.api).analyze_type_with_type_info(info, arguments, context.type, False)
