"""The sources of the Django that is installed, with its tests: its source distribution, fetched by pip and unpacked."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import django

FOLDER = Path(".django-suite")


def fetch_sources() -> Path:
    """Django's source distribution, unpacked."""
    folder = FOLDER / f"django-{django.__version__}"
    if not folder.exists():
        FOLDER.mkdir(exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "django"]
        subprocess.run([*pip, f"django=={django.__version__}", "--dest", FOLDER], check=True)
        with tarfile.open(FOLDER / f"django-{django.__version__}.tar.gz") as archive:
            archive.extractall(FOLDER, filter="data")
    return folder.resolve()
