"""The Django application: only for projects that want adj's system checks without importing adj themselves."""

from __future__ import annotations

from django.apps import AppConfig


class AdjConfig(AppConfig):
    """`INSTALLED_APPS = ["adj", ...]`; there are no models."""

    name = "adj"
    verbose_name = "adj"
