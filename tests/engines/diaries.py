"""Diaries on an engine: a router sends every query of the models to it, and their tables are empty again afterwards."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from django.test import override_settings

from tests.diary.models import MODELS
from tests.engines.places import Place


class ToPlace:
    """A router with one destination."""

    alias = "default"

    def db_for_read(self, model: type, **hints: object) -> str:
        return self.alias

    def db_for_write(self, model: type, **hints: object) -> str:
        return self.alias

    def allow_relation(self, *instances: object, **hints: object) -> bool:
        return True


@contextmanager
def diaries(place: Place) -> Generator[None]:
    """Send everything to a place until the block ends."""
    ToPlace.alias = place.alias
    with override_settings(DATABASE_ROUTERS=[f"{ToPlace.__module__}.{ToPlace.__name__}"]):
        try:
            yield
        finally:
            for model in reversed(MODELS):
                place.execute(f"DELETE FROM {model._meta.db_table}")
