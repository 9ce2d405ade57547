"""The app."""

from __future__ import annotations

from django.apps import AppConfig


class WalksConfig(AppConfig):
    """Models that pages are cut of."""

    name = "tests.walks"
    label = "walks"
