"""Run the Python blocks that come as JSON on standard input, in one event loop: a program for the tests to start."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import sys


async def run(page: str, texts: list[str]) -> None:
    """Run blocks one after another, with the names of the earlier ones; `await` may stand outside of functions."""
    # The name lets the classes of a page find their module.
    names: dict[str, object] = {"__name__": "__main__"}
    for text in texts:
        # A page does not have the `__future__` imports of this file.
        code = compile(text, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if code.co_flags & inspect.CO_COROUTINE:
            await eval(code, names)  # noqa: S307  # our own pages
        else:
            exec(code, names)  # noqa: S102  # our own pages


def main() -> None:
    """Set the geography project up, then run."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "geography.settings"
    import django  # after the settings are named

    django.setup()
    page, texts = json.load(sys.stdin)
    asyncio.run(run(page, texts))


if __name__ == "__main__":
    main()
