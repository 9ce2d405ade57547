"""Estimates how much memory a plan needs, and which plans are too large to cache.

The numbers are measured: `tests/unit/test_growth.py` compares the estimates with what Python allocates.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable
from types import CodeType, FunctionType

from adj.compiler.plans.plan import Plan
from adj.statement.key_chain import key_size, rounded

MOST_PARAMETERS = 500
"""A plan with more parameters is not cached: it is large, and hardly any other query has its structure."""

_PLAN = 3_000
# A binder refers to a lookup with its column, and to a compiler.
_BINDER = 3_500
_PARAMETER = 60
# A converter or a class in the namespace of generated code.
_NAME = 500
# A function has bytecode, and tables, names and constants of several times its length.
_CODE = 6


def is_too_large(plan: Plan) -> bool:
    """Whether a plan has too many parameters to be cached."""
    return len(plan.template) > MOST_PARAMETERS


def plan_size(key: Hashable, plan: Plan) -> int:
    """The estimated bytes of a plan and its key."""
    constants = sum(sys.getsizeof(entry) for entry in plan.template)
    parts = len(plan.binders) * _BINDER + len(plan.template) * _PARAMETER
    texts = key_size(key) + sys.getsizeof(plan.sql)
    return rounded(_PLAN + texts + constants + parts + _function_size(plan.hydrate))


def _function_size(function: object) -> int:
    """The size of a generated function, or of one with such a function in its closure."""
    if not isinstance(function, FunctionType):
        return 0
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    size = sum(map(_function_size, held))
    # All plans share the code from files.
    return size + (_generated_size(function) if function.__code__.co_filename.startswith("<adj") else 0)


def _generated_size(function: FunctionType) -> int:
    code: CodeType = function.__code__
    return _CODE * sys.getsizeof(code) + len(function.__globals__) * _NAME
