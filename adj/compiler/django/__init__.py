"""Statements as Django QuerySets: building, compiling without a connection, and terminal methods."""
