"""adj's plugin for mypy: `plugins = ["adj_mypy.plugin"]`, which has django-stubs' own plugin inside.

`plugin` routes mypy's hooks, `project` knows the models, `state` is what a row carries; then one topic a module.
"""
