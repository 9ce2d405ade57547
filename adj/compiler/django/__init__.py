"""Statements as Django's QuerySets: building them, compiling them without a connection, and ending them."""
