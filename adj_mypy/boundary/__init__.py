"""Everything that is private to mypy and django-stubs."""
