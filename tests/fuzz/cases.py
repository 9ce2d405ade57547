"""The cases to run: all, or some that a seed selects."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz.comparing import Case, Fuzzer
from tests.fuzz.places import CONDITIONS, EXPRESSIONS, KEYWORDS, PLACES, Place
from tests.fuzz.values import NAMES, VALUES, Given

_CHAINED = [*CONDITIONS, *EXPRESSIONS]


def values_of(place: Place) -> list[Given]:
    """The values for a place: a keyword has to be a text."""
    if place in KEYWORDS:
        return NAMES
    return [*VALUES, *NAMES] if place.takes_names else VALUES


def all_cases(fuzzer: Fuzzer) -> Iterator[Case]:
    """Each value in each place."""
    for place in PLACES:
        if fuzzer.takes(place):
            yield from (Case((place,), (given,)) for given in values_of(place))


def drawn_cases(fuzzer: Fuzzer, count: int, seed: int) -> Iterator[Case]:
    """As many cases, the same for the same seed; some of them have two places."""
    draw = random.Random(seed)
    places = [place for place in PLACES if fuzzer.takes(place)]
    for _ in range(count):
        chosen = [draw.choice(places)]
        before = [place for place in _CHAINED if place.model is chosen[0].model and fuzzer.takes(place)]
        if before and draw.random() < 0.3:
            chosen.insert(0, draw.choice(before))
        positions = [draw.randrange(len(values_of(place))) for place in chosen]
        # Values that equal each other in Python stand side by side.
        near = [draw.choice((-3, -2, -1, 1, 2, 3)) for _ in chosen]
        yield Case(tuple(chosen), _at(chosen, positions, [0, 0]), _at(chosen, positions, near))


def _at(places: list[Place], positions: list[int], steps: list[int]) -> tuple[Given, ...]:
    taken = zip(places, positions, steps, strict=False)
    return tuple(values_of(place)[(position + step) % len(values_of(place))] for place, position, step in taken)
