"""The app's name and label."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "tests.shop"
    label = "shop"

    def ready(self) -> None:
        from tests.shop import lookups  # importing registers them

        lookups.register()
