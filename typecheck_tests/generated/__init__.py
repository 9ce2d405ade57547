"""Queries that a seeded generator writes: mypy with the plugin and Django have to be of one mind about each."""
