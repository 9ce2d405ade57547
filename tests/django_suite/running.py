"""Runs Django's `tests/runtests.py` in this process, unmodified, and notes which tests fail."""

from __future__ import annotations

import os
import runpy
import sys
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Recorder(unittest.TextTestResult):
    """Keeps what failed, for the comparison with a list."""

    failed: set[str] = set()  # noqa: RUF012  # one run, one list

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802  # unittest's name
        """Note a test that ended with an error."""
        super().addError(test, err)
        self.failed.add(test.id())

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802  # unittest's name
        """Note a test that failed."""
        super().addFailure(test, err)
        self.failed.add(test.id())

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802  # unittest's name
        """Note a test that failed within a block of `subTest()`, which unittest tells of here alone."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed.add(test.id())

    def getDescription(self, test: unittest.TestCase) -> str:  # noqa: N802  # unittest's name
        """A test's name, without the parameters of a block: the repr of a QuerySet asks the database."""
        return super().getDescription(getattr(test, "test_case", test))


def run_tests(sources: Path, settings: str, suites: Sequence[str], recorder: type[Recorder] = Recorder) -> int:
    """Run suites with the settings of a module; return how many tests ran."""
    # After the settings are named: it imports Django's models.
    from django.test.runner import DiscoverRunner

    ran: list[int] = []
    run_suite: Any = DiscoverRunner.run_suite

    def counted(runner: Any, suite: Any, **options: Any) -> Any:
        result = run_suite(runner, suite, **options)
        ran.append(result.testsRun)
        return result

    # They count and record, and run as before.
    runner_class: Any = DiscoverRunner
    runner_class.run_suite, runner_class.get_resultclass = counted, lambda runner: recorder
    folder = Path.cwd()
    sys.argv = ["runtests.py", f"--settings={settings}", "--parallel=1", "--verbosity=0", *suites]
    sys.path[:0] = [str(sources / "tests"), str(folder)]
    os.chdir(sources / "tests")
    try:
        runpy.run_path("runtests.py", run_name="__main__")
    except SystemExit:
        # That is how it ends.
        pass
    finally:
        os.chdir(folder)
    return sum(ran)
