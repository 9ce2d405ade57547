"""Sphinx: Markdown pages, a reference from docstrings, and links to Django's documentation that need no network."""

from __future__ import annotations

import zlib
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Some of Django's modules read settings when they are imported.
settings.configure(INSTALLED_APPS=[], DATABASES={})
# A model's class, AsyncModel among them, can be made only when Django knows its apps.
django.setup()

project = "adj"
author = "the adj authors"
copyright = "2026, the adj authors"  # noqa: A001  # the name Sphinx reads
release = version_of("adj")
version = ".".join(release.split(".")[:2])

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx_design"]
# The table of errors is included in a page, and is none itself.
exclude_patterns = ["_build", "reference/errors-table.md"]
# `name` in a docstring is code, as it is in Markdown.
default_role = "code"

html_theme = "furo"
html_title = f"adj {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# The name alone: `AsyncQuery[M, R]`, not `adj.query.async_query.AsyncQuery[adj.typevars.M, adj.typevars.R]`.
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True

# -- Django's documentation --------------------------------------------------------------------------------------------

DJANGO = "https://docs.djangoproject.com/en/stable/"

# The names of Django that our pages refer to, and their pages. A copy of Django's own inventory would have to be
# fetched; these few lines make one of what we use, so that a build gives the same links with and without a network.
DJANGO_NAMES = {
    "django.core.exceptions.FieldError": ("exception", "ref/exceptions/"),
    "django.core.exceptions.SynchronousOnlyOperation": ("exception", "ref/exceptions/"),
    "django.db.NotSupportedError": ("exception", "ref/exceptions/"),
    "django.db.OperationalError": ("exception", "ref/exceptions/"),
    "django.db.models.Manager": ("class", "topics/db/managers/"),
    "django.db.models.Model": ("class", "ref/models/instances/"),
    "django.db.models.Prefetch": ("class", "ref/models/querysets/"),
    "django.db.models.Q": ("class", "ref/models/querysets/"),
    "django.db.models.query.QuerySet": ("class", "ref/models/querysets/"),
    "django.db.transaction.atomic": ("function", "topics/db/transactions/"),
    "django.test.TestCase": ("class", "topics/testing/tools/"),
}


def write_inventory(path: Path) -> Path:
    """Write `DJANGO_NAMES` as a Sphinx inventory, the form in which intersphinx reads other projects' names."""
    lines = [f"{name} py:{kind} 1 {page}#$ -\n" for name, (kind, page) in DJANGO_NAMES.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"# Sphinx inventory version 2\n# Project: Django\n# Version: stable\n"
        b"# The remainder of this file is compressed using zlib.\n" + zlib.compress("".join(lines).encode())
    )
    return path


intersphinx_mapping = {
    "django": (DJANGO, str(write_inventory(Path(__file__).parent / "_build" / "django.inv"))),
}

# -- docstrings --------------------------------------------------------------------------------------------------------


def fences_to_blocks(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are written in Markdown: turn its fenced blocks into what autodoc reads."""
    converted: list[str] = []
    is_inside = False
    for line in lines:
        if line.startswith("```"):
            is_inside = not is_inside
            converted += [f".. code-block:: {line[3:].strip() or 'text'}", ""] if is_inside else [""]
        else:
            converted.append(f"   {line}" if is_inside else line)
    lines[:] = converted


def setup(app: Sphinx) -> None:
    """Connect the conversion of docstrings."""
    app.connect("autodoc-process-docstring", fences_to_blocks)
