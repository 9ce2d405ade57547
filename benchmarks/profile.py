"""`python -m benchmarks.profile TASK`: the functions in which adj, or another contender, spends its time on a task."""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import tempfile
from pathlib import Path

from benchmarks.project import set_up


def main() -> None:
    """Profile one task by one contender."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("task", help="the name of its method in benchmarks/tasks.py, such as `one`")
    parser.add_argument("--contender", default="adj", help="a name from the table (default: adj)")
    parser.add_argument("--times", type=int, default=20, metavar="N", help="how many samples (default: 20)")
    parser.add_argument("--top", type=int, default=25, metavar="N", help="how many functions to print (default: 25)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adj-benchmarks-") as directory:
        database = Path(directory) / "library.sqlite3"
        set_up(database)
        asyncio.run(profile(database, options))


async def profile(database: Path, options: argparse.Namespace) -> None:
    """Warm up, then repeat the task under cProfile.

    From Python 3.12 on it sees the functions of all threads; before, the workers' share is missing.
    """
    # After the settings are there: these import models.
    from asgiref.sync import sync_to_async

    from benchmarks import data
    from benchmarks.contenders import contenders
    from benchmarks.tasks import TASKS

    await sync_to_async(data.create)()
    task = {task.method: task for task in TASKS}[options.task]
    contender = {contender.name: contender for contender in contenders(with_peers=True)}[options.contender]
    await contender.open(database)
    try:
        await contender.repeat(task)
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(options.times):
            await contender.repeat(task)
        profiler.disable()
    finally:
        await contender.close()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(options.top)


if __name__ == "__main__":
    main()
