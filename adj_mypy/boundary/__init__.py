"""Private API of mypy and django-stubs, and the guard around every hook."""
