"""CPU time of all threads, taken in turn: a busy moment of the machine hits every contender alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.contenders.contender import Contender
from benchmarks.tasks import Task


@dataclass(frozen=True, slots=True)
class Result:
    """The CPU seconds of one task, once, for each contender and each round.

    `samples` keeps the order of the contenders; the first one is what the others are measured against.
    """

    task: Task
    samples: Mapping[str, Sequence[float]]

    def seconds(self, name: str) -> float:
        """The median time of a contender."""
        return median(self.samples[name])

    def ratio(self, name: str) -> float:
        """The median over the rounds of a contender's time divided by the first contender's time in the same round."""
        first = next(iter(self.samples.values()))
        return median(mine / theirs for mine, theirs in zip(self.samples[name], first, strict=True))


async def measure(contenders: Sequence[Contender], tasks: Sequence[Task], rounds: int) -> list[Result]:
    """Every task by every contender, `rounds` times.

    Raises `ValueError` where two contenders give answers of different sizes.
    """
    for task in tasks:
        await _warm_up(contenders, task)
    # What is loaded by now stays; the size of one contender's packages must not be felt by another's collections.
    gc.collect()
    gc.freeze()
    results: dict[Task, dict[str, list[float]]] = {
        task: {contender.name: [] for contender in contenders} for task in tasks
    }
    for number in range(rounds):
        for task, samples in results.items():
            for contender in _rotated(contenders, number):
                samples[contender.name].append(await _sample(contender, task))
    return [Result(task, samples) for task, samples in results.items()]


async def _warm_up(contenders: Sequence[Contender], task: Task) -> None:
    sizes = {contender.name: await contender.repeat(task) for contender in contenders}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"{task.title}: the answers differ in size: {sizes}")


async def _sample(contender: Contender, task: Task) -> float:
    # What one contender leaves behind must not be cleared away in the time of the next one.
    gc.collect()
    start = time.process_time()
    await contender.repeat(task)
    return (time.process_time() - start) / task.times


def _rotated(contenders: Sequence[Contender], number: int) -> Iterator[Contender]:
    first = number % len(contenders)
    yield from contenders[first:]
    yield from contenders[:first]


async def run(contenders: Sequence[Contender], tasks: Sequence[Task], rounds: int, database: Path) -> list[Result]:
    """Open the contenders, measure them, close them."""
    opened: list[Contender] = []
    try:
        for contender in contenders:
            await contender.open(database)
            opened.append(contender)
        return await measure(contenders, tasks, rounds)
    finally:
        for contender in opened:
            await contender.close()
