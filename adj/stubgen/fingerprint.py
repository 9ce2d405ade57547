"""A fingerprint of a project's models, by which a system check sees that stubs are out of date.

It is computed at each start of `manage.py`, and so without reading sources; `manage.py adj stubs --check` compares the
files themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from django.utils import translation

from adj.schema.paths import property_names
from adj.stubgen.fields import fields_of
from adj.stubgen.options import StubOptions
from adj.stubgen.project import Project
from adj.stubgen.public import public_imports, version


def fingerprint(project: Project, options: StubOptions) -> str:
    """Return a digest of what the stubs depend on, except for the paths that sources use."""
    digest = sha256()
    # The texts of fields are those of the sources.
    with translation.override(None):
        for fact in _facts(project, options):
            digest.update(fact.encode() + b"\0")
    return digest.hexdigest()[:16]


def _facts(project: Project, options: StubOptions) -> Iterator[str]:
    yield from (version(), *public_imports())
    yield f"{options.lookups} {options.values} {options.depth}"
    for model in project.models:
        yield f"{model.__module__}.{model.__qualname__} {property_names(model)}"
        for each in fields_of(model):
            field, kind, related = each.field, type(each.field), each.related
            yield f"{each.name} {each.attribute} {each.column_attribute} {kind.__module__}.{kind.__qualname__}"
            yield f"{each.is_nullable} {getattr(field, 'null', None)} {bool(getattr(field, 'choices', None))}"
            yield "" if related is None else related._meta.label
            yield f"{getattr(field, 'verbose_name', '')} {getattr(field, 'help_text', '')}"
