"""Queries as data: clauses, terminal methods, row shapes, and their structure."""
