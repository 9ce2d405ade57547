"""Relations: rows by the keys of many instances at once, related managers, and deferred columns."""
