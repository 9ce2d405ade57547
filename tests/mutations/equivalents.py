"""Mutants that nothing can notice, with the reason of each."""

from __future__ import annotations

from typing import Final

_NOT_COMPILED = "nothing can be made of it then: any error with a slot in place of a value leaves no plan"
_NOT_MERGED = "Django's own compilation, which comes first, merges the same columns, and leaves the query to Django"
_NOT_TEXT = "query methods refuse what is not a name before it has a key, and no class outside of `str` is steady"
_HAS_KEY = "a statement that was written without a key is compiled before anything looks for a plan"

EQUIVALENT: Final[dict[str, str]] = {
    "checks: prepare._plan_of: never not isinstance(captured, Captured)": _NOT_COMPILED,
    "checks: prepare._plan_of: never (reason := reason_of_rows(captured)) is not None": _NOT_MERGED,
    "code: name_keys.name_key: never not isinstance(name, str)": _NOT_TEXT,
    "proof: prepare._is_as_written: never isinstance(written, Unkeyed) alone": _HAS_KEY,
}
"""By the name of the mutant."""
