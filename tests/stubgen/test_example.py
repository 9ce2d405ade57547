"""The stubs of the example project, which are in the repository, are those of its models."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.stubgen.making import ROOT, environment


def test_the_stubs_of_the_example_are_fresh() -> None:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "examples/geography")])
    result = subprocess.run(
        [sys.executable, "-m", "adj", "stubs", "--settings", "geography.settings", "--check"],
        cwd=ROOT / "stubs/geography",
        env={**environment(), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout}{result.stderr}See stubs/README.md."
