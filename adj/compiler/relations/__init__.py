"""Relations: their rows by the keys of many instances at once, prefetching, and deferred columns."""
