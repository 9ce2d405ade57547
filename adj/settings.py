"""What a project may set: `settings.ADJ` per database alias, and for all of them the limits of the plan cache.

These are `settings.ADJ_PLAN_CACHE_SIZE` and `settings.ADJ_PLAN_CACHE_BYTES`. One set of rules serves the system checks,
which report every problem, and the first query, which raises the first one.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from adj.errors import UnknownDatabase

EngineName = Literal["auto", "psycopg", "threads", "django"]
PoolerName = Literal["transaction"]

DEFAULT_PLAN_CACHE_SIZE = 1_024
DEFAULT_PLAN_CACHE_BYTES = 64 * 2**20

POOL_OPTIONS = ("min_size", "max_size", "timeout", "max_waiting", "max_lifetime", "max_idle")


@dataclass(frozen=True, slots=True)
class AliasSettings:
    """The settings of one alias, `ADJ = {"default": {"engine": "threads", "threads": 8}}`.

    `engine`: `psycopg` (PostgreSQL natively, without threads; needs `adj[postgres]`), `threads` (worker threads that
    own their connection), `django` (Django's own connection and thread), or `auto`, which is `psycopg` for Django's own
    PostgreSQL backend where the extra is installed, `django` for an in-memory SQLite database, and `threads` for
    everything else; `adj.engine_of()` tells which.
    `threads`: how many worker threads, and so how many connections, one event loop may use at a time; a positive
    integer.
    `pool`: for `psycopg`, the pool of one event loop, with psycopg's names: `min_size`, `max_size`, `timeout`,
    `max_waiting`, `max_lifetime`, `max_idle`; sizes are integers, times are seconds. Options that are not given are
    taken from Django's `OPTIONS["pool"]`. `timeout`, how long a query waits for a connection, and `max_waiting` hold
    for `threads` too.
    `pooler`: `transaction` for a pooler between adj and PostgreSQL that gives each transaction another session, as
    pgbouncer does in its transaction mode. Then adj prepares no statements, opens no cursors outside transactions, and
    refuses what would change a session that others get as well.
    `session`: for PostgreSQL, a function, or the path of one, that returns the settings of the session for the current
    context, such as `{"search_path": "tenant_7"}` or `{"app.tenant": "7"}`. It is called before each statement.

    Raises `ImproperlyConfigured` for any other value.
    """

    engine: EngineName = "auto"
    threads: int = 8
    pool: Mapping[str, float] = field(default_factory=dict, hash=False)
    pooler: PoolerName | None = None
    session: Callable[[], Mapping[str, str]] | str | None = None

    def __post_init__(self) -> None:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        _raise_first(problems_of_alias("ADJ[...]", values))


# -- rules -------------------------------------------------------------------------------------------------------------


def _positive_integer(value: Any) -> str | None:
    return None if _is_integer(value) and value >= 1 else "must be a positive integer"


def _size(value: Any) -> str | None:
    return None if _is_integer(value) and value >= 0 else "must be 0 or a positive integer"


def _seconds(value: Any) -> str | None:
    return None if _is_number(value) and value > 0 else "must be a positive number of seconds"


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


_POOL_RULES: Mapping[str, Callable[[Any], str | None]] = {
    "min_size": _size,
    "max_size": _positive_integer,
    "timeout": _seconds,
    "max_waiting": _size,
    "max_lifetime": _seconds,
    "max_idle": _seconds,
}


def problems() -> Iterator[str]:
    """Everything that is wrong in `ADJ` and in the other settings of adj, a sentence each, which names the setting."""
    configured = getattr(django_settings, "ADJ", {})
    if isinstance(configured, Mapping):
        yield from _problems_of_names(configured)
        for alias, given in configured.items():
            if alias in connections.settings:
                yield from problems_of_alias(f'ADJ["{alias}"]', given)
    else:
        yield _NO_ALIASES
    for read in (plan_cache_size, plan_cache_bytes, verified_share, probation_runs):
        try:
            read()
        except ImproperlyConfigured as error:
            yield str(error)


_NO_ALIASES = 'ADJ must be a dict of aliases, as in {"default": {"engine": "threads"}}.'


def _problems_of_names(configured: Mapping[Any, Any]) -> Iterator[str]:
    for strange in sorted(set(configured) - set(connections), key=repr):
        yield f"ADJ: {_shown(strange)} is not an alias in DATABASES{suggestion(strange, connections)}"


def problems_of_alias(name: str, given: Any) -> Iterator[str]:
    """What is wrong with the settings of one alias, which messages call by `name`."""
    if not isinstance(given, Mapping):
        yield f'{name} must be a dict, as in {{"engine": "threads"}}, not {given!r}.'
        return
    known = [each.name for each in fields(AliasSettings)]
    for strange in sorted(set(given) - set(known), key=repr):
        yield f"{name}: unknown setting {_shown(strange)}{suggestion(strange, known)}"
    if (engine := given.get("engine", "auto")) not in get_args(EngineName):
        yield f'{name}["engine"]: unknown engine {_shown(engine)}{suggestion(engine, get_args(EngineName))}'
    if (problem := _positive_integer(threads := given.get("threads", 8))) is not None:
        yield f'{name}["threads"] {problem}, not {threads!r}.'
    yield from problems_of_pool(f'{name}["pool"]', given.get("pool", {}))
    if (pooler := given.get("pooler")) not in (None, *get_args(PoolerName)):
        yield f'{name}["pooler"]: unknown pooler {_shown(pooler)}{suggestion(pooler, get_args(PoolerName))}'
    if not (callable(session := given.get("session")) or session is None or isinstance(session, str)):
        yield f'{name}["session"] must be a function or the path of one, not {session!r}.'


def problems_of_pool(name: str, pool: Any) -> Iterator[str]:
    """What is wrong with the options of a pool, which messages call by `name`."""
    if not isinstance(pool, Mapping):
        yield f'{name} must be a dict, as in {{"max_size": 20}}, not {pool!r}.'
        return
    for strange in sorted(set(pool) - set(POOL_OPTIONS), key=repr):
        yield f"{name}: unknown option {_shown(strange)}{suggestion(strange, POOL_OPTIONS)}"
    yield from _problems_of_pool_values(name, {option: pool[option] for option in POOL_OPTIONS if option in pool})


def problems_of_djangos_pool(alias: str) -> Iterator[str]:
    """What is wrong in Django's `OPTIONS["pool"]` among the options that adj reads; None leaves one open."""
    pool = connections.settings[alias]["OPTIONS"].get("pool")
    if isinstance(pool, Mapping):
        given = {option: value for option in POOL_OPTIONS if (value := pool.get(option)) is not None}
        yield from _problems_of_pool_values(f'DATABASES["{alias}"]["OPTIONS"]["pool"]', given)


def _problems_of_pool_values(name: str, given: Mapping[str, Any]) -> Iterator[str]:
    wrong = {option: problem for option, value in given.items() if (problem := _POOL_RULES[option](value)) is not None}
    for option, problem in wrong.items():
        yield f'{name}["{option}"] {problem}, not {given[option]!r}.'
    if not wrong and "max_size" in given and given.get("min_size", 0) > given["max_size"]:
        least, most = given["min_size"], given["max_size"]
        yield f'{name}["max_size"] must not be less than ["min_size"], but {most} is less than {least}.'


def suggestion(name: object, choices: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest choice, if one is near, and all of them."""
    known = list(choices)
    return f"{nearest(name, known)} Choices are: {', '.join(known)}."


def nearest(name: object, choices: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest choice, if one is near."""
    near = difflib.get_close_matches(name, list(choices), n=1) if isinstance(name, str) else []
    return f'; did you mean "{near[0]}"?' if near else "."


def _shown(name: object) -> str:
    return f'"{name}"' if isinstance(name, str) else repr(name)


def _raise_first(found: Iterable[str]) -> None:
    for problem in found:
        raise ImproperlyConfigured(problem)


# -- what counts -------------------------------------------------------------------------------------------------------


def check_alias(alias: str) -> None:
    """Raise `UnknownDatabase` for an alias that is not in `DATABASES`."""
    if alias not in connections.settings:
        raise UnknownDatabase(alias=alias, choices=connections)


def alias_settings(alias: str) -> AliasSettings:
    """The settings of an alias.

    Raises `ImproperlyConfigured` for a key or a value that adj does not know, and for an alias, be it another one, that
    is not in `DATABASES`.
    """
    configured = getattr(django_settings, "ADJ", {})
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured(_NO_ALIASES)
    _raise_first(_problems_of_names(configured))
    given = configured.get(alias, {})
    _raise_first(problems_of_alias(f'ADJ["{alias}"]', given))
    return AliasSettings(**given)


def check_djangos_pool(alias: str) -> None:
    """Raise `ImproperlyConfigured` for a wrong value in Django's `OPTIONS["pool"]`, of those that adj reads."""
    _raise_first(problems_of_djangos_pool(alias))


def pool_setting(alias: str, option: str) -> str:
    """Where the value of a pool option comes from, or is to be set, for messages: `ADJ["default"]["pool"]["max_size"]`.

    `ADJ` counts before Django's `OPTIONS["pool"]`, and is where an option that neither sets belongs.
    """
    in_django = connections.settings[alias]["OPTIONS"].get("pool")
    if option not in alias_settings(alias).pool and isinstance(in_django, Mapping) and option in in_django:
        return f'DATABASES["{alias}"]["OPTIONS"]["pool"]["{option}"]'
    return f'ADJ["{alias}"]["pool"]["{option}"]'


def plan_cache_size() -> int:
    """How many plans the process keeps, `ADJ_PLAN_CACHE_SIZE`.

    Raises `ImproperlyConfigured` unless it is a positive integer.
    """
    return _positive("ADJ_PLAN_CACHE_SIZE", DEFAULT_PLAN_CACHE_SIZE)


def plan_cache_bytes() -> int:
    """How many bytes of plans the process keeps, by estimate, `ADJ_PLAN_CACHE_BYTES`.

    Raises `ImproperlyConfigured` unless it is a positive integer.
    """
    return _positive("ADJ_PLAN_CACHE_BYTES", DEFAULT_PLAN_CACHE_BYTES)


def _positive(name: str, default: int) -> int:
    value = getattr(django_settings, name, default)
    if (problem := _positive_integer(value)) is not None:
        raise ImproperlyConfigured(f"{name} {problem}, not {value!r}.")
    return int(value)


DEFAULT_PROBATION_RUNS = 2


def verified_share() -> float:
    """The share of runs of a kept plan that are compared with Django's own SQL, `ADJ_VERIFY`: 0 (default) to 1.

    Raises `ImproperlyConfigured` for anything but a number from 0 to 1.
    """
    share = getattr(django_settings, "ADJ_VERIFY", 0)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ImproperlyConfigured(f"ADJ_VERIFY must be a number from 0 to 1, not {share!r}.")
    return float(share)


def probation_runs() -> int:
    """How many runs of a new plan with other values are compared with Django's own SQL, `ADJ_PROBATION_RUNS`.

    Raises `ImproperlyConfigured` for anything but a whole number that is not negative.
    """
    runs = getattr(django_settings, "ADJ_PROBATION_RUNS", DEFAULT_PROBATION_RUNS)
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 0:
        raise ImproperlyConfigured(f"ADJ_PROBATION_RUNS must be 0 or a positive integer, not {runs!r}.")
    return runs
