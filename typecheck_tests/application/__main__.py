"""`python -m typecheck_tests.application`: runs the hospital in a new database; types on stdin, the outcome on stdout.

Both are JSON. What is expected of the types stands in the tests beside this file.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "typecheck_tests.application.settings"
    import django  # only when its settings are known

    django.setup()
    from typecheck_tests.application.running import run  # its models need Django's setup

    json.dump(run(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
