"""The app's name and label."""

from __future__ import annotations

from django.apps import AppConfig


class DiaryConfig(AppConfig):
    name = "tests.diary"
    label = "diary"
