"""Random object graphs: prefetches nested five deep put the same objects into the same caches as in Django."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from adj.settings import alias_settings
from tests.parity.graphs import Tree, drawn_tree
from tests.parity.oracle import Outcome, Session

# How many graphs are compared on SQLite. A number in the environment is for a longer hunt, from another seed.
GRAPHS = int(os.environ.get("ADJ_TEST_GRAPHS", "240"))
FIRST_SEED = int(os.environ.get("ADJ_TEST_GRAPHS_SEED", "0"))
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_a_random_object_graph_is_djangos(part: int) -> None:
    compare_graphs("default", range(FIRST_SEED + part, FIRST_SEED + GRAPHS, PARTS))


def test_a_random_object_graph_is_djangos_on_postgresql(postgres: str) -> None:
    engine = alias_settings(postgres).engine
    first = FIRST_SEED + 100_000 + len(engine)
    compare_graphs(postgres, range(first, first + GRAPHS // 10))


def test_most_random_graphs_are_neither_empty_nor_errors() -> None:
    outcomes = compare_graphs("default", range(FIRST_SEED, FIRST_SEED + 40))
    kinds = Counter("error" if one.error else "rows" if len(one.executed) > 2 else "few" for one in outcomes)
    assert kinds["rows"] > 20, kinds


def compare_graphs(alias: str, seeds: range) -> list[Outcome]:
    """Compare the graphs of seeds, each cold and from the plan cache; what Django answered."""
    with Session(alias) as session:
        return [compare_graph(session, seed, drawn_tree(seed)) for seed in seeds]


def compare_graph(session: Session, seed: int, tree: Tree) -> Outcome:
    """Compare one graph; a failure says how to write it."""
    try:
        outcome = session.compare(tree.build)[0]
    except BaseException as error:
        error.add_note(f"seed {seed}: {tree}")
        raise
    if outcome.error is not None:
        session.settle()
    return outcome
