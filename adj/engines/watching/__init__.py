"""Who watches queries: execute wrappers, Django's query log, and counts."""
