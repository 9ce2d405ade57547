"""The error codes of the plugin; each has a page in the documentation.

Private API of mypy used here: `mypy.errorcodes`.
"""

from __future__ import annotations

from typing import Final

from mypy.errorcodes import ATTR_DEFINED, ErrorCode

__all__ = ["ATTR_DEFINED", "LOOKUP", "NOT_LOADED", "SHAPE", "TRUTH", "VALUE", "ErrorCode"]

LOOKUP: Final = ErrorCode("adj-lookup", "A query names a field, relation or lookup that its model does not have", "adj")
VALUE: Final = ErrorCode("adj-value", "A value does not fit the field that it is compared with or written to", "adj")
NOT_LOADED: Final = ErrorCode("adj-not-loaded", "The relation or field that is read was not loaded", "adj")
SHAPE: Final = ErrorCode("adj-shape", "The methods of a query do not fit together", "adj")
TRUTH: Final = ErrorCode("adj-truth", "The truth value of a query or a coroutine is read", "adj")
