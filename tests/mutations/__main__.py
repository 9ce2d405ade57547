"""`python -m tests.mutations`: a test has to notice every part that is taken out of adj's keys, checks and guards.

`--list` names the mutants, `--only` takes those of a group, or those with a text in their name. The end names the
survivors; a survivor is an error, unless `equivalents.py` has it with a reason.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.mutations.equivalents import EQUIVALENT
from tests.mutations.mutants import GROUPS, Mutant, all_mutants
from tests.mutations.running import TESTS, Verdict, copied_tree, judge, load, run_tests

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str]) -> int:
    """Judge the mutants that are asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", help="a group, or a text in the names of mutants")
    parser.add_argument("--list", action="store_true", help="name the mutants, and do no more")
    asked = parser.parse_args(arguments)
    mutants = all_mutants(ROOT)
    if outdated := set(EQUIVALENT) - {mutant.name for mutant in mutants}:
        print("These mutants do not exist any more:", *sorted(outdated), sep="\n  ")
        return 1
    wanted = [mutant for mutant in mutants if asked.only is None or any(_is_meant(mutant, name) for name in asked.only)]
    if asked.list:
        print(*(f"{mutant.name} (line {mutant.line})" for mutant in wanted), sep="\n")
        return 0
    return _judge_all(wanted)


def _is_meant(mutant: Mutant, name: str) -> bool:
    return mutant.group == name if name in GROUPS else name in mutant.name


def _judge_all(mutants: list[Mutant]) -> int:
    os.nice(10)
    load()
    with copied_tree(ROOT) as tree:
        files = sorted({name for mutant in mutants for name in TESTS[mutant.group]})
        if (failed := run_tests(tree, files)) is not None:
            print(f"Without any mutation, {failed} fails.")
            return 1
        verdicts = [_told(judge(mutant, tree)) for mutant in mutants if mutant.name not in EQUIVALENT]
    survivors = [verdict.mutant for verdict in verdicts if verdict.noticed_by is None]
    _print_table(mutants, verdicts)
    if survivors:
        print("\nSurvivors:", *(f"{mutant.name} (line {mutant.line})" for mutant in survivors), sep="\n  ")
    return 1 if survivors else 0


def _told(verdict: Verdict) -> Verdict:
    fate = "SURVIVED" if verdict.noticed_by is None else f"killed by {verdict.noticed_by}"
    print(f"{verdict.seconds:4.0f} s  {verdict.mutant.name}\n        {fate}", flush=True)
    return verdict


def _print_table(mutants: list[Mutant], verdicts: list[Verdict]) -> None:
    made = Counter(mutant.group for mutant in mutants)
    equivalent = Counter(mutant.group for mutant in mutants if mutant.name in EQUIVALENT)
    killed = Counter(verdict.mutant.group for verdict in verdicts if verdict.noticed_by is not None)
    survived = Counter(verdict.mutant.group for verdict in verdicts if verdict.noticed_by is None)
    print(f"\n{'group':12}{'mutants':>9}{'killed':>9}{'survived':>10}{'equivalent':>12}")
    for group in (*(group for group in GROUPS if made[group]), "all"):
        counts = [count.total() if group == "all" else count[group] for count in (made, killed, survived, equivalent)]
        print(f"{group:12}{counts[0]:>9}{counts[1]:>9}{counts[2]:>10}{counts[3]:>12}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
