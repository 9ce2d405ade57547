"""Which module answers which of mypy's hooks."""
