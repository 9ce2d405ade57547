"""`python -m tests.django_suite [SUITE ...]`: Django's own tests inside `adj.run_sync()`, on the native engine.

Fetches the sources of the Django that is installed by pip, and runs its `tests/runtests.py` as it is. Ends with an
error if a test fails that is not in `exceptions.py`. Its suites of transactions and hooks are P10.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import django

from tests.django_suite.exceptions import EXCEPTIONS
from tests.django_suite.running import Recorder, run_tests
from tests.django_suite.sources import fetch_sources
from tests.servers import postgresql_server, temporary_database

SUITES = """
aggregation aggregation_regress annotations async auth_tests basic bulk_create contenttypes_tests custom_lookups
custom_managers dates datetimes db_functions defer defer_regress delete delete_regress distinct_on_fields expressions
expressions_case expressions_window extra_regress filtered_relation force_insert_update foreign_object
generic_relations get_earliest_or_latest get_or_create known_related_objects lookup m2m_and_m2o m2m_intermediary
m2m_multiple m2m_recursive m2m_regress m2m_signals m2m_through m2m_through_regress many_to_many many_to_one
many_to_one_null model_fields model_inheritance model_inheritance_regress model_regress multiple_database null_fk
null_fk_ordering null_queries one_to_one or_lookups order_with_respect_to ordering prefetch_related properties
proxy_models queries raw_query reverse_lookup save_delete_hooks select_related select_related_onetoone
select_related_regress signals string_lookup timezones transaction_hooks transactions update update_only_fields
validation
"""

SETTINGS = "tests.django_suite.settings"


def main() -> int:
    """Run the suites that are named, or all; return the exit status."""
    sources = fetch_sources()
    with postgresql_server() as server, temporary_database(server) as name:
        print(f"Django {django.__version__} on {server.origin}, PostgreSQL {server.version // 10_000}")
        os.environ |= {
            "ADJ_SUITE_DATABASE": name,
            "ADJ_SUITE_HOST": server.host,
            "ADJ_SUITE_PORT": str(server.port),
            "ADJ_SUITE_USER": server.user,
            "ADJ_SUITE_PASSWORD": server.password,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "RUNNING_DJANGOS_TEST_SUITE": "true",
        }
        count = asyncio.run(run_suites(sources, sys.argv[1:] or SUITES.split()))
    unexpected = Recorder.failed - EXCEPTIONS.keys()
    print(f"{count} tests, {len(Recorder.failed)} failed, {len(unexpected)} of them not in the list of exceptions")
    for test in sorted(unexpected):
        print(f"  {test}")
    return 1 if unexpected or not count else 0


async def run_suites(sources: Path, suites: Sequence[str]) -> int:
    """Run `runtests.py` in a bridge; return how many tests ran."""
    # After the settings are named: these import Django's models.
    import adj
    from adj.execution.databases import executor_for

    executor = await executor_for("default")
    try:
        return await executor.run(run_tests, sources, SETTINGS, suites)
    finally:
        await adj.close()


if __name__ == "__main__":
    sys.exit(main())
