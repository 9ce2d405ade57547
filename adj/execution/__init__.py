"""Where a plan meets a connection: databases of an event loop, the executor, prefetching, and transactions."""
