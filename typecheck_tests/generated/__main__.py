"""`python -m typecheck_tests.generated --queries 2000 --seed 7`: what mypy and Django say of generated queries."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Print each disagreement and the verdict; 1 if there is one."""
    parser = argparse.ArgumentParser(prog="python -m typecheck_tests.generated", description=__doc__)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unknown", action="store_true", help="print the revealed types that contain Any")
    parser.add_argument("--cache", type=Path, help="a cache for mypy that stays")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ["ADJ_GENERATED_DATABASE"] = str(directory / "shop.sqlite3")
        os.environ["DJANGO_SETTINGS_MODULE"] = "typecheck_tests.generated.settings"
        import django  # only when its settings are known

        django.setup()
        from typecheck_tests.generated import chains, module, running, verdict  # their models need Django's setup

        queries = list(chains.queries(options.seed, options.queries))
        said = module.check(queries, directory, options.cache)
        running.make_shop()
        runs = running.run_all(queries, {name: each.revealed for name, each in said.items()})
        found = verdict.judge(queries, said, runs)
    for finding in found.findings:
        sys.stdout.write(f"{finding}\n")
    for text in found.with_any if options.unknown else ():
        sys.stdout.write(f"Any: {text}\n")
    sys.stdout.write(f"seed {options.seed}: {found}\n")
    return int(bool(found.findings))


if __name__ == "__main__":
    sys.exit(main())
