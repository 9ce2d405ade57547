"""Observers of queries: execute wrappers, Django's query log and counters."""
