"""`import adj` changes no other library: what adj has to replace, it replaces when it first needs that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

IMPORTING = """
    import asyncio, json, sys
    from django.conf import settings
    settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}})
    import asgiref.sync, django.db.models, django.db.backends.sqlite3.base, django.db.transaction, greenlet, psycopg

    def members():
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] not in {"asgiref", "django", "greenlet", "psycopg"}:
                continue
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__ == name:
                    yield from (((name, key, attribute), part) for attribute, part in list(vars(value).items()))
                elif callable(value):
                    yield (name, key, ""), value

    # Computed when they are first read; and Django numbers its fields, of which adj makes some.
    EXPECTED = {"__annotations__", "__annotate_func__", "creation_counter"}
    before = dict(members())
    import adj
    after = dict(members())
    changed = [key for key in before if after.get(key) is not before[key] and key[2] not in EXPECTED]

    original = asgiref.sync.AsyncToSync.__call__
    async def main():
        async with adj.atomic():
            await adj.run_sync(int)
    asyncio.run(main())
    wrapped = asgiref.sync.AsyncToSync.__call__
    print(json.dumps([len(before), changed, wrapped is not original, wrapped.__wrapped__ is original]))
"""


def test_importing_adj_changes_no_other_library(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-c", textwrap.dedent(IMPORTING), str(tmp_path / "db.sqlite3")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert ran.returncode == 0, ran.stderr
    count, changed, is_wrapped, wraps_the_original = json.loads(ran.stdout)
    assert count > 5_000
    assert changed == []
    assert is_wrapped
    assert wraps_the_original
