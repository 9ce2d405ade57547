"""Names of cursors on the server's side, unlike those of any other process.

Behind a pooler several clients share a session. Django numbers the cursors of each connection by themselves, and two
of one name in one session would answer for each other.
"""

from __future__ import annotations

import itertools
import os
import secrets

_token = secrets.token_hex(6)
_numbers = itertools.count(1)


def cursor_name() -> str:
    """A name that nobody else has."""
    # A process that was forked has the token of its parent.
    return f"adj_{_token}_{os.getpid()}_{next(_numbers)}"
