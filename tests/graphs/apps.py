"""The app's name and label."""

from __future__ import annotations

from django.apps import AppConfig


class GraphsConfig(AppConfig):
    name = "tests.graphs"
    label = "graphs"
