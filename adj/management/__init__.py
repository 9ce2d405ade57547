"""Management commands, for projects with "adj" in `INSTALLED_APPS`; `python -m adj` works in every project."""
