"""mypy's hooks, and the function that handles each name."""
