"""What older versions of mypy do not do themselves.

Before 1.20 a type variable's default that is another variable stays as it is: `AsyncQuery[Book]` had rows of `M`.
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
    """A class of queries in an annotation: its rows are of its model, unless they are named."""
    given = context.type.args
    arguments = [*given, *given] if len(given) == 1 else given
    return cast("TypeAnalyser", context.api).analyze_type_with_type_info(info, arguments, context.type, False)
