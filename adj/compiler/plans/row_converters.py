"""Project code that converts the values of rows, and what it may read besides the value.

Django asks expressions and fields for their converters at every run, and passes them the expression; a plan keeps both.

Private Django API used here: `SQLCompiler.get_converters`, `SQLCompiler.select`, `Expression.convert_value`,
`BaseExpression._output_field_or_none`.
"""

from __future__ import annotations

from typing import Any

from django.db.models.sql.compiler import SQLCompiler

from adj.compiler.slots.forget import forget_arguments
from adj.compiler.slots.project_code import chooses_converters
from adj.djangos import is_djangos
from adj.statement.structure import Uncacheable


def check_converters(compiler: SQLCompiler) -> None:
    """Raise `Uncacheable` if the converters of a compiled statement may differ at the next run.

    Also if one of them receives an expression that a plan keeps without its values.
    """
    selected: Any = [expression for expression, _, _ in compiler.select or ()]
    expressions = selected or list(compiler.query.annotation_select.values())
    for expression in expressions:
        for asked in (expression, getattr(expression, "_output_field_or_none", None)):
            asked_class: type = type(asked)
            if chooses_converters(asked_class):
                raise Uncacheable(f"{asked_class.__name__} may convert rows in another way at the next run")
    for converters, expression in compiler.get_converters(expressions).values():
        if not all(map(is_djangos, converters)) and forget_arguments(expression):
            raise Uncacheable("project code that converts rows may look at the values in their expression")
