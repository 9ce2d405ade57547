"""What a project may set: `settings.ADJ` per database alias, `settings.ADJ_PLAN_CACHE_SIZE` for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

EngineName = Literal["auto", "threads", "django"]

DEFAULT_PLAN_CACHE_SIZE = 1_024


@dataclass(frozen=True, slots=True)
class AliasSettings:
    """The settings of one alias, `ADJ = {"default": {"engine": "threads", "threads": 8}}`.

    `engine`: `threads` (worker threads that own their connection), `django` (Django's own connection and thread), or
    `auto`, which is `django` for an in-memory SQLite database and `threads` for everything else.
    `threads`: how many worker threads, and so how many connections, one event loop may use at a time.
    """

    engine: EngineName = "auto"
    threads: int = 8

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            raise ImproperlyConfigured(
                f"ADJ: engine {self.engine!r} is unknown; choose one of {', '.join(get_args(EngineName))}."
            )
        if not isinstance(self.threads, int) or isinstance(self.threads, bool) or self.threads < 1:
            raise ImproperlyConfigured(f"ADJ: threads must be a whole number from 1 on, not {self.threads!r}.")


def alias_settings(alias: str) -> AliasSettings:
    """The settings of an alias.

    Raises `ImproperlyConfigured` for a key or a value that adj does not know.
    """
    configured = getattr(django_settings, "ADJ", {})
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured('ADJ must be a dict of aliases, as in {"default": {"engine": "threads"}}.')
    given = configured.get(alias, {})
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f'ADJ["{alias}"] must be a dict, as in {{"engine": "threads"}}, not {given!r}.')
    known = {field.name for field in fields(AliasSettings)}
    if unknown := sorted(map(str, set(given) - known)):
        raise ImproperlyConfigured(
            f'ADJ["{alias}"]: unknown {", ".join(unknown)}; adj knows {", ".join(sorted(known))}.'
        )
    return AliasSettings(**given)


def plan_cache_size() -> int:
    """How many plans the process keeps, `ADJ_PLAN_CACHE_SIZE`.

    Raises `ImproperlyConfigured` when it is not a whole number from 1 on.
    """
    size = getattr(django_settings, "ADJ_PLAN_CACHE_SIZE", DEFAULT_PLAN_CACHE_SIZE)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ImproperlyConfigured(f"ADJ_PLAN_CACHE_SIZE must be a whole number from 1 on, not {size!r}.")
    return size
