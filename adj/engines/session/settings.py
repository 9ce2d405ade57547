"""The session settings for the current context, which the function `ADJ[alias]["session"]` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, TypeAlias, cast

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.module_loading import import_string

from adj.engines.choice.choice import EngineChoice
from adj.errors import SessionChanged, UnsupportedFeature
from adj.settings import alias_settings, problem_of_session_function

Settings: TypeAlias = Mapping[str, str]


def problem_of_session(wrapper: BaseDatabaseWrapper, choice: EngineChoice) -> str | None:
    """Why an engine cannot apply the session settings of an alias, in sentences; None if it can.

    `wrapper` is a new wrapper of the alias.
    """
    alias, settings = choice.alias, alias_settings(choice.alias)
    if settings.pooler is not None and choice.engine != "psycopg":
        return f'ADJ["{alias}"]["pooler"] needs the engine "psycopg". {choice}'
    if settings.session is None:
        if hasattr(wrapper, "set_schema"):
            return (
                f'ADJ["{alias}"]["session"] is missing: the backend keeps the schema of a tenant on Django\'s '
                "connection, and adj's connections would read another one. Name a function that returns the "
                "search_path of the current tenant."
            )
    elif wrapper.vendor != "postgresql" or choice.engine == "django":
        return f'ADJ["{alias}"]["session"] needs PostgreSQL with the engine "psycopg" or "threads". {choice}'
    try:
        settings_function(alias)
    except ImproperlyConfigured as error:
        return str(error)
    return None


def settings_function(alias: str) -> Callable[[], Settings] | None:
    """The function of an alias, with a check of its results; None if it has none.

    Raises `ImproperlyConfigured` for a path that cannot be imported, or is not that of a function.
    """
    setting = alias_settings(alias).session
    if setting is None:
        return None
    function = _imported(alias, setting) if isinstance(setting, str) else setting
    if (problem := problem_of_session_function(f'ADJ["{alias}"]', function, setting)) is not None:
        raise ImproperlyConfigured(problem)
    call = cast("Callable[[], object]", function)
    return lambda: _checked(alias, call())


def _imported(alias: str, path: str) -> object:
    try:
        return import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f'ADJ["{alias}"]["session"]: cannot import "{path}".') from error


def _checked(alias: str, settings: object) -> Settings:
    if isinstance(settings, Mapping) and all(isinstance(part, str) for item in settings.items() for part in item):
        return settings
    raise ImproperlyConfigured(
        f'ADJ["{alias}"]["session"] must return a dict that maps names of settings to values, both str, such as '
        f'{{"search_path": "tenant_7"}}; got {settings!r}.'
    )


def refuse_change(alias: str, wanted: Settings, has: Settings | None) -> NoReturn:
    """Raise `SessionChanged`: the transaction began with settings that differ from those of the current context."""
    raise SessionChanged(alias=alias, names=sorted({name for name, _ in wanted.items() ^ (has or {}).items()}))


def refuse_pooler(alias: str) -> NoReturn:
    """Raise `UnsupportedFeature`: behind a pooler, the settings would change a session of another client."""
    raise UnsupportedFeature(
        query="run_sync()",
        reason=f'ADJ["{alias}"]["session"] behind a pooler needs the engine "psycopg", '
        "but this code runs on a thread for another database.",
    )


def changes(wanted: Settings, has: Settings | None, before: Settings) -> Settings:
    """The settings to apply: those that differ, and the original values of those that are no longer wanted.

    If it is not known what the session has, these are all settings that have been set before.
    """
    if has is None:
        return {**before, **wanted}
    gone = {name: before[name] for name in has.keys() - wanted.keys()}
    return {**gone, **{name: value for name, value in wanted.items() if has.get(name) != value}}
