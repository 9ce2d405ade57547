"""`python -m tests.demo.postgresql`: the demo on PostgreSQL, natively, in a temporary database.

The server is found as for the tests; `ADJ_TEST_POSTGRES_FROM=package` takes the one that pip installs.
"""

from __future__ import annotations

import sys

from adj.__main__ import main
from tests.servers import postgresql_server, temporary_database

if __name__ == "__main__":
    with postgresql_server() as found, temporary_database(found) as database:
        print(f"PostgreSQL {found.version // 10_000}: {found.origin}")
        status = main(["demo", "--database", found.url(database), *sys.argv[1:]])
    sys.exit(status)
