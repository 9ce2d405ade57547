"""One call that mypy asks about: its receiver, its arguments and its result."""
