"""Will hold the mypy plugin: it asks `adj.schema` for the types that annotations alone cannot give."""
