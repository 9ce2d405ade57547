"""`python -m tests.fuzz [--count N] [--seed S] [--database WAY] [--all]`: hostile names and values, beside Django.

Prints what was compared, and ends with an error for each difference that is not in `known.py`.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack

import django

from tests import mariadb


def main() -> int:
    """Compare what is asked for; return the exit status."""
    mariadb.install_driver()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    # After setup(): these import models.
    from tests.fuzz.comparing import WAYS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument(
        "--count", type=int, default=1_000, metavar="N", help="cases for each database (default: 1,000)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="which cases (default: 0)")
    parser.add_argument("--database", choices=WAYS, action="append", help="all by default")
    parser.add_argument("--all", action="store_true", help="each value in each place, and no drawn ones")
    parser.add_argument("--place", help="only the places whose name has this in it")
    parser.add_argument("--verbose", action="store_true", help="tell of each case before it is compared")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with ExitStack() as databases:
        return _run(arguments, arguments.database or list(WAYS), databases)


def _run(arguments: argparse.Namespace, ways: Sequence[str], databases: ExitStack) -> int:
    from tests.fuzz.cases import all_cases, drawn_cases
    from tests.fuzz.comparing import WAYS, fuzzing
    from tests.shop.making import make_shop, postgresql_shop

    make_shop("default")
    if any(WAYS[way][0] == "postgres" for way in ways):
        databases.enter_context(postgresql_shop("postgres"))
    found = 0
    for way in ways:
        with fuzzing(way) as fuzzer:
            drawn = all_cases(fuzzer) if arguments.all else drawn_cases(fuzzer, arguments.count, arguments.seed)
            for case in drawn:
                if arguments.place is not None and not any(arguments.place in place.name for place in case.places):
                    continue
                if arguments.verbose:
                    print(ascii(str(case)), flush=True)
                for difference in fuzzer.check(case):
                    print(ascii(difference).replace("\\n", "\n"), flush=True)
        tally = fuzzer.tally
        print(f"{way}: {tally}", flush=True)
        for reason, count in tally.known.most_common():
            print(f"  {count} known: {reason}")
        found += len(tally.differences)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
