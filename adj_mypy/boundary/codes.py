"""The error codes of the plugin; each has its page in the documentation."""

from __future__ import annotations

from typing import Final

from mypy.errorcodes import ErrorCode

LOOKUP: Final = ErrorCode("adj-lookup", "A query names what its model does not have", "adj")
VALUE: Final = ErrorCode("adj-value", "A value cannot be compared with, or written to, what it is given for", "adj")
NOT_LOADED: Final = ErrorCode("adj-not-loaded", "A row does not carry the relation or field that is read", "adj")
SHAPE: Final = ErrorCode("adj-shape", "The clauses of a query do not fit each other", "adj")
