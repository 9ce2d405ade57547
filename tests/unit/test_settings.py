"""What a project may set, and what is said about everything else."""

from __future__ import annotations

from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import override_settings

from adj.settings import AliasSettings, alias_settings, plan_cache_size, pool_setting, problems


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


ALIASES = "Choices are: default, postgres, mariadb, mariadb_shop."
ENGINES = "Choices are: auto, psycopg, threads, django."
KNOWN = "Choices are: engine, threads, pool, pooler, session."
POOL = "Choices are: min_size, max_size, timeout, max_waiting, max_lifetime, max_idle."
THREADS = 'ADJ["default"]["threads"] must be a positive integer; got'
SECONDS = "must be a positive number of seconds; got"
NO_ALIASES = 'ADJ must be a dict of aliases, such as {"default": {"engine": "threads"}}.'
WRONG: list[tuple[Any, str]] = [
    ([], NO_ALIASES),
    (None, NO_ALIASES),
    ("default", NO_ALIASES),
    ({"defualt": {}}, f'ADJ: "defualt" is not an alias in DATABASES; did you mean "default"? {ALIASES}'),
    ({"b": {}, "a": {}}, f'ADJ: "a" is not an alias in DATABASES. {ALIASES}'),
    ({"default": None}, 'ADJ["default"] must be a dict such as {"engine": "threads"}; got None.'),
    ({"default": "threads"}, 'ADJ["default"] must be a dict such as {"engine": "threads"}; got \'threads\'.'),
    ({"default": {"engin": "threads"}}, f'ADJ["default"]: unknown setting "engin"; did you mean "engine"? {KNOWN}'),
    ({"default": {"b": 1, "a": 1}}, f'ADJ["default"]: unknown setting "a". {KNOWN}'),
    ({"default": {1: 2}}, f'ADJ["default"]: unknown setting 1. {KNOWN}'),
    ({"default": {"engine": "mysql"}}, f'ADJ["default"]["engine"]: unknown engine "mysql". {ENGINES}'),
    ({"default": {"engine": None}}, f'ADJ["default"]["engine"]: unknown engine None. {ENGINES}'),
    ({"default": {"engine": ["auto"]}}, f'ADJ["default"]["engine"]: unknown engine [\'auto\']. {ENGINES}'),
    (
        {"default": {"pooler": "session"}},
        'ADJ["default"]["pooler"]: unknown pooler "session". Choices are: transaction.',
    ),
    (
        {"default": {"session": 5}},
        'ADJ["default"]["session"] must be a synchronous function or its dotted path; got 5.',
    ),
    ({"default": {"threads": 0}}, f"{THREADS} 0."),
    ({"default": {"threads": -1}}, f"{THREADS} -1."),
    ({"default": {"threads": 2.0}}, f"{THREADS} 2.0."),
    ({"default": {"threads": "8"}}, f"{THREADS} '8'."),
    ({"default": {"threads": True}}, f"{THREADS} True."),
    ({"default": {"threads": None}}, f"{THREADS} None."),
    ({"default": {"pool": 5}}, 'ADJ["default"]["pool"] must be a dict such as {"max_size": 20}; got 5.'),
    (
        {"default": {"pool": {"maxsize": 5}}},
        f'ADJ["default"]["pool"]: unknown option "maxsize"; did you mean "max_size"? {POOL}',
    ),
    ({"default": {"pool": {"max_size": 0}}}, 'ADJ["default"]["pool"]["max_size"] must be a positive integer; got 0.'),
    (
        {"default": {"pool": {"max_size": True}}},
        'ADJ["default"]["pool"]["max_size"] must be a positive integer; got True.',
    ),
    (
        {"default": {"pool": {"min_size": 1.5}}},
        'ADJ["default"]["pool"]["min_size"] must be 0 or a positive integer; got 1.5.',
    ),
    (
        {"default": {"pool": {"max_waiting": -1}}},
        'ADJ["default"]["pool"]["max_waiting"] must be 0 or a positive integer; got -1.',
    ),
    ({"default": {"pool": {"timeout": "5"}}}, f'ADJ["default"]["pool"]["timeout"] {SECONDS} \'5\'.'),
    ({"default": {"pool": {"timeout": None}}}, f'ADJ["default"]["pool"]["timeout"] {SECONDS} None.'),
    ({"default": {"pool": {"max_idle": 0}}}, f'ADJ["default"]["pool"]["max_idle"] {SECONDS} 0.'),
    ({"default": {"pool": {"max_lifetime": float("nan")}}}, f'ADJ["default"]["pool"]["max_lifetime"] {SECONDS} nan.'),
    (
        {"default": {"pool": {"min_size": 5, "max_size": 4}}},
        'ADJ["default"]["pool"]["max_size"] must not be less than ["min_size"]; got 4 and 5.',
    ),
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
    assert str(raised.value) == f"ADJ_PLAN_CACHE_SIZE must be a positive integer; got {size!r}."


def test_settings_are_data() -> None:
    settings: Any = AliasSettings()
    with pytest.raises(AttributeError):
        settings.threads = 3
    assert hash(AliasSettings()) == hash(AliasSettings())


def test_settings_made_in_code_are_judged_alike() -> None:
    with pytest.raises(ImproperlyConfigured, match="must be a positive integer; got 0"):
        AliasSettings(threads=0)


def test_all_problems_are_reported_together() -> None:
    with override_settings(
        ADJ={"defualt": {}, "default": {"pool": {"timeout": "5", "max_size": 0}}}, ADJ_PLAN_CACHE_SIZE=0, ADJ_VERIFY=2
    ):
        assert [problem.split(" must ")[0].split(";")[0] for problem in problems()] == [
            'ADJ: "defualt" is not an alias in DATABASES',
            'ADJ["default"]["pool"]["max_size"]',
            'ADJ["default"]["pool"]["timeout"]',
            "ADJ_PLAN_CACHE_SIZE",
            "ADJ_VERIFY",
        ]


def test_messages_name_the_setting_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"pool": {"max_size": 3, "timeout": 1}})
    with override_settings(ADJ={"default": {"pool": {"timeout": 2}}}):
        assert pool_setting("default", "max_size") == 'DATABASES["default"]["OPTIONS"]["pool"]["max_size"]'
        assert pool_setting("default", "timeout") == 'ADJ["default"]["pool"]["timeout"]'
        assert pool_setting("default", "max_waiting") == 'ADJ["default"]["pool"]["max_waiting"]'
