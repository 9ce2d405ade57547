"""Run django-stubs' plugin inside adj's, and read the classes that it creates.

Private API of django-stubs used here: `mypy_django_plugin.main` (of `NewSemanalDjangoPlugin`:
`django_context.apps_registry`), and the suffix `@AnnotatedWith`. Of mypy: `ExtraAttrs`.
"""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from mypy.options import Options
from mypy.types import ExtraAttrs, Instance, Type, TypedDictType, get_proper_type

from adj_mypy.boundary.usage import exit_with_usage

try:
    from mypy_django_plugin.main import NewSemanalDjangoPlugin
except ImportError as error:
    raise ImportError(f'it requires django-stubs: pip install "adj[mypy]" ({error})') from error

ANNOTATED_WITH: Final = "@AnnotatedWith"
"""Part of the name of the class that django-stubs creates for rows with annotations."""

_LIBRARIES: Final = (
    *{sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")},
    str(Path(__file__).parents[1]),
)

DjangoPlugin: TypeAlias = NewSemanalDjangoPlugin


def set_up_django(options: Options) -> DjangoPlugin:
    """Return django-stubs' plugin, which loads the project's settings and models; exit with a message if it cannot."""
    try:
        return NewSemanalDjangoPlugin(options)
    except Exception as error:  # noqa: BLE001  # importing the project's modules may raise anything
        exit_with_usage(
            f"Django could not load the project: {type(error).__name__}: {_text_of(error)}{_place_of(error)}"
        )


def _text_of(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


def _place_of(error: Exception) -> str:
    """Return where the project's own code raised: the last frame outside of libraries."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    own = [place for place in places if not place.startswith((*_LIBRARIES, "<"))]
    return f" ({own[-1]})" if own else ""


def registered_models(plugin: DjangoPlugin) -> Iterable[type[Any]]:
    """Return the models in Django's registry, including swapped models and automatic through models."""
    registry: Any = plugin.django_context.apps_registry
    return cast("Iterable[type[Any]]", registry.get_models(include_auto_created=True, include_swapped=True))


def with_attributes(query: Type) -> Type:
    """Restore the attributes of django-stubs' `Book@AnnotatedWith[...]` rows, which mypy loses when it copies types."""
    proper = get_proper_type(query)
    if not isinstance(proper, Instance) or not any(map(_lacks_attributes, proper.args)):
        return query
    return proper.copy_modified(args=[_restored(argument) for argument in proper.args])


def annotations_of(typ: Type) -> TypedDictType | None:
    """Return the annotations of django-stubs' `WithAnnotations[Book, Counts]`; None for other types."""
    proper = get_proper_type(typ)
    if not isinstance(proper, Instance) or ANNOTATED_WITH not in proper.type.name or not proper.args:
        return None
    known = get_proper_type(proper.args[-1])
    return known if isinstance(known, TypedDictType) else None


def _lacks_attributes(typ: Type) -> bool:
    proper = get_proper_type(typ)
    return isinstance(proper, Instance) and proper.extra_attrs is None and ANNOTATED_WITH in proper.type.name


def _restored(typ: Type) -> Type:
    proper = get_proper_type(typ)
    if not isinstance(proper, Instance) or not proper.args or not _lacks_attributes(proper):
        return typ
    known = get_proper_type(proper.args[-1])
    attributes = dict(known.items) if isinstance(known, TypedDictType) else {}
    restored = proper.copy_modified()
    restored.extra_attrs = ExtraAttrs(attributes, immutable=set())
    return restored
