"""System checks, run by `manage.py check` and other commands: invalid settings, and the engine of each alias.

They are registered when adj is imported, and so in every project with "adj" in `INSTALLED_APPS`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from adj.engines.choice.choice import EngineChoice, engine_of
from adj.engines.choice.driver_options import problems_of_options
from adj.engines.choice.limits import most_connections, processes, session_limit
from adj.engines.choice.poolers import sign_of_pooler
from adj.engines.session.settings import problem_of_session
from adj.settings import alias_settings, problems, problems_of_djangos_pool


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Check `ADJ` and adj's other settings: unknown names, wrong types, values out of range."""
    return [checks.Error(problem, id="adj.E001") for problem in problems()]


@register()
def check_engines(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Report aliases with an unexpected engine, and invalid settings of their databases."""
    return [message for alias in connections.settings if _is_valid(alias) for message in _messages(alias)]


@register()
def report_engines(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Report the engine of the other aliases, and why: one message for all with the same engine and reason."""
    choices: dict[tuple[str, str], list[str]] = {}
    for alias in filter(_is_valid, connections.settings):
        with suppress(ImproperlyConfigured):
            choice = engine_of(alias)
            if _unexpected(choice) is None:
                choices.setdefault((choice.engine, choice.reason), []).append(f'"{alias}"')
    return [_report(*choice, aliases) for choice, aliases in choices.items()]


@register(Tags.database)
def check_connections(
    app_configs: Sequence[AppConfig] | None, databases: Collection[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Compare the connections that adj may open with the server's limit, for `manage.py check --database default`."""
    return [message for alias in databases or () if _is_valid(alias) for message in _messages_of_limit(alias)]


@register()
def check_stubs(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Report generated stubs that are older than the models; projects without stubs are not asked for them."""
    # Imported when the checks run: production processes do not need it.
    from adj.stubgen.stale import stale_folder

    folder = stale_folder(Path.cwd())
    if folder is None:
        return []
    message = f"The models have changed since the stubs in {folder} were generated."
    return [checks.Warning(message, hint="Run `manage.py adj stubs`.", id="adj.W004")]


def _is_valid(alias: str) -> bool:
    """Whether the settings of an alias can be read; `check_settings()` reports the others."""
    try:
        alias_settings(alias)
    except ImproperlyConfigured:
        return False
    return True


def _messages(alias: str) -> Iterator[CheckMessage]:
    try:
        choice = engine_of(alias)
    except ImproperlyConfigured as error:
        yield checks.Error(str(error), id="adj.E002")
        return
    if (message := _unexpected(choice)) is not None:
        yield message
    if (problem := problem_of_session(connections.create_connection(alias), choice)) is not None:
        yield checks.Error(problem, id="adj.E002")
    elif _is_postgresql(alias) and (pooler := sign_of_pooler(connections.settings[alias])) is not None:
        yield from _messages_of_pooler(choice, pooler)
    if choice.engine == "psycopg":
        yield from (checks.Error(problem, id="adj.E003") for problem in problems_of_djangos_pool(alias))
        if (max_age := connections.settings[alias]["CONN_MAX_AGE"]) != 0:
            yield _max_age(alias, max_age)
    yield from (checks.Error(problem, id="adj.E004") for problem in problems_of_options(alias))


def _unexpected(choice: EngineChoice) -> CheckMessage | None:
    """A message about a PostgreSQL alias that does not use the native engine, unless the project chose another one."""
    if choice.advice is not None:
        return checks.Warning(str(choice), hint=choice.advice, id="adj.W001")
    if choice.engine == "threads" and _is_postgresql(choice.alias) and alias_settings(choice.alias).engine == "auto":
        return checks.Info(str(choice), id="adj.I001")
    return None


def _report(engine: str, reason: str, aliases: Sequence[str]) -> CheckMessage:
    *others, last = aliases
    subject = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return checks.Debug(f'{subject} served by the engine "{engine}": {reason}', id="adj.D001")


def _messages_of_pooler(choice: EngineChoice, pooler: str) -> Iterator[CheckMessage]:
    """Messages about settings that a transaction pooler would break, if `ADJ` does not name the pooler."""
    alias, settings = choice.alias, alias_settings(choice.alias)
    if choice.engine == "psycopg" and settings.pooler is None:
        yield checks.Warning(
            f'"{alias}" seems to use a pooler ({pooler}), but ADJ["{alias}"]["pooler"] is not set.',
            hint=f'Set ADJ["{alias}"]["pooler"] = "transaction" if the pooler assigns sessions by transaction. '
            "Otherwise silence adj.W003.",
            id="adj.W003",
        )
    elif choice.engine == "threads" and settings.session is not None:
        yield checks.Warning(
            f'"{alias}" seems to use a pooler ({pooler}). With the engine "threads", ADJ["{alias}"]["session"] '
            "requires that all transactions of a connection use the same session.",
            hint='Use the engine "psycopg" with "pooler": "transaction", or a pooler in session mode. '
            "If the pooler already is in session mode, silence adj.W003.",
            id="adj.W003",
        )


def _is_postgresql(alias: str) -> bool:
    return connections.create_connection(alias).vendor == "postgresql"


def _max_age(alias: str, max_age: object) -> CheckMessage:
    return checks.Debug(
        f'DATABASES["{alias}"]["CONN_MAX_AGE"] = {max_age!r} does not apply to the pool of the engine "psycopg".',
        hint=f'Use "max_idle" and "max_lifetime" in ADJ["{alias}"]["pool"].',
        id="adj.D002",
    )


def _messages_of_limit(alias: str) -> Iterator[CheckMessage]:
    try:
        (most, setting), allowed, count = most_connections(alias), session_limit(alias), processes()
    except (ImproperlyConfigured, DatabaseError):
        # Reported by Django's own checks, or by `check_engines()`.
        return
    if allowed is not None and most * count > allowed:
        share = f"{count} processes may open {most * count}" if count > 1 else f"one process may open {most}"
        yield checks.Warning(
            f'{share} connections to "{alias}", but its server allows {allowed} at a time.',
            hint=f"Lower {setting}, so that all processes together stay below the limit.",
            id="adj.W002",
        )
