"""The models of a project, and how a stub refers to them."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from django.apps import apps
from django.db.models import Model

ModelClass: TypeAlias = type[Model]


@dataclass(frozen=True)
class Project:
    """The models that stubs are generated for, sorted by label."""

    models: tuple[ModelClass, ...]

    @cached_property
    def known(self) -> frozenset[ModelClass]:
        """The same models."""
        return frozenset(self.models)

    @cached_property
    def by_app(self) -> dict[str, list[ModelClass]]:
        """The models of each app label."""
        grouped: dict[str, list[ModelClass]] = {}
        for model in self.models:
            grouped.setdefault(model._meta.app_label, []).append(model)
        return grouped

    def has(self, model: Any) -> bool:
        """Whether stubs are generated for a model."""
        return model in self.known


def project_of(labels: Collection[str] | None) -> Project:
    """Return the installed models of some apps, or of all.

    Swapped models cannot be queried. Models that their module does not name, such as the automatic through models of
    many-to-many fields, cannot be named in a stub either. Raises `LookupError` for a label that is not installed.
    """
    for label in labels or ():
        apps.get_app_config(label)
    models = (model for model in apps.get_models() if labels is None or model._meta.app_label in labels)
    return Project(tuple(sorted(filter(is_importable, models), key=lambda model: model._meta.label)))


def is_importable(model: Any) -> bool:
    """Whether a model is what its module and its qualified name say."""
    found: Any = sys.modules.get(model.__module__)
    for name in model.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is model


# -- references --------------------------------------------------------------------------------------------------------

# A field's name may not end with an underscore, so that names which do are never hidden by an attribute of a class.


def module_alias(module: str) -> str:
    """Return the name under which a stub imports a module."""
    return module.replace(".", "__") + "_"


def reference(model: Any) -> str:
    """Return a model's own class, as a stub refers to it."""
    return f"{module_alias(model.__module__)}.{model.__qualname__}" if is_importable(model) else "Model"


def app_module(label: str) -> str:
    """Return the name of the module with an app's rows and queries."""
    return f"{label}_" if keyword.iskeyword(label) else label


def model_module(model: ModelClass) -> str:
    """Return the name of the module with a model's keywords and names; no model's name ends with an underscore."""
    name = model.__name__.lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def app_alias(label: str) -> str:
    """Return the name under which other stubs import an app's rows and queries."""
    return f"{label}_"


def imports_in(lines: Iterable[str]) -> list[str]:
    """Return the lines that import the modules of the models to which some lines refer."""
    text = "\n".join(lines)
    modules = sorted({model.__module__ for model in apps.get_models()})
    return [f"import {module} as {module_alias(module)}" for module in modules if f"{module_alias(module)}." in text]


def is_usable(name: str | None) -> bool:
    """Whether a name can be written as a keyword or an attribute."""
    return name is not None and name.isidentifier() and not keyword.iskeyword(name)
