"""adj's plugin for mypy, which runs django-stubs' plugin inside: `plugins = ["adj_mypy.plugin"]`.

`plugin` routes mypy's hooks to `hooks`. The other packages answer one question each; a package imports only those
before it: `boundary`, `models`, `expressions`, `row_state`, `calls`, `lookups`, `rows`.
"""
