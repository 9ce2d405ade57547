"""A database backend of a project."""
