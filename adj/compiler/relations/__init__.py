"""Relations: rows by the keys of many instances, prefetching, and deferred columns."""
