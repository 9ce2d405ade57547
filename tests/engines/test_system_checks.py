"""What `manage.py check` says about adj's settings, engines and connections."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.checks.registry import registry
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.transaction import Atomic
from django.test import override_settings
from django.test.utils import setup_test_environment, teardown_test_environment

import adj
from adj import q
from adj.engines.choice import choice
from adj.engines.choice.limits import session_limit
from tests.engines.test_choice import database
from tests.running import run
from tests.shop.models import Author

ROOT = Path(adj.__file__).resolve().parents[1]


def told(alias: str | None = None, databases: list[str] | None = None) -> list[tuple[str, str]]:
    """The ids and texts of adj's messages, those that name an alias.

    Only adj's own checks: Django's ask the servers of all aliases, and not all are there.
    """
    ours: list[Any] = [check for check in registry.get_checks() if check.__module__ == "adj.checks"]
    found = [message for check in ours for message in check(app_configs=None, databases=databases)]
    return [
        (str(message.id), f"{message.msg} {message.hint or ''}".strip())
        for message in found
        if alias is None or f'"{alias}"' in message.msg
    ]


def test_the_report_names_each_alias_with_its_engine_and_the_reason(postgres: str) -> None:
    assert told("default") == [
        (
            "adj.D001",
            '"default" is served by the engine "threads": the native engine needs PostgreSQL; this database is SQLite.',
        )
    ]
    assert told(postgres) == [
        ("adj.D001", '"postgres" is served by the engine "psycopg": its backend is Django\'s PostgreSQL backend.')
    ]


def test_aliases_that_are_served_alike_share_a_message(postgres: str) -> None:
    with database(postgres) as alias:
        (text,) = (text for identity, text in told(alias) if identity == "adj.D001")
        assert text.startswith(f'"postgres" and "{alias}" are served by the engine "psycopg": its backend')
        with override_settings(ADJ={alias: {"engine": "threads"}}):
            (text,) = (text for identity, text in told(postgres) if identity == "adj.D001")
            assert text.startswith('"postgres" is served by the engine "psycopg"')


POOLERS: list[tuple[Mapping[str, Any], str]] = [
    ({"PORT": "6432"}, "port 6432"),
    ({"PORT": 6432}, "port 6432"),
    ({"HOST": "a,b", "PORT": "5432,6432"}, "port 6432"),
    ({"HOST": "", "PORT": "", "OPTIONS": {"host": "pgbouncer.internal"}}, 'host "pgbouncer.internal"'),
    ({"HOST": "/var/run/pgbouncer"}, 'host "/var/run/pgbouncer"'),
    ({"HOST": "ep-cool-1-pooler.eu-central-1.aws.neon.tech"}, "neon.tech"),
    ({"HOST": "aws-0-eu-west-1.pooler.supabase.com", "PORT": "6543"}, 'port 6543 of "aws-0'),
    ({"HOST": "db.abc.supabase.co", "PORT": "6543"}, 'port 6543 of "db.abc'),
    ({"HOST": "x-do-user-1-0.b.db.ondigitalocean.com", "PORT": "25061"}, 'port 25061 of "x-do'),
]


@pytest.mark.parametrize(("settings", "sign"), POOLERS)
def test_a_pooler_missing_from_the_settings_is_warned_about(
    postgres: str, settings: Mapping[str, Any], sign: str
) -> None:
    with database(postgres, **settings) as alias:
        text = dict(told(alias))["adj.W003"]
        assert text.startswith(f'"{alias}" seems to use a pooler (')
        assert sign in text
        assert f'Set ADJ["{alias}"]["pooler"] = "transaction"' in text
        with override_settings(ADJ={alias: {"pooler": "transaction"}}):
            assert "adj.W003" not in dict(told(alias))
        with override_settings(ADJ={alias: {"engine": "threads"}}):
            assert "adj.W003" not in dict(told(alias))
        with override_settings(ADJ={alias: {"engine": "threads", "session": dict}}):
            assert 'With the engine "threads", ADJ["another"]["session"] requires' in dict(told(alias))["adj.W003"]


@pytest.mark.parametrize(
    "settings",
    [
        {"HOST": "db.internal", "PORT": "5432"},
        # There it keeps sessions.
        {"HOST": "aws-0-eu-west-1.pooler.supabase.com", "PORT": "5432"},
        {"HOST": "x-do-user-1-0.b.db.ondigitalocean.com", "PORT": "25060"},
        {"HOST": "db.internal", "PORT": "6543"},
    ],
)
def test_a_server_is_not_taken_for_a_pooler(postgres: str, settings: Mapping[str, Any]) -> None:
    with database(postgres, **settings) as alias:
        assert "adj.W003" not in dict(told(alias))


def test_session_settings_that_an_engine_lacks_are_reported(postgres: str) -> None:
    for given in ({"session": dict, "engine": "django"}, {"pooler": "transaction", "engine": "threads"}):
        with override_settings(ADJ={postgres: given}):
            assert f'ADJ["{postgres}"]["{next(iter(given))}"] needs' in dict(told(postgres))["adj.E002"]
    with override_settings(ADJ={postgres: {"session": "no.such.function"}}):
        assert "cannot import" in dict(told(postgres))["adj.E002"]


def test_postgresql_that_is_not_served_natively_is_news(postgres: str, packages: pytest.MonkeyPatch) -> None:
    with database(postgres, ENGINE="tests.backends.opening") as alias:
        ((identity, text),) = told(alias)
        assert identity == "adj.I001"
        assert "overrides get_new_connection" in text
        with override_settings(ADJ={alias: {"engine": "threads"}}):
            assert [identity for identity, _ in told(alias)] == ["adj.D001"]
        with override_settings(ADJ={alias: {"engine": "psycopg"}}):
            assert [identity for identity, _ in told(alias)] == ["adj.E002"]
    packages.setattr(choice, "find_spec", lambda name: None if name == "greenlet" else object())
    ((identity, text),) = told(postgres)
    assert identity == "adj.W001"
    assert 'pip install "adj[postgres]"' in text


WRONG: list[tuple[Mapping[str, Any], str]] = [
    ({"defualt": {}}, 'did you mean "default"?'),
    ({"default": {"threds": 3}}, 'did you mean "threads"?'),
    ({"default": {"threads": 0}}, "must be a positive integer"),
    ({"default": {"pool": {"max_size": 0}}}, "must be a positive integer"),
    ({"default": {"pool": {"timeout": "5"}}}, "must be a positive number of seconds"),
    ({"default": {"engine": "sqlite"}}, "unknown engine"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_a_check_and_the_first_query_say_the_same(given: Mapping[str, Any], message: str) -> None:
    async def main() -> None:
        with pytest.raises(ImproperlyConfigured) as raised:
            await q(Author).afirst()
        assert ("adj.E001", str(raised.value)) in found

    with override_settings(ADJ=given):
        found = told()
        assert message in dict(found)["adj.E001"]
        run(main())


def test_a_misspelt_alias_fails_a_django_test_as_well() -> None:
    async def main() -> None:
        with pytest.raises(ImproperlyConfigured, match='did you mean "default"'):
            await q(Author).afirst()

    block: Any = Atomic("default", savepoint=True, durable=False)
    block._from_testcase = True
    setup_test_environment()
    try:
        with override_settings(ADJ={"defualt": {}}), block:
            run(main())
    finally:
        teardown_test_environment()


def test_ignored_options_and_ages_are_reported(postgres: str) -> None:
    options = {"conect_timeout": 5, "pool": {"max_size": 0}}
    with database(postgres, OPTIONS=options, CONN_MAX_AGE=60) as alias:
        found = dict(told(alias))
        assert set(found) == {"adj.D001", "adj.D002", "adj.E003", "adj.E004"}
        assert 'did you mean "connect_timeout"?' in found["adj.E004"]
        assert '"max_idle" and "max_lifetime"' in found["adj.D002"]
    with database(postgres, ENGINE="tests.backends.honored", OPTIONS={"of_the_backend": 1}) as alias:
        assert set(dict(told(alias))) == {"adj.D001"}


def test_a_pool_larger_than_the_servers_limit_is_reported(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = session_limit(postgres)
    assert allowed is not None
    with override_settings(ADJ={postgres: {"pool": {"max_size": allowed}}}):
        assert "adj.W002" not in dict(told(postgres, [postgres]))
        monkeypatch.setenv("WEB_CONCURRENCY", "2")
        text = dict(told(postgres, [postgres]))["adj.W002"]
        assert text.startswith(f'2 processes may open {2 * allowed} connections to "postgres", but its server allows')
        assert 'Lower ADJ["postgres"]["pool"]["max_size"]' in text
        # It asks the server, and so only where Django says that it may.
        assert "adj.W002" not in dict(told(postgres))
    monkeypatch.delenv("WEB_CONCURRENCY")
    with override_settings(ADJ={postgres: {"engine": "threads", "threads": allowed + 1}}):
        assert 'Lower ADJ["postgres"]["threads"]' in dict(told(postgres, [postgres]))["adj.W002"]


def test_a_role_s_own_limit_counts(postgres: str) -> None:
    with connections[postgres].cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()
        cursor.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 7')
        try:
            assert session_limit(postgres) == 7
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')


def test_a_server_of_mariadb_has_a_limit_too(mariadb: str) -> None:
    assert (session_limit(mariadb) or 0) > 0
    assert session_limit("default") is None


PROGRAM = """
import sys
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["adj"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x.sqlite3"}},
    ADJ={"default": {"threads": int(sys.argv[1])}},
)
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""


@pytest.mark.parametrize(
    ("threads", "status", "message"),
    [
        ("0", 1, '(adj.E001) ADJ["default"]["threads"] must be a positive integer; got 0.'),
        ("3", 0, '(adj.D001) "default" is served by the engine "threads": the native engine needs PostgreSQL'),
    ],
)
def test_an_entry_in_installed_apps_is_enough(tmp_path: Path, threads: str, status: int, message: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, threads],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert finished.returncode == status, finished.stderr
    assert message in finished.stderr


def test_checks_open_no_connection_on_a_loop(postgres: str) -> None:
    """The fixture around each test fails it otherwise."""

    async def main() -> None:
        assert told("default")

    asyncio.run(main())
