"""What a project may set, and what is said about everything else."""

from __future__ import annotations

from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from adj.settings import AliasSettings, alias_settings, plan_cache_size


def test_without_settings_there_are_defaults() -> None:
    assert alias_settings("default") == AliasSettings(engine="auto", threads=8)
    assert plan_cache_size() == 1_024


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, AliasSettings()),
        ({"default": {}}, AliasSettings()),
        ({"postgres": {"engine": "django"}}, AliasSettings()),
        ({"default": {"engine": "threads"}}, AliasSettings(engine="threads")),
        ({"default": {"engine": "django"}}, AliasSettings(engine="django")),
        ({"default": {"engine": "psycopg"}}, AliasSettings(engine="psycopg")),
        ({"default": {"threads": 1}}, AliasSettings(threads=1)),
        ({"default": {"pool": {"max_size": 5}}}, AliasSettings(pool={"max_size": 5})),
        ({"default": {"engine": "auto", "threads": 100}}, AliasSettings(engine="auto", threads=100)),
        (OrderedDict(default=MappingProxyType({"threads": 3})), AliasSettings(threads=3)),
    ],
)
def test_settings_of_an_alias_are_read(given: Any, expected: AliasSettings) -> None:
    with override_settings(ADJ=given):
        assert alias_settings("default") == expected


CHOICES = "choose one of auto, psycopg, threads, django"
ALIASES = "'default', 'postgres', 'mariadb', 'mariadb_shop'"
KNOWN = "adj knows engine, pool, pooler, session, threads"
POOL = "min_size, max_size, timeout, max_waiting, max_lifetime, max_idle"
THREADS = "ADJ: threads must be a whole number from 1 on, not"
WRONG: list[tuple[Any, str]] = [
    ([], 'ADJ must be a dict of aliases, as in {"default": {"engine": "threads"}}.'),
    (None, 'ADJ must be a dict of aliases, as in {"default": {"engine": "threads"}}.'),
    ("default", 'ADJ must be a dict of aliases, as in {"default": {"engine": "threads"}}.'),
    ({"defualt": {}}, f"ADJ: 'defualt' is not in DATABASES, which has {ALIASES}."),
    ({"b": {}, "a": {}}, f"ADJ: 'a', 'b' are not in DATABASES, which has {ALIASES}."),
    ({"default": None}, 'ADJ["default"] must be a dict, as in {"engine": "threads"}, not None.'),
    ({"default": "threads"}, 'ADJ["default"] must be a dict, as in {"engine": "threads"}, not \'threads\'.'),
    ({"default": {"engin": "threads"}}, f'ADJ["default"]: unknown engin; {KNOWN}.'),
    ({"default": {"b": 1, "a": 1}}, f'ADJ["default"]: unknown a, b; {KNOWN}.'),
    ({"default": {1: 2}}, f'ADJ["default"]: unknown 1; {KNOWN}.'),
    ({"default": {"engine": "mysql"}}, f"ADJ: engine 'mysql' is unknown; {CHOICES}."),
    ({"default": {"pool": 5}}, 'ADJ: pool must be a dict, as in {"max_size": 20}, not 5.'),
    ({"default": {"pool": {"size": 5}}}, f"ADJ: unknown pool options size; adj knows {POOL}."),
    ({"default": {"engine": None}}, f"ADJ: engine None is unknown; {CHOICES}."),
    (
        {"default": {"engine": ["auto"]}},
        f"ADJ: engine ['auto'] is unknown; {CHOICES}.",
    ),
    ({"default": {"threads": 0}}, f"{THREADS} 0."),
    ({"default": {"threads": -1}}, f"{THREADS} -1."),
    ({"default": {"threads": 2.0}}, f"{THREADS} 2.0."),
    ({"default": {"threads": "8"}}, f"{THREADS} '8'."),
    ({"default": {"threads": True}}, f"{THREADS} True."),
    ({"default": {"threads": None}}, f"{THREADS} None."),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_a_wrong_setting_of_an_alias_is_named(given: Any, message: str) -> None:
    with override_settings(ADJ=given), pytest.raises(ImproperlyConfigured) as raised:
        alias_settings("default")
    assert str(raised.value) == message


@pytest.mark.parametrize("size", [1, 2, 10**6])
def test_the_size_of_the_plan_cache_is_read(size: int) -> None:
    with override_settings(ADJ_PLAN_CACHE_SIZE=size):
        assert plan_cache_size() == size


@pytest.mark.parametrize("size", [0, -1, 1.5, "100", None, True, False, [1]])
def test_a_wrong_size_of_the_plan_cache_is_named(size: Any) -> None:
    with override_settings(ADJ_PLAN_CACHE_SIZE=size), pytest.raises(ImproperlyConfigured) as raised:
        plan_cache_size()
    assert str(raised.value) == f"ADJ_PLAN_CACHE_SIZE must be a whole number from 1 on, not {size!r}."


def test_settings_are_data() -> None:
    settings: Any = AliasSettings()
    with pytest.raises(AttributeError):
        settings.threads = 3
    assert hash(AliasSettings()) == hash(AliasSettings())
