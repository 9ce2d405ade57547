"""Models of third-party packages, asked by Django and by adj: `nox -s third_party`."""
