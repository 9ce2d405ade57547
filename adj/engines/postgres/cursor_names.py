"""Names of server-side cursors that are unique across processes.

Behind a pooler, several clients share a session. Django numbers the cursors of each connection, so that two clients
could use the same name in one session and read each other's rows.
"""

from __future__ import annotations

import itertools
import os
import secrets

_token = secrets.token_hex(6)
_numbers = itertools.count(1)


def cursor_name() -> str:
    """A unique name."""
    # A forked process has the token of its parent.
    return f"adj_{_token}_{os.getpid()}_{next(_numbers)}"
