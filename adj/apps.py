"""The Django application. It is optional: `import adj` registers the system checks as well."""

from __future__ import annotations

from django.apps import AppConfig


class AdjConfig(AppConfig):
    """`INSTALLED_APPS = ["adj", ...]`. The application does not have models."""

    name = "adj"
    verbose_name = "adj"
