"""`python -m tests.thirdparty`: compare models of third-party packages with Django.

`nox -s third_party` installs the packages and runs it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    """Make the tables and run the checks; return the exit status."""
    set_up()
    import pytest

    here = Path(__file__).parent
    # Not the conftest above, whose tests have settings of their own.
    options = [f"--confcutdir={here}", "-o", "python_files=check_*.py", "-W", "default", "-q", *sys.argv[1:]]
    return int(pytest.main([*options, str(here)]))


def set_up() -> None:
    """Django with these models, and their tables."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.thirdparty.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)


if __name__ == "__main__":
    sys.exit(main())
