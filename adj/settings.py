"""adj's settings: `settings.ADJ` by database alias, the limits of the plan cache, and the checks of cached plans.

The system checks report all problems; the first query raises the first one. Both use the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from inspect import iscoroutinefunction
from typing import Any, Literal, get_args

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from adj.errors import UnknownDatabase
from adj.suggestions import nearest

EngineName = Literal["auto", "psycopg", "threads", "django"]
PoolerName = Literal["transaction"]

DEFAULT_PLAN_CACHE_SIZE = 1_024
DEFAULT_PLAN_CACHE_BYTES = 64 * 2**20

POOL_OPTIONS = ("min_size", "max_size", "timeout", "max_waiting", "max_lifetime", "max_idle")


@dataclass(frozen=True, slots=True)
class AliasSettings:
    """The settings of an alias, `ADJ = {"default": {"engine": "threads", "threads": 8}}`.

    - `engine`: `psycopg` (native PostgreSQL without threads; requires `adj[postgres]`), `threads` (worker threads with
      one connection each), `django` (Django's own connection and thread), or `auto`. `auto` is `psycopg` for Django's
      own PostgreSQL backend if the extra is installed, `django` for an in-memory SQLite database, and otherwise
      `threads`; `adj.engine_of()` returns the choice.
    - `threads`: how many worker threads, and so connections, an event loop may use at a time.
    - `pool`: for `psycopg`, the pool of an event loop, with psycopg's options: `min_size`, `max_size`, `timeout`,
      `max_waiting`, `max_lifetime`, `max_idle`. Sizes are integers, times are seconds. Options that are missing are
      taken from Django's `OPTIONS["pool"]`. `timeout`, the wait for a connection, and `max_waiting` apply to `threads`
      too.
    - `pooler`: `transaction` if a pooler between adj and PostgreSQL assigns sessions by transaction, like pgbouncer in
      transaction mode. adj then does not prepare statements, opens cursors only inside transactions, and refuses
      statements that would change a session used by others.
    - `session`: for PostgreSQL, a function, or its dotted path, that returns the session settings for the current
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


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
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
    """All problems in adj's settings, one sentence each, which names the setting."""
    configured = getattr(django_settings, "ADJ", {})
    if isinstance(configured, Mapping):
        yield from _problems_of_names(configured)
        for alias, options in configured.items():
            if alias in connections.settings:
                yield from problems_of_alias(f'ADJ["{alias}"]', options)
    else:
        yield _NO_ALIASES
    for read in (plan_cache_size, plan_cache_bytes, verified_share, probation_runs):
        try:
            read()
        except ImproperlyConfigured as error:
            yield str(error)


_NO_ALIASES = 'ADJ must be a dict of aliases, such as {"default": {"engine": "threads"}}.'


def _problems_of_names(configured: Mapping[Any, Any]) -> Iterator[str]:
    for unknown in sorted(set(configured) - set(connections), key=repr):
        yield f"ADJ: {_shown(unknown)} is not an alias in DATABASES{suggestion(unknown, connections)}"


def problems_of_alias(name: str, options: object) -> Iterator[str]:
    """The problems in the settings of an alias, which messages call `name`."""
    if not isinstance(options, Mapping):
        yield f'{name} must be a dict such as {{"engine": "threads"}}; got {options!r}.'
        return
    known = [each.name for each in fields(AliasSettings)]
    for unknown in sorted(set(options) - set(known), key=repr):
        yield f"{name}: unknown setting {_shown(unknown)}{suggestion(unknown, known)}"
    if (engine := options.get("engine", "auto")) not in get_args(EngineName):
        yield f'{name}["engine"]: unknown engine {_shown(engine)}{suggestion(engine, get_args(EngineName))}'
    if (problem := _positive_integer(threads := options.get("threads", 8))) is not None:
        yield f'{name}["threads"] {problem}; got {threads!r}.'
    yield from problems_of_pool(f'{name}["pool"]', options.get("pool", {}))
    if (pooler := options.get("pooler")) not in (None, *get_args(PoolerName)):
        yield f'{name}["pooler"]: unknown pooler {_shown(pooler)}{suggestion(pooler, get_args(PoolerName))}'
    session = options.get("session")
    is_path = session is None or isinstance(session, str)
    if not is_path and (problem := problem_of_session_function(name, session, session)) is not None:
        yield problem


def problem_of_session_function(name: str, function: object, setting: object) -> str | None:
    """The problem with an alias's `session`, a function or the path of one; `function` is what `setting` stands for."""
    if callable(function) and not iscoroutinefunction(function):
        return None
    return f'{name}["session"] must be a synchronous function or its dotted path; got {setting!r}.'


def problems_of_pool(name: str, pool: object) -> Iterator[str]:
    """The problems in the options of a pool, which messages call `name`."""
    if not isinstance(pool, Mapping):
        yield f'{name} must be a dict such as {{"max_size": 20}}; got {pool!r}.'
        return
    for unknown in sorted(set(pool) - set(POOL_OPTIONS), key=repr):
        yield f"{name}: unknown option {_shown(unknown)}{suggestion(unknown, POOL_OPTIONS)}"
    yield from _problems_of_pool_values(name, {option: pool[option] for option in POOL_OPTIONS if option in pool})


def problems_of_djangos_pool(alias: str) -> Iterator[str]:
    """The problems in the options of Django's `OPTIONS["pool"]` that adj reads; None leaves one open."""
    pool = connections.settings[alias]["OPTIONS"].get("pool")
    if isinstance(pool, Mapping):
        options = {option: value for option in POOL_OPTIONS if (value := pool.get(option)) is not None}
        yield from _problems_of_pool_values(f'DATABASES["{alias}"]["OPTIONS"]["pool"]', options)


def _problems_of_pool_values(name: str, options: Mapping[str, Any]) -> Iterator[str]:
    wrong = {
        option: problem for option, value in options.items() if (problem := _POOL_RULES[option](value)) is not None
    }
    for option, problem in wrong.items():
        yield f'{name}["{option}"] {problem}; got {options[option]!r}.'
    if not wrong and "max_size" in options and options.get("min_size", 0) > options["max_size"]:
        least, most = options["min_size"], options["max_size"]
        yield f'{name}["max_size"] must not be less than ["min_size"]; got {most} and {least}.'


def suggestion(name: object, choices: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: a similar choice, if there is one, and all choices."""
    known = list(choices)
    return f"{nearest(name, known)} Choices are: {', '.join(known)}."


def _shown(name: object) -> str:
    return f'"{name}"' if isinstance(name, str) else repr(name)


def _raise_first(problems: Iterable[str]) -> None:
    for problem in problems:
        raise ImproperlyConfigured(problem)


# -- values ------------------------------------------------------------------------------------------------------------


def check_alias(alias: str) -> None:
    """Raise `UnknownDatabase` for an alias that is not in `DATABASES`."""
    if alias not in connections.settings:
        raise UnknownDatabase(alias=alias, choices=connections)


def alias_settings(alias: str) -> AliasSettings:
    """The settings of an alias.

    Raises `ImproperlyConfigured` for an unknown key or an invalid value, and for any alias in `ADJ` that is not in
    `DATABASES`.
    """
    configured = getattr(django_settings, "ADJ", {})
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured(_NO_ALIASES)
    _raise_first(_problems_of_names(configured))
    options = configured.get(alias, {})
    _raise_first(problems_of_alias(f'ADJ["{alias}"]', options))
    return AliasSettings(**options)


def check_djangos_pool(alias: str) -> None:
    """Raise `ImproperlyConfigured` for an invalid value of an option of Django's `OPTIONS["pool"]` that adj reads."""
    _raise_first(problems_of_djangos_pool(alias))


def pool_setting(alias: str, option: str) -> str:
    """The setting of a pool option, for messages: `ADJ["default"]["pool"]["max_size"]`.

    `ADJ` takes precedence over Django's `OPTIONS["pool"]`; an option that neither sets belongs into `ADJ`.
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
        raise ImproperlyConfigured(f"{name} {problem}; got {value!r}.")
    return int(value)


DEFAULT_PROBATION_RUNS = 2


def verified_share() -> float:
    """The share of runs of a cached plan that are compared with Django's own SQL, `ADJ_VERIFY`: 0 (default) to 1.

    Raises `ImproperlyConfigured` for anything but a number from 0 to 1.
    """
    share = getattr(django_settings, "ADJ_VERIFY", 0)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ImproperlyConfigured(f"ADJ_VERIFY must be a number from 0 to 1; got {share!r}.")
    return float(share)


def probation_runs() -> int:
    """How many runs of a new plan with other values are compared with Django's own SQL, `ADJ_PROBATION_RUNS`.

    Raises `ImproperlyConfigured` unless it is 0 or a positive integer.
    """
    runs = getattr(django_settings, "ADJ_PROBATION_RUNS", DEFAULT_PROBATION_RUNS)
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 0:
        raise ImproperlyConfigured(f"ADJ_PROBATION_RUNS must be 0 or a positive integer; got {runs!r}.")
    return runs
